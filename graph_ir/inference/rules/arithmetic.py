"""What small tensors of numbers hold: the arithmetic that graphs do on shapes, and what they decide by it."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.inference.call import Call
from dragoman.graph_ir.inference.dimension import at_least, lower_bound, maximum, minimum
from dragoman.graph_ir.inference.facts import NOTHING, Elements, Nothing, Tensor
from dragoman.graph_ir.inference.rules.contents import as_elements, known_shape
from dragoman.graph_ir.inference.size import Size
from dragoman.graph_ir.inference.table import contents

_INTEGERS = {ir.DataType.INT64: 1 << 63, ir.DataType.INT32: 1 << 31}
"""The dtypes of shapes, and what their numbers stay below."""


def _calculated(c: Call, out: Tensor, function: Callable[[Any, Any], Any]) -> Elements | None:
    a, b = c.elements(0), c.elements(1)
    if a is None or b is None:
        return None
    return _pairwise(a, b, lambda x, y: _fitted(function(x, y), out.dtype))


def _fitted(number: Any, dtype: ir.DataType | None) -> Any:
    """A result as the dtype has it: float32 is rounded, an integer that overflows isn't followed."""
    if dtype == ir.DataType.FLOAT and isinstance(number, float):
        return float(np.float32(number))
    if isinstance(number, int) and dtype in _INTEGERS and not -_INTEGERS[dtype] <= number < _INTEGERS[dtype]:
        return NOTHING
    return number


def _pairwise(a: Elements, b: Elements, function: Callable[[Any, Any], Any]) -> Elements:
    a, b = np.broadcast_arrays(a, b)
    pairs = zip(a.reshape(-1), b.reshape(-1), strict=True)
    return as_elements(
        [NOTHING if isinstance(x, Nothing) or isinstance(y, Nothing) else _tried(function, x, y) for x, y in pairs], a.shape
    )


def _tried(function: Callable[[Any, Any], Any], x: Any, y: Any) -> Any:
    try:
        return function(x, y)
    except (TypeError, ZeroDivisionError, OverflowError):
        return NOTHING


def _exact(x: Any) -> Any:
    """A float that is a whole number as an int, so that it can be calculated with sizes."""
    return int(x) if isinstance(x, float) and x.is_integer() and abs(x) < 1 << 53 else x


def _mixed(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def calculate(x: Any, y: Any) -> Any:
        return function(_exact(x), _exact(y)) if isinstance(x, Size) or isinstance(y, Size) else function(x, y)

    return calculate


@contents("Add")
def added(c: Call, out: Tensor) -> Elements | None:
    """x + y."""
    return _calculated(c, out, _mixed(operator.add))


@contents("Sub")
def subtracted(c: Call, out: Tensor) -> Elements | None:
    """x - y."""
    return _calculated(c, out, _mixed(operator.sub))


@contents("Mul")
def multiplied(c: Call, out: Tensor) -> Elements | None:
    """x · y."""
    return _calculated(c, out, _mixed(operator.mul))


@contents("Div")
def divided(c: Call, out: Tensor) -> Elements | None:
    """x / y; integers are cut towards 0, which is ⌊x / y⌋ where neither is negative."""
    return _calculated(c, out, _whole_quotient if out.dtype in _INTEGERS else _quotient)


def _whole_quotient(x: Any, y: Any) -> Any:
    if isinstance(x, int) and isinstance(y, int):
        return abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)
    return x // y if at_least(x, 0) and at_least(y, 0) else NOTHING


def _quotient(x: Any, y: Any) -> Any:
    x, y = _exact(x), _exact(y)
    if isinstance(x, Size) or isinstance(y, Size):
        exact = x // y
        return exact if exact * y == x else NOTHING
    return x / y


@contents("Mod")
def remainder(c: Call, out: Tensor) -> Elements | None:
    """x - ⌊x / y⌋·y of integers."""
    if out.dtype not in _INTEGERS or c.number("fmod", 0):
        return None
    return _calculated(c, out, operator.mod)


@contents("Neg")
def negated(c: Call, _out: Tensor) -> Elements | None:
    """-x."""
    return _each(c, operator.neg)


def _each(c: Call, function: Callable[[Any], Any]) -> Elements | None:
    x = c.elements(0)
    return None if x is None else as_elements([NOTHING if isinstance(e, Nothing) else function(e) for e in x.reshape(-1)], x.shape)


@contents("Abs", "Relu")
def positive(c: Call, _out: Tensor) -> Elements | None:
    """What isn't negative stays."""
    relu = c.node.op_type == "Relu"
    return _each(c, lambda x: (x if at_least(x, 0) else NOTHING) if isinstance(x, Size) else max(x, 0) if relu else abs(x))


@contents("Floor", "Ceil", "Round")
def whole(c: Call, _out: Tensor) -> Elements | None:
    """Sizes are whole already."""
    functions: dict[str, Callable[[float], Any]] = {"Floor": np.floor, "Ceil": np.ceil, "Round": np.round}
    function = functions[c.node.op_type]
    return _each(c, lambda x: x if isinstance(x, Size) else float(function(x)))


