"""Arithmetic on dimensions: numbers where a dimension is known, else int64 vectors of one element that the network computes."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.opsets.step import Emitter, sizes

Size = int | ir.Value
"""A number of elements: known, or an int64 vector of one element."""


def size(x: ir.Value, axis: int, e: Emitter) -> Size:
    """How long ``x`` is along ``axis``."""
    known = sizes(x)[axis]
    return known if known is not None else e.op("Gather", e.op("Shape", x), e.const([axis % len(sizes(x))], np.int64))


def vector(e: Emitter, *parts: Size) -> ir.Value:
    """The sizes as one int64 vector."""
    known = [part for part in parts if isinstance(part, int)]
    if len(known) == len(parts):
        return e.const(known, np.int64)
    if len(parts) == 1 and isinstance(parts[0], ir.Value):
        return parts[0]
    return e.op("Concat", *(part if isinstance(part, ir.Value) else e.const([part], np.int64) for part in parts), axis=0)


def plus(a: Size, b: Size, e: Emitter) -> Size:
    """a + b."""
    if isinstance(a, int) and isinstance(b, int):
        return a + b
    if a == 0 or b == 0:
        return b if a == 0 else a
    return e.op("Add", vector(e, a), vector(e, b))


def minus(a: Size, b: Size, e: Emitter) -> Size:
    """a − b."""
    if isinstance(a, int) and isinstance(b, int):
        return a - b
    return a if b == 0 else e.op("Sub", vector(e, a), vector(e, b))


def times(a: Size, b: Size, e: Emitter) -> Size:
    """a · b."""
    if isinstance(a, int) and isinstance(b, int):
        return a * b
    return e.op("Mul", vector(e, a), vector(e, b))


def over(a: Size, b: Size, e: Emitter) -> Size:
    """a / b, which is whole."""
    if isinstance(a, int) and isinstance(b, int):
        return a // b
    return a if b == 1 else e.op("Div", vector(e, a), vector(e, b))


def counted(n: Size, e: Emitter) -> ir.Value:
    """The int64 vector 0, 1, …, n − 1."""
    if isinstance(n, int):
        limit = e.const(n, np.int64)
    else:
        limit = e.op("Reshape", n, e.const(np.zeros(0), np.int64))
    return e.op("Range", e.const(0, np.int64), limit, e.const(1, np.int64))


def part_or_rest(whole: int | None, parts: int) -> int:
    """A Reshape's number for one of ``parts`` equal parts of a dimension: −1, what remains, if it isn't known."""
    return whole // parts if whole is not None else -1
