"""Two tensors, element by element: of one shape, or broadcast as numpy does."""

from __future__ import annotations

from collections.abc import Mapping

from onnx_ir import DataType, Value

from dragoman.converters.mxnet.arithmetic import FLOATS, cast, dtype_of, floats_only, promoted, same_type
from dragoman.converters.mxnet.operations import ARITHMETIC, BITWISE, COMPARISONS
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import dims

_ALIKE: Mapping[str, str] = {
    "elemwise_add": "add",
    "elemwise_sub": "subtract",
    "elemwise_mul": "multiply",
    "elemwise_div": "divide",
    "_grad_add": "add",
    "_scatter_elemwise_div": "divide",
    **{f"_{name}": name for name in ("mod", "power", "maximum", "minimum", "hypot")},
    **{f"_{name.replace('less', 'lesser')}": name for name in COMPARISONS},
}
"""Operators whose inputs must be of one shape."""

_BROADCAST: Mapping[str, str] = {
    "broadcast_add": "add",
    "broadcast_sub": "subtract",
    "broadcast_mul": "multiply",
    "broadcast_div": "divide",
    **{f"broadcast_{name}": name for name in ("mod", "power", "maximum", "minimum", "hypot")},
    **{f"broadcast_{name.replace('less', 'lesser')}": name for name in COMPARISONS},
}

_MIXED = ("add", "subtract", "multiply", "mod", "power")
"""numpy's operators that take two types."""
_NUMPY = {f"_npi_{name}": name for name in ("hypot", "arctan2", "copysign", "ldexp")}


def _classic(g: SymbolBuilder, node: Node, row: str, lhs: Value, rhs: Value) -> Value:
    dtype = same_type(g, node, lhs, rhs)
    if dtype == DataType.BOOL:
        raise g.malformed(node, "takes numbers, its inputs are truths")
    if row in COMPARISONS:
        return cast(g, COMPARISONS[row](g, lhs, rhs), dtype)
    return ARITHMETIC[row](g, lhs, rhs)


@op(*_ALIKE)
def alike(g: SymbolBuilder, node: Node, lhs: Value, rhs: Value) -> Value:
    """An operation on tensors of one shape and type; comparisons give 0 and 1 of that type. elemwise_binary_op*.cc."""
    one_shape(g, node, lhs, rhs)
    return _classic(g, node, _ALIKE[node.op], lhs, rhs)


@op(*_BROADCAST)
def broadcast(g: SymbolBuilder, node: Node, lhs: Value, rhs: Value) -> Value:
    """The same on shapes that are aligned at their ends, where 1 stretches. elemwise_binary_broadcast_op*.cc."""
    return _classic(g, node, _BROADCAST[node.op], lhs, rhs)


@op(*(f"_npi_{name}" for name in _MIXED))
def numpy_mixed(g: SymbolBuilder, node: Node, lhs: Value, rhs: Value) -> Value:
    """An operation broadcast in the common type: that of the float if one is, the wider otherwise. np_elemwise_broadcast_op.cc."""
    dtype, name = promoted(g, node, lhs, rhs), node.op.removeprefix("_npi_")
    if name in ("subtract", "mod") and dtype == DataType.BOOL:
        raise g.malformed(node, "takes numbers, its inputs are truths")
    return ARITHMETIC[name](g, cast(g, lhs, dtype), cast(g, rhs, dtype))


@op(*_NUMPY)
def numpy_arithmetic(g: SymbolBuilder, node: Node, x1: Value, x2: Value) -> Value:
    """An operation broadcast over tensors of one type. np_elemwise_broadcast_op.cc."""
    name = _NUMPY[node.op]
    if same_type(g, node, x1, x2) == DataType.BOOL:
        raise g.malformed(node, "takes numbers, its inputs are truths")
    if name in ("arctan2", "hypot"):
        floats_only(g, node, x1)
    return ARITHMETIC[name](g, x1, x2)


@op("_npi_true_divide")
def true_divide(g: SymbolBuilder, node: Node, lhs: Value, rhs: Value) -> Value:
    """lhs / rhs, broadcast: two integers of one type as float32, an integer and a float as that float. np_true_divide.cc."""
    types = {dtype_of(lhs), dtype_of(rhs)}
    floats = [kind for kind in FLOATS if kind in types]
    if len(types) == 2 and len(floats) != 1:
        raise g.malformed(node, f"MXNet doesn't divide {dtype_of(lhs)} by {dtype_of(rhs)}")
    dtype = floats[0] if floats else DataType.FLOAT
    return g.op("Div", cast(g, lhs, dtype), cast(g, rhs, dtype))


@op(*(f"_npi_{name}" for name in COMPARISONS))
def numpy_comparison(g: SymbolBuilder, node: Node, lhs: Value, rhs: Value) -> Value:
    """A comparison, broadcast, as truths. np_elemwise_broadcast_logic_op.cc."""
    name = node.op.removeprefix("_npi_")
    if not name.startswith("logical"):
        same_type(g, node, lhs, rhs)
    return COMPARISONS[name](g, lhs, rhs)


@op(*(f"_npi_{name}" for name in BITWISE))
def bitwise(g: SymbolBuilder, node: Node, lhs: Value, rhs: Value) -> Value:
    """The bits of two integers, or truths, broadcast. np_elemwise_broadcast_op_extended.cc."""
    if same_type(g, node, lhs, rhs) in FLOATS:
        raise g.malformed(node, "takes integers, its inputs are floating-point")
    return BITWISE[node.op.removeprefix("_npi_")](g, lhs, rhs)


@op("add_n")
def add_n(g: SymbolBuilder, node: Node, *args: Value, num_args: int | None = None) -> Value:
    """The sum of tensors of one shape and type. elemwise_sum.cc."""
    if not args or num_args not in (None, len(args)):
        raise g.malformed(node, f"has {len(args)} inputs and num_args {num_args}")
    same_type(g, node, *args)
    one_shape(g, node, *args)
    total = args[0] if len(args) > 1 else g.op("Identity", args[0])
    for term in args[1:]:
        total = g.op("Add", total, term)
    return total


def one_shape(g: SymbolBuilder, node: Node, *values: Value) -> None:
    """An error if ``values`` are known to differ in shape."""
    first = dims(values[0])
    for value in values[1:]:
        other = dims(value)
        pairs = zip(first, other, strict=False)
        if len(first) != len(other) or any(isinstance(a, int) and isinstance(b, int) and a != b for a, b in pairs):
            raise g.malformed(node, f"its inputs must be of one shape, they are {list(first)} and {list(other)}")
