"""Casts after casts."""

from __future__ import annotations

import onnx_ir as ir

from dragoman.graph_ir.passes.editing import attribute, is_op
from dragoman.graph_ir.passes.rewriting import Rewriter, Rule, rewrite

_MANTISSA = {ir.DataType.FLOAT16: 11, ir.DataType.BFLOAT16: 8, ir.DataType.FLOAT: 24, ir.DataType.DOUBLE: 53}
"""Bits of the integers that each type holds exactly."""


def merge_casts(model: ir.Model) -> bool:
    """A Cast reads through one before it that loses nothing."""
    return rewrite(model, RULES)


def _cast(node: ir.Node, r: Rewriter) -> bool:
    middle = node.inputs[0]
    inner = middle.producer() if middle is not None else None
    if inner is None or not is_op(inner, "Cast") or inner.graph is not node.graph or inner.inputs[0] is None:
        return False
    source, target = inner.inputs[0], ir.DataType(attribute(node, "to"))
    if source.dtype is None or not _same(source.dtype, ir.DataType(attribute(inner, "to")), target):
        return False
    r.inherit(node, inner)
    r.read(node, 0, source)
    return True


def _same(source: ir.DataType, middle: ir.DataType, target: ir.DataType) -> bool:
    """Whether ``source`` → ``target`` is what it is through ``middle``: nothing is lost on the way, and what the last step
    does to a number depends on the number only.
    """
    if not _is_exact(source, middle):
        return False
    if target in (source, ir.DataType.BOOL) or _is_exact(source, target):
        return True
    floats = [kind in _MANTISSA for kind in (source, middle, target)]
    return floats in ([True, True, True], [False, False, False])


def _is_exact(source: ir.DataType, target: ir.DataType) -> bool:
    """Whether ``target`` has every number of ``source``."""
    if source == target:
        return True
    known = (*_MANTISSA, ir.DataType.BOOL)
    if any(kind not in known and not (kind.is_integer() and kind.bitwidth >= 8) for kind in (source, target)):
        return False
    if source == ir.DataType.BOOL:
        return True
    if target == ir.DataType.BOOL:
        return False
    if source in _MANTISSA:
        return target in _MANTISSA and target.bitwidth > source.bitwidth
    digits = source.bitwidth - source.is_signed()
    if target in _MANTISSA:
        return digits <= _MANTISSA[target]
    return digits <= target.bitwidth - target.is_signed() and target.is_signed() >= source.is_signed()


RULES: dict[str, list[Rule]] = {"Cast": [_cast]}
"""By operator."""
