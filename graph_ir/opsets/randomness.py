"""Random operators."""

from __future__ import annotations

import onnx_ir as ir

from dragoman.graph_ir.opsets.operators import cast
from dragoman.graph_ir.opsets.step import Emitter, attribute, dtype_of, lowers, needed

_BFLOAT16, _FLOAT = ir.DataType.BFLOAT16, ir.DataType.FLOAT


@lowers(22, "Bernoulli", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike")
def drawn_as_float(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 22 bfloat16 was neither taken nor drawn (Bernoulli drew it): it is float32, rounded."""
    like = node.inputs[0] if node.inputs else None
    given = like.dtype if like is not None else _FLOAT
    dtype = ir.DataType(attribute(node, "dtype", (given or _FLOAT).value))
    if _BFLOAT16 not in (dtype, given):
        return None
    inputs = [] if like is None else [cast(e, like, _FLOAT) if given == _BFLOAT16 else like]
    drawn = _FLOAT if dtype == _BFLOAT16 else dtype
    return cast(e, e.op(node.op_type, *inputs, **{**node.attributes, "dtype": drawn.value}), dtype)


@lowers(15, "Bernoulli")
def bernoulli(node: ir.Node, e: Emitter) -> ir.Value:
    """1 where a number drawn between 0 and 1 is below the probability."""
    p = needed(node, 0)
    drawn = e.op("RandomUniformLike", p, low=0.0, high=1.0, seed=attribute(node, "seed"), dtype=dtype_of(p).value)
    return cast(e, e.op("Less", drawn, p), ir.DataType(attribute(node, "dtype", dtype_of(p).value)))
