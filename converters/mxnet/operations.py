"""Operations on two tensors of one type, as MXNet works them out: what its operators of tensors and of scalars share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import pi

from onnx_ir import DataType, Value

from dragoman.converters.mxnet.arithmetic import FLOATS, cast, dtype_of, number, truth
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder

Operation = Callable[[SymbolBuilder, Value, Value], Value]


def plain(op_type: str, of_truths: str | None = None) -> Operation:
    """An ONNX operator of numbers, and the one that does the same with truths."""
    return lambda g, a, b: g.op(of_truths if of_truths and dtype_of(a) == DataType.BOOL else op_type, a, b)


def through(formula: Operation, *, single: bool = False, double: bool = False) -> Operation:
    """A formula in floating point: integers go through float32 and come back truncated, as MXNet's do; halves through float32.

    ``single`` where ONNX Runtime has it in float32 only, ``double`` where float32 overflows on the way.
    """

    def operation(g: SymbolBuilder, a: Value, b: Value) -> Value:
        dtype = dtype_of(a)
        if dtype not in FLOATS:
            a, b = cast(g, a, DataType.FLOAT), cast(g, b, DataType.FLOAT)
        kind = DataType.DOUBLE if double or (dtype == DataType.DOUBLE and not single) else DataType.FLOAT
        y = formula(g, cast(g, a, kind), cast(g, b, kind))
        return cast(g, y if dtype in FLOATS else cast(g, y, DataType.FLOAT), dtype)

    return operation


def _modulo(g: SymbolBuilder, a: Value, b: Value) -> Value:
    """a − b ⌊a / b⌋, which has the sign of b; 0 where b is."""
    zero = g.op("Equal", b, number(g, b, 0))
    if dtype_of(a) not in FLOATS:
        return g.op("Mod", a, g.op("Where", zero, number(g, b, 1), b))
    rest = g.op("Mod", a, b, fmod=1)
    other = g.op("Less", g.op("Mul", g.op("Sign", rest), g.op("Sign", b)), number(g, b, 0))
    return g.op("Where", zero, number(g, b, 0), g.op("Where", other, g.op("Add", rest, b), rest))


def _hypotenuse(g: SymbolBuilder, a: Value, b: Value) -> Value:
    return g.op("Sqrt", g.op("Add", g.op("Mul", a, a), g.op("Mul", b, b)))


def _angle(g: SymbolBuilder, y: Value, x: Value) -> Value:
    """The angle of the point (x, y): atan(y / x), half a turn away where x is negative, with the sign of y, of -0 too."""
    zero = number(g, x, 0)
    below = g.op("Or", g.op("Less", y, zero), g.op("Less", g.op("Reciprocal", y), zero))
    half = g.op("Where", below, number(g, x, -pi), number(g, x, pi))
    origin = g.op("And", g.op("Equal", x, zero), g.op("Equal", y, zero))
    slope = g.op("Where", origin, zero, g.op("Div", y, x))
    turn = g.op("Where", g.op("Less", x, zero), half, zero)
    upright = g.op("And", g.op("Equal", x, zero), g.op("Not", origin))
    return g.op("Where", upright, g.op("Mul", half, number(g, x, 0.5)), g.op("Add", g.op("Atan", slope), turn))


def _copy_sign(g: SymbolBuilder, a: Value, b: Value) -> Value:
    """a where it is on the side of 0 that b is on, else −a: 0 is on the upper side, NaN on none. mshadow_op.h, copysign."""
    zeros = number(g, a, 0), number(g, b, 0)
    above = g.op("And", *(g.op("GreaterOrEqual", x, zero) for x, zero in zip((a, b), zeros, strict=True)))
    below = g.op("And", *(g.op("Less", x, zero) for x, zero in zip((a, b), zeros, strict=True)))
    return g.op("Where", g.op("Or", above, below), a, g.op("Sub", zeros[0], a))


def reversed_(operation: Operation) -> Operation:
    """The same with its sides exchanged."""
    return lambda g, a, b: operation(g, b, a)


def _integers_through(operation: Operation) -> Operation:
    """Floating-point numbers as they are, integers and truths through float32."""
    outside = through(operation)
    return lambda g, a, b: (operation if dtype_of(a) in FLOATS else outside)(g, a, b)


ARITHMETIC: Mapping[str, Operation] = {
    "add": plain("Add", "Or"),
    "subtract": plain("Sub"),
    "multiply": plain("Mul", "And"),
    "divide": plain("Div"),
    "divided": reversed_(_integers_through(plain("Div"))),
    "mod": _modulo,
    "power": _integers_through(plain("Pow")),
    "maximum": plain("Max"),
    "minimum": plain("Min"),
    "hypot": through(_hypotenuse, double=True),
    "arctan2": through(_angle, single=True),
    "copysign": _copy_sign,
    "ldexp": through(lambda g, a, b: g.op("Mul", a, g.op("Pow", number(g, b, 2), b))),
}
"""What gives numbers. ``divided`` is b / a as MXNet's ``rdiv`` has it: of integers in float32, where ``divide`` is exact."""


def _compared(op_type: str) -> Operation:
    def operation(g: SymbolBuilder, a: Value, b: Value) -> Value:
        if dtype_of(a) == DataType.BOOL:
            a, b = cast(g, a, DataType.INT32), cast(g, b, DataType.INT32)
        return g.op(op_type, a, b)

    return operation


def _logical(op_type: str) -> Operation:
    return lambda g, a, b: g.op(op_type, truth(g, a), truth(g, b))


COMPARISONS: Mapping[str, Operation] = {
    "equal": plain("Equal"),
    "not_equal": lambda g, a, b: g.op("Not", g.op("Equal", a, b)),
    "greater": _compared("Greater"),
    "greater_equal": _compared("GreaterOrEqual"),
    "less": _compared("Less"),
    "less_equal": _compared("LessOrEqual"),
    "logical_and": _logical("And"),
    "logical_or": _logical("Or"),
    "logical_xor": _logical("Xor"),
}
"""What gives truths."""

BITWISE: Mapping[str, Operation] = {
    "bitwise_and": plain("BitwiseAnd", "And"),
    "bitwise_or": plain("BitwiseOr", "Or"),
    "bitwise_xor": plain("BitwiseXor", "Xor"),
}
"""What takes integers and truths only."""
