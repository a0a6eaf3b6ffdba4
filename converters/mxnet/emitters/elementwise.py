"""Arithmetic, comparisons, logic."""

from __future__ import annotations

from functools import reduce

import onnx_ir as ir

from dragoman.converters.mxnet.emitters.table import Emitter, emits, emits_each
from dragoman.converters.mxnet.symbol import Ref
from dragoman.converters.mxnet.symbol_writer import TYPE_FLAGS, CannotEmitError, SymbolWriter, known_sizes, scalar
from dragoman.graph_ir.passes.editing import attribute

_UNARY = {
    "Abs": "abs", "Acos": "arccos", "Acosh": "arccosh", "Asin": "arcsin", "Asinh": "arcsinh", "Atan": "arctan", "Atanh": "arctanh",
    "Ceil": "ceil", "Cos": "cos", "Cosh": "cosh", "Erf": "erf", "Exp": "exp", "Floor": "floor", "IsNaN": "_npi_isnan", "Log": "log",
    "Neg": "negative", "Not": "_npi_logical_not", "Reciprocal": "reciprocal", "Round": "_npi_around", "Sign": "sign", "Sin": "sin",
    "Sinh": "sinh", "Sqrt": "sqrt", "Tan": "tan", "Identity": "_copy", "Dropout": "_copy",
}  # fmt: skip
_SCALAR = {"Add": "_plus_scalar", "Sub": "_minus_scalar", "Mul": "_mul_scalar", "Div": "_div_scalar", "Pow": "_power_scalar"}
_REVERSED = {"Add": "_plus_scalar", "Sub": "_rminus_scalar", "Mul": "_mul_scalar", "Div": "_rdiv_scalar", "Pow": "_rpower_scalar"}
_BINARY = {"Add": "add", "Sub": "sub", "Mul": "mul", "Div": "div", "Pow": "power"}
_SAME_SHAPE = {"Add": "elemwise_add", "Sub": "elemwise_sub", "Mul": "elemwise_mul", "Div": "elemwise_div"}


def _unary(operator: str) -> Emitter:
    return lambda w, node: w.op(operator, w.ref(node.inputs[0]))


emits_each(_UNARY, _unary)


@emits("Pow")
def power(w: SymbolWriter, node: ir.Node) -> Ref:
    """xʸ of x's type; MXNet's operands are of one type, and its powers of integers are computed in theirs."""
    a, b = node.inputs[0], node.inputs[1]
    assert a is not None and b is not None
    if a.dtype == b.dtype:
        return _arithmetic(w, node)
    if a.dtype is not None and a.dtype.is_floating_point():
        return w.op("broadcast_power", w.ref(a), w.op("Cast", w.ref(b), dtype=a.dtype.numpy().name))
    wide = [w.op("Cast", w.ref(value), dtype="float64") for value in (a, b)]
    assert a.dtype is not None
    return w.op("Cast", w.op("broadcast_power", *wide), dtype=a.dtype.numpy().name)


@emits("Add", "Sub", "Mul", "Div")
def arithmetic(w: SymbolWriter, node: ir.Node) -> Ref:
    """x ∘ y, broadcast; a constant number becomes an attribute."""
    return _arithmetic(w, node)


def _arithmetic(w: SymbolWriter, node: ir.Node) -> Ref:
    a, b = node.inputs[0], node.inputs[1]
    number = scalar(b)
    if number is not None and _covers(a, b):
        return w.op(_SCALAR[node.op_type], w.ref(a), scalar=number)
    number = scalar(a)
    if number is not None and _covers(b, a):
        return w.op(_REVERSED[node.op_type], w.ref(b), scalar=number)
    if node.op_type in _SAME_SHAPE and known_sizes(a) == known_sizes(b) and None not in known_sizes(a):
        return w.op(_SAME_SHAPE[node.op_type], w.ref(a), w.ref(b))
    return w.op(f"broadcast_{_BINARY[node.op_type]}", w.ref(a), w.ref(b))


def _covers(x: ir.Value | None, number: ir.Value | None) -> bool:
    """Whether a number's axes are fewer than what it meets has, so that they don't show in the result."""
    return len(known_sizes(x)) >= max(len(known_sizes(number)), 1)


@emits("Mod")
def mod(w: SymbolWriter, node: ir.Node) -> Ref:
    """The remainder with the divisor's sign."""
    if attribute(node, "fmod", 0):
        raise CannotEmitError("it is C's fmod; MXNet's remainder has the divisor's sign")
    return w.op("broadcast_mod", *map(w.ref, node.inputs))


_EXTREMES = {"Max": "broadcast_maximum", "Min": "broadcast_minimum", "Sum": "broadcast_add"}


@emits(*_EXTREMES)
def variadic(w: SymbolWriter, node: ir.Node) -> Ref:
    """Of any number of tensors, broadcast."""
    return _chain(w, node, _EXTREMES[node.op_type])


@emits("Mean")
def mean(w: SymbolWriter, node: ir.Node) -> Ref:
    """The average of any number of tensors, broadcast."""
    return w.op("_div_scalar", _chain(w, node, "broadcast_add"), scalar=float(len(node.inputs)))


def _chain(w: SymbolWriter, node: ir.Node, operator: str) -> Ref:
    refs = [w.ref(value) for value in node.inputs]
    return reduce(lambda one, other: w.op(operator, one, other), refs) if len(refs) > 1 else w.op("_copy", refs[0])


def _comparison(operator: str) -> Emitter:
    return lambda w, node: w.op(operator, *map(w.ref, node.inputs))


emits_each(
    {
        "Equal": "_npi_equal",
        "Greater": "_npi_greater",
        "GreaterOrEqual": "_npi_greater_equal",
        "Less": "_npi_less",
        "LessOrEqual": "_npi_less_equal",
        "Where": "_npi_where",
    },
    _comparison,
)


@emits("IsInf")
def is_inf(w: SymbolWriter, node: ir.Node) -> Ref:
    """Infinite, of either sign or of one."""
    x = w.ref(node.inputs[0])
    up, down = attribute(node, "detect_positive", 1), attribute(node, "detect_negative", 1)
    if up and down:
        return w.op("_npi_isinf", x)
    return w.op("_npi_isposinf" if up else "_npi_isneginf", x)


_LOGIC = {"And": "broadcast_logical_and", "Or": "broadcast_logical_or", "Xor": "broadcast_logical_xor"}


@emits(*_LOGIC)
def logic(w: SymbolWriter, node: ir.Node) -> Ref:
    """MXNet 1.9's logic is of numbers: through float and back."""
    numbers = [w.op("Cast", w.ref(value), dtype="float32") for value in node.inputs]
    return w.op("Cast", w.op(_LOGIC[node.op_type], *numbers), dtype="bool")


@emits("Cast")
def cast(w: SymbolWriter, node: ir.Node) -> Ref:
    """To another type, if MXNet has it."""
    to = ir.DataType(attribute(node, "to"))
    if to not in TYPE_FLAGS:
        raise CannotEmitError(f"it makes {to.name.lower()}, which MXNet hasn't")
    return w.op("Cast", w.ref(node.inputs[0]), dtype=to.numpy().name)
