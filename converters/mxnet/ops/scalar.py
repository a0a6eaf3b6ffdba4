"""A tensor and a number: ``y[i] = f(x[i], scalar)``.

The scalar is a double, and ``is_int`` says whether it was a whole number in the program: one that wasn't makes float64 of integers.
Files of before 1.8 don't say, which counts as whole; it is then truncated for an integer tensor.
"""

from __future__ import annotations

from collections.abc import Mapping

from onnx_ir import DataType, Value

from dragoman.converters.mxnet.arithmetic import FLOATS, cast, dtype_of
from dragoman.converters.mxnet.arithmetic import scalar as constant
from dragoman.converters.mxnet.operations import ARITHMETIC, BITWISE, COMPARISONS, Operation, reversed_
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op

_ARITHMETIC: Mapping[str, Operation] = {
    "_plus_scalar": ARITHMETIC["add"],
    "_minus_scalar": ARITHMETIC["subtract"],
    "_rminus_scalar": reversed_(ARITHMETIC["subtract"]),
    "_mul_scalar": ARITHMETIC["multiply"],
    "_div_scalar": ARITHMETIC["divide"],
    "_rdiv_scalar": ARITHMETIC["divided"],
    "_scatter_plus_scalar": ARITHMETIC["add"],
    "_scatter_minus_scalar": ARITHMETIC["subtract"],
    **{f"_{name}_scalar": ARITHMETIC[name] for name in ("mod", "power", "maximum", "minimum", "hypot")},
    **{f"_r{name}_scalar": reversed_(ARITHMETIC[name]) for name in ("mod", "power")},
    **{
        f"_npi_{name}_scalar": ARITHMETIC[name]
        for name in ("add", "subtract", "multiply", "mod", "power", "arctan2", "copysign", "ldexp")
    },
    **{
        f"_npi_r{name}_scalar": reversed_(ARITHMETIC[name])
        for name in ("subtract", "mod", "power", "arctan2", "copysign", "ldexp")
    },
}
_COMPARISONS = {f"_{name.replace('less', 'lesser')}_scalar": operation for name, operation in COMPARISONS.items()}
_NUMPY_COMPARISONS = {f"_npi_{name}_scalar": operation for name, operation in COMPARISONS.items()}
_BITWISE = {f"_npi_{name}_scalar": operation for name, operation in BITWISE.items()}


def _pair(g: SymbolBuilder, node: Node, data: Value, scalar: float, is_int: bool) -> tuple[Value, Value]:
    """The tensor and the scalar in the type that they are worked out in."""
    dtype = dtype_of(data)
    if dtype not in FLOATS:
        dtype = DataType.DOUBLE if not is_int else DataType.INT64 if dtype == DataType.BOOL else dtype
    return cast(g, data, dtype), constant(g, node, scalar, dtype)


@op(*_ARITHMETIC)
def arithmetic(g: SymbolBuilder, node: Node, data: Value, *, scalar: float = 1.0, is_int: bool = True) -> Value:
    """An operation with a scalar, a row of ``ARITHMETIC``; of truths and a whole scalar int64. elemwise_binary_scalar_op*.cc."""
    return _ARITHMETIC[node.op](g, *_pair(g, node, data, scalar, is_int))


@op(*_COMPARISONS)
def comparison(g: SymbolBuilder, node: Node, data: Value, *, scalar: float = 1.0, is_int: bool = True) -> Value:
    """A comparison with a scalar as 0 and 1 of the type that is compared. elemwise_binary_scalar_op_logic.cc."""
    left, right = _pair(g, node, data, scalar, is_int)
    return cast(g, _COMPARISONS[node.op](g, left, right), dtype_of(left))


@op(*_NUMPY_COMPARISONS)
def numpy_comparison(g: SymbolBuilder, node: Node, data: Value, *, scalar: float = 1.0, is_int: bool = True) -> Value:
    """A comparison with a scalar, as truths; truths are compared with whether it is 0. np_elemwise_broadcast_logic_op.cc."""
    if dtype_of(data) == DataType.BOOL:
        return _NUMPY_COMPARISONS[node.op](g, data, constant(g, node, scalar, DataType.BOOL))
    return _NUMPY_COMPARISONS[node.op](g, *_pair(g, node, data, scalar, is_int))


@op(*_BITWISE)
def bitwise(g: SymbolBuilder, node: Node, data: Value, *, scalar: float = 1.0, is_int: bool = True) -> Value:
    """The bits of integers, or truths, with those of a scalar. np_elemwise_broadcast_op_extended.cc."""
    if dtype_of(data) in FLOATS:
        raise g.malformed(node, "takes integers, its input is floating-point")
    return _BITWISE[node.op](g, data, constant(g, node, scalar, dtype_of(data)))


@op("_npi_true_divide_scalar", "_npi_rtrue_divide_scalar")
def true_divide(g: SymbolBuilder, node: Node, data: Value, *, scalar: float = 1.0, is_int: bool = True) -> Value:
    """x / scalar or scalar / x; integers and truths as float32. np_true_divide.cc."""
    dtype = dtype_of(data) if dtype_of(data) in FLOATS else DataType.FLOAT
    left, right = cast(g, data, dtype), constant(g, node, scalar, dtype)
    return g.op("Div", left, right) if node.op == "_npi_true_divide_scalar" else g.op("Div", right, left)
