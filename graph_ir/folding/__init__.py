"""Evaluating a node whose inputs are all constant."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.folding import elementwise, movement, reduction, reference
from dragoman.graph_ir.folding.call import Array, Call, CannotFoldError, Kernel

_KERNELS: dict[str, Kernel] = elementwise.KERNELS | movement.KERNELS | reduction.KERNELS

FOLDABLE = frozenset(_KERNELS) | reference.RARE
"""The operators that can be folded: those that are deterministic, and no part of a quantisation."""

_DTYPES = frozenset(
    dtype
    for dtype in ir.DataType
    if dtype in (ir.DataType.BOOL, ir.DataType.BFLOAT16)
    or (dtype.is_integer() and dtype.bitwidth >= 8)
    or dtype in (ir.DataType.FLOAT16, ir.DataType.FLOAT, ir.DataType.DOUBLE)
)
"""Strings, complex numbers, and numbers of fewer than 8 bits stay as they are."""

__all__ = ["FOLDABLE", "fold"]


def fold(node: ir.Node, opset: int, *, limit: int) -> list[Array] | None:
    """The outputs of ``node`` if it is a standard operator of constant inputs, and neither they nor the results exceed
    ``limit`` elements; None if it has to stay. Results are of the type that ONNX says, rounded as ONNX Runtime rounds.
    """
    if node.domain or node.op_type not in FOLDABLE or not node.inputs or not all(out.name for out in node.outputs):
        return None
    tensors: list[ir.TensorProtocol | None] = []
    for value in node.inputs:
        tensor = None if value is None else ir.convenience.get_const_tensor(value)
        if value is not None and (tensor is None or tensor.dtype not in _DTYPES or tensor.size > limit):
            return None
        tensors.append(tensor)
    arrays = [None if tensor is None else tensor.numpy() for tensor in tensors]
    try:
        results = _results(node, opset, arrays, limit)
    except (CannotFoldError, ValueError, IndexError, TypeError, NotImplementedError):
        return None  # too big, or a node that no runtime runs: it will say so
    return results


def _results(node: ir.Node, opset: int, arrays: Sequence[Array | None], limit: int) -> list[Array]:
    kernel = _KERNELS.get(node.op_type)
    results: Sequence[Array] | None = None
    if kernel is not None:
        call = Call(node.op_type, opset, arrays, node.attributes, len(node.outputs), limit)
        try:
            with np.errstate(all="ignore"):
                found = kernel(call)
        except CannotFoldError:
            if node.op_type not in reference.RARE:
                raise
        else:
            results = [found] if isinstance(found, np.ndarray) else found
    if results is None:
        if not all(_is_small(out, limit) for out in node.outputs):
            raise CannotFoldError("a result of unknown size")
        with np.errstate(all="ignore"):
            results = reference.evaluate(node, opset, arrays)
    for out, result in zip(node.outputs, results, strict=True):
        if result.size > limit or (out.dtype is not None and result.dtype != out.dtype.numpy()):
            raise CannotFoldError(f"a result of {result.dtype}")
    return [np.asarray(result, order="C") for result in results]


def _is_small(value: ir.Value, limit: int) -> bool:
    if value.shape is None:
        return False
    known = [d for d in value.shape if isinstance(d, int)]
    return len(known) == len(value.shape) and math.prod(known) <= limit