@contents("Cast", "CastLike")
def cast(c: Call, out: Tensor) -> Elements | None:
    """Numbers in another dtype; floats are cut towards 0."""
    if out.dtype == ir.DataType.BOOL:
        return _each(c, lambda x: ((lower_bound(x) or 0) > 0 or NOTHING) if isinstance(x, Size) else bool(x))
    if out.dtype in (ir.DataType.INT64, ir.DataType.INT32):
        return _each(c, lambda x: x if isinstance(x, Size) else int(x) if np.isfinite(x) else NOTHING)
    return _each(c, lambda x: x if isinstance(x, Size) else _fitted(float(x), out.dtype))


@contents("Max", "Min")
def extreme(c: Call, out: Tensor) -> Elements | None:
    """The greatest, or the least, of all inputs."""
    choose, compare = (maximum, max) if c.node.op_type == "Max" else (minimum, min)

    def pick(x: Any, y: Any) -> Any:
        x, y = (_exact(x), _exact(y)) if isinstance(x, Size) or isinstance(y, Size) else (x, y)
        return choose(x, y) if isinstance(x, Size) or isinstance(y, Size) else compare(x, y)

    found = c.elements(0)
    for index in range(1, len(c.facts)):
        other = c.elements(index)
        found = None if found is None or other is None else _pairwise(found, other, pick)
    return found


@contents("Range")
def counted(c: Call, out: Tensor) -> Elements | None:
    """start, start + delta, …"""
    start, delta = c.elements(0), c.elements(2)
    if start is None or delta is None or isinstance(start.item(), (Nothing, float)):
        return None
    (count,) = known_shape(out)
    return as_elements([start.item() + delta.item() * step for step in range(count)], (count,))


@contents("ReduceProd", "ReduceSum", "ReduceMax", "ReduceMin")
def reduced(c: Call, out: Tensor) -> Elements | None:
    """All elements together."""
    x = c.elements(0)
    if x is None or int(np.prod(known_shape(out))) != 1 or not x.size or out.dtype not in _INTEGERS:
        return None
    if c.number("noop_with_empty_axes", 0) and x.size > 1:
        return None
    function: Callable[[Any, Any], Any] = {
        "ReduceProd": operator.mul,
        "ReduceSum": operator.add,
        "ReduceMax": maximum,
        "ReduceMin": minimum,
    }[c.node.op_type]
    total = x.reshape(-1)[0]
    for element in x.reshape(-1)[1:]:
        total = NOTHING if isinstance(total, Nothing) or isinstance(element, Nothing) else function(total, element)
    return as_elements([total], known_shape(out))


# -- decisions ------------------------------------------------------------------------------------------


@contents("Equal")
def equal(c: Call, out: Tensor) -> Elements | None:
    """Whether sizes are the same under all circumstances, or under none."""

    def decide(x: Any, y: Any) -> Any:
        x, y = _exact(x), _exact(y)
        if not isinstance(x, Size) and not isinstance(y, Size):
            return x == y
        if x == y:
            return True
        return False if at_least(x, y + 1) or at_least(y, x + 1) else NOTHING

    return _calculated(c, out, decide)


@contents("Less", "Greater", "LessOrEqual", "GreaterOrEqual")
def ordered(c: Call, out: Tensor) -> Elements | None:
    """The same of the order."""
    swap = c.node.op_type.startswith("Greater")
    strict = 0 if c.node.op_type.endswith("Equal") else 1

    def decide(x: Any, y: Any) -> Any:
        low, high = (_exact(y), _exact(x)) if swap else (_exact(x), _exact(y))
        if not isinstance(low, Size) and not isinstance(high, Size):
            return low < high if strict else low <= high
        if at_least(high, low + strict):
            return True
        return False if at_least(low, high + 1 - strict) else NOTHING

    return _calculated(c, out, decide)


@contents("And", "Or")
def both_or_either(c: Call, out: Tensor) -> Elements | None:
    """Of booleans."""
    a, b = c.elements(0), c.elements(1)
    if a is None or b is None:
        return None
    decisive = c.node.op_type == "Or"
    a, b = np.broadcast_arrays(a, b)

    def decide(x: Any, y: Any) -> Any:
        if x is decisive or y is decisive:
            return decisive
        return NOTHING if isinstance(x, Nothing) or isinstance(y, Nothing) else not decisive

    return as_elements([decide(x, y) for x, y in zip(a.reshape(-1), b.reshape(-1), strict=True)], a.shape)


@contents("Not")
def inverted(c: Call, _out: Tensor) -> Elements | None:
    """Of booleans."""
    return _each(c, operator.not_)


@contents("Where")
def chosen(c: Call, out: Tensor) -> Elements | None:
    """One or the other; where the condition isn't known, what both agree on."""
    condition, x, y = (c.elements(index) for index in range(3))
    if condition is None or x is None or y is None:
        return None
    condition, x, y = np.broadcast_arrays(condition, x, y)

    def choose(which: Any, left: Any, right: Any) -> Any:
        if isinstance(which, Nothing):
            return left if not isinstance(left, Nothing) and not isinstance(right, Nothing) and left == right else NOTHING
        return left if which else right

    parts = zip(condition.reshape(-1), x.reshape(-1), y.reshape(-1), strict=True)
    return as_elements([choose(*part) for part in parts], condition.shape)
