"""Cast and CastLike, whose attributes are about 8-bit floats only."""

from __future__ import annotations

import onnx_ir as ir

from dragoman.graph_ir.opsets.operators import cast
from dragoman.graph_ir.opsets.step import CannotConvertError, Emitter, attribute, dtype_of, lowers, needed


@lowers(24, "Cast")
def rounding_to_8_bits(node: ir.Node, e: Emitter) -> None:
    """``round_mode`` is about float8e8m0, which came with it."""
    if attribute(node, "to") == ir.DataType.FLOAT8E8M0.value:
        raise CannotConvertError("a cast to FLOAT8E8M0")
    node.attributes.pop("round_mode", None)


@lowers(19, "Cast")
def saturation_of_8_bits(node: ir.Node, e: Emitter) -> None:
    """``saturate`` is about the float8 types, which came with it."""
    to = ir.DataType(attribute(node, "to"))
    if to.is_floating_point() and to.bitwidth == 8:
        raise CannotConvertError(f"a cast to {to.name}")
    node.attributes.pop("saturate", None)


@lowers(24, "CastLike")
def rounding_like_8_bits(node: ir.Node, e: Emitter) -> None:
    """``round_mode`` is about float8e8m0, which came with it."""
    if needed(node, 1).dtype == ir.DataType.FLOAT8E8M0:
        raise CannotConvertError("a cast to FLOAT8E8M0")
    node.attributes.pop("round_mode", None)


@lowers(19, "CastLike")
def saturation_like_8_bits(node: ir.Node, e: Emitter) -> None:
    """``saturate`` is about the float8 types, which came with it."""
    like = needed(node, 1).dtype
    if like is not None and like.is_floating_point() and like.bitwidth == 8:
        raise CannotConvertError(f"a cast to {like.name}")
    node.attributes.pop("saturate", None)


@lowers(15, "CastLike")
def cast_like(node: ir.Node, e: Emitter) -> ir.Value:
    """A Cast to the type that the other tensor has."""
    x, to = needed(node, 0), dtype_of(needed(node, 1))
    return e.op("Identity", x) if x.dtype == to else cast(e, x, to)
