"""Choices between elements: limits, and one tensor or another."""

from __future__ import annotations

import numpy as np
from onnx_ir import DataType, Value

from dragoman.converters.mxnet.arithmetic import FLOATS, dtype_of, number, same_type, select, truth
from dragoman.converters.mxnet.arithmetic import scalar as constant
from dragoman.converters.mxnet.ops.binary import one_shape
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import dims


@op("clip")
def clip(g: SymbolBuilder, node: Node, data: Value, *, a_min: float, a_max: float) -> Value:
    """``a_max`` where data is above it, else ``a_min`` where data is below that; integers are limited by the truncated limits.

    tensor/matrix_op-inl.h, struct clip.
    """
    dtype = dtype_of(data)
    if dtype == DataType.BOOL:
        raise g.malformed(node, "takes numbers, its input is truths")
    limits = [np.float32(a_min), np.float32(a_max)]
    if dtype not in FLOATS:
        info = np.iinfo(dtype.numpy())
        limits = [np.clip(np.trunc(limit), float(info.min), float(info.max)) for limit in limits]
        if a_max <= info.min - 1 or a_min >= info.max + 1:
            raise g.unsupported(node, f"its limits {a_min} and {a_max} aren't {dtype}s")
        low, high = (g.const(np.array(min(int(limit), info.max), dtype.numpy())) for limit in limits)
    else:
        low, high = (number(g, data, limit) for limit in limits)
    if a_min <= a_max:
        return g.op("Clip", data, low, high)
    raised = g.op("Where", g.op("Less", data, low), low, data)
    return g.op("Where", g.op("Greater", data, high), high, raised)


@op("where")
def where(g: SymbolBuilder, node: Node, condition: Value, x: Value, y: Value) -> Value:
    """x where condition ≠ 0, else y: all of one shape, or condition (N) for the rows of x (N, …). control_flow_op.h."""
    same_type(g, node, x, y)
    one_shape(g, node, x, y)
    if DataType.BOOL in (dtype_of(condition), dtype_of(x)):
        raise g.malformed(node, "takes numbers, an input is truths")
    rank = g.rank(node, x)
    if g.rank(node, condition) == 1 < rank:
        if isinstance(dims(condition)[0], int) and isinstance(dims(x)[0], int) and dims(condition)[0] != dims(x)[0]:
            raise g.malformed(node, f"its condition has {dims(condition)[0]} rows, its x {dims(x)[0]}")
        condition = g.op("Unsqueeze", condition, g.const(list(range(1, rank))))
    else:
        one_shape(g, node, condition, x)
    return g.op("Where", truth(g, condition), x, y)


@op("_npi_where")
def numpy_where(g: SymbolBuilder, node: Node, condition: Value, x: Value, y: Value) -> Value:
    """x where condition ≠ 0, else y, all broadcast. np_where_op.cc."""
    same_type(g, node, x, y)
    return select(g, truth(g, condition), x, y)


@op("_npi_where_lscalar")
def where_left_scalar(g: SymbolBuilder, node: Node, condition: Value, x: Value, *, scalar: float = 0.0) -> Value:
    """``scalar`` where condition ≠ 0, else x, broadcast. np_where_op.cc."""
    return select(g, truth(g, condition), constant(g, node, scalar, dtype_of(x)), x)


@op("_npi_where_rscalar")
def where_right_scalar(g: SymbolBuilder, node: Node, condition: Value, y: Value, *, scalar: float = 0.0) -> Value:
    """y where condition ≠ 0, else ``scalar``, broadcast. np_where_op.cc."""
    return select(g, truth(g, condition), y, constant(g, node, scalar, dtype_of(y)))


@op("_npi_where_scalar2")
def where_scalars(g: SymbolBuilder, node: Node, condition: Value, *, x: float = 0.0, y: float = 0.0) -> Value:
    """x where condition ≠ 0, else y, as float32. np_where_op.cc."""
    left, right = (constant(g, node, value, DataType.FLOAT) for value in (x, y))
    return g.op("Where", truth(g, condition), left, right)
