"""Operators that cut, join, pick and pad."""

from __future__ import annotations

from collections.abc import Sequence

from dragoman.graph_ir.inference.call import Call, UnknownError, unless_none
from dragoman.graph_ir.inference.dimension import at_least, ceil_divide, maximum, minimum
from dragoman.graph_ir.inference.facts import UNKNOWN, Fact, Tensor, show
from dragoman.graph_ir.inference.size import Dim
from dragoman.graph_ir.inference.table import rule

_FAR = 1 << 30
"""A bound of a slice beyond any dimension, which means the end that it is beyond."""


@rule("Slice")
def slice_(c: Call) -> Fact:
    """Along each axis ⌈(end - start) / step⌉ elements, both cut to the dimension."""
    dims = list(c.dims(0))
    starts: Sequence[Dim | None] | None = c.numbers("starts")
    ends: Sequence[Dim | None] | None = c.numbers("ends")
    steps: Sequence[Dim | None] | None = None
    if starts is None or ends is None:
        starts, ends = c.sizes(1), c.sizes(2)
        steps = c.sizes(4) if c.has(4) else None
        if c.has(4) and steps is None:
            steps = [None] * len(dims)
    axes = c.axes(3, len(dims))
    if axes is None:
        count = len(starts) if starts is not None else len(ends) if ends is not None else _count(c)
        axes = list(range(count))
    for place, axis in enumerate(axes):
        start, end = (None if given is None else given[place] for given in (starts, ends))
        step = 1 if steps is None else steps[place]
        dims[axis] = sliced(dims[axis], start, end, step)
    return Tensor(None, tuple(dims))


def _count(c: Call) -> int:
    count = c.dims(1, 1)[0]
    if not isinstance(count, int):
        raise UnknownError
    return count


def sliced(size: Dim, start: Dim | None, end: Dim | None, step: Dim | None) -> Dim:
    """The number of elements in ``start:end:step`` of ``size``: max(0, ⌈(min(end, size) - max(start, 0)) / step⌉)."""
    if start is None or end is None or not isinstance(step, int) or step == 0:
        return UNKNOWN
    if isinstance(size, int) and isinstance(start, int) and isinstance(end, int):
        return _count_of(size, start, end, step)
    backwards = step < 0
    if backwards and not at_least(start, -1) and not at_least(end, 0):
        return UNKNOWN  # backwards from before the first element is from the first, which is one element if the end is before it, too
    first, last = (end, start) if backwards else (start, end)
    if (isinstance(first, int) and first >= _FAR) or (isinstance(last, int) and last <= -_FAR):
        return 0
    lows, highs = _from_zero(size, first), _from_zero(size, last)
    if lows is None or highs is None:
        return UNKNOWN
    lows, highs = ([*lows, -1], [*highs, size - 1]) if backwards else ([*lows, 0], [*highs, size])
    return maximum(0, minimum(*(ceil_divide(high - low, abs(step)) for high in highs for low in lows)))


def _count_of(size: int, start: int, end: int, step: int) -> int:
    """Limits count from the end if they are negative; then they are clamped, the start backwards to an element."""
    start, end = (start + size if start < 0 else start), (end + size if end < 0 else end)
    if step > 0:
        return len(range(min(max(start, 0), size), min(max(end, 0), size), step))
    return len(range(min(max(start, 0), size - 1), min(max(end, -1), size - 1), step)) if size else 0


def _from_zero(size: Dim, at: Dim) -> list[Dim] | None:
    """An index that counts from the end if it is negative; nothing for one that only means the end, None if its sign isn't known."""
    if isinstance(at, int) and abs(at) >= _FAR:
        return []
    if at_least(at, 0):
        return [at]
    return [size + at] if at_least(-1, at) else None


@rule("Concat")
def concat(c: Call) -> Fact:
    """The sizes along ``axis`` add up; the others are equal."""
    shapes = [c.dims(index) for index in range(len(c.facts))]
    rank = len(shapes[0])
    if any(len(shape) != rank for shape in shapes):
        c.fail(f"its inputs {', '.join(map(show, shapes))} have unlike ranks")
    axis = c.axis(c.number("axis", 1), rank)
    joint = [sizes[0] if i == axis else _equal(c, sizes, i) for i, sizes in enumerate(zip(*shapes, strict=True))]
    joint[axis] = sum((shape[axis] for shape in shapes[1:]), shapes[0][axis])
    return Tensor(None, tuple(joint))


def _equal(c: Call, sizes: Sequence[Dim], axis: int) -> Dim:
    """The size that all must be; numbers are better than names."""
    known = sorted({size for size in sizes if isinstance(size, int)})
    if len(known) > 1:
        c.fail(f"dimension {axis} of its inputs is {' and '.join(map(str, known))}")
    return known[0] if known else sizes[0]


@rule("Split")
def split(c: Call) -> list[Fact]:
    """Pieces along ``axis`` of the given sizes, or equal ones, the last smaller."""
    dims = c.dims(0)
    axis = c.axis(c.number("axis", 0), len(dims))
    sizes: Sequence[Dim | None] | None = c.numbers("split")
    count = len(c.node.outputs)
    if sizes is None and c.has(1):
        sizes = c.sizes(1) or [None] * count
    if sizes is None:
        if c.get("num_outputs") is None and isinstance(dims[axis], int) and dims[axis] % count:
            c.fail(f"can't cut {dims[axis]} into {count} equal pieces")
        each = ceil_divide(dims[axis], count)
        rest = dims[axis] - each * (count - 1)
        sizes = [each] * (count - 1) + [rest]
        if isinstance(rest, int) and rest < 0:  # nothing says what the pieces are then: 5 in 4 pieces of 2
            sizes = [None] * count
        if c.get("num_outputs") is None:
            sizes = [dims[axis] // count] * count
    elif len(sizes) != count:
        c.fail(f"has {count} outputs and {len(sizes)} sizes")
    elif None not in sizes and isinstance(dims[axis], int):
        total = sum(size for size in sizes if isinstance(size, int))
        if all(isinstance(size, int) for size in sizes) and total != dims[axis]:
            c.fail(f"its pieces {list(sizes)} aren't {dims[axis]} together")
    return [Tensor(None, (*dims[:axis], unless_none(size), *dims[axis + 1 :])) for size in sizes]


@rule("Gather")
def gather(c: Call) -> Fact:
    """(d0 … da … dr), indices (i…) → (d0 …, i…, … dr)."""
    dims, indices = c.dims(0), c.dims(1)
    axis = c.axis(c.number("axis", 0), len(dims))
    return Tensor(None, (*dims[:axis], *indices, *dims[axis + 1 :]))


@rule("GatherElements")
def gather_elements(c: Call) -> Fact:
    """As many as there are indices."""
    return Tensor(None, c.dims(1))


@rule("GatherND")
def gather_nd(c: Call) -> Fact:
    """Indices (b…, i…, k) of data (b…, …) → (b…, i…, data's dimensions after b and k)."""
    dims, indices = c.dims(0), c.dims(1)
    depth = indices[-1] if indices else c.fail("its indices have no dimension")
    if not isinstance(depth, int):
        raise UnknownError
    batch = c.number("batch_dims", 0)
    if batch + depth > len(dims):
        c.fail(f"its indices {show(indices)} are deeper than {show(dims)}")
    return Tensor(None, (*indices[:-1], *dims[batch + depth :]))


@rule("Scatter", "ScatterElements", "ScatterND", "TensorScatter")
def scatter(c: Call) -> Fact:
    """The shape of the data."""
    return Tensor(None, c.dims(0))


@rule("Pad")
def pad(c: Call) -> Fact:
    """Each dimension grows by its two pads."""
    dims = list(c.dims(0))
    axes = c.axes(3, len(dims)) if c.has(3) else None
    where = list(range(len(dims))) if axes is None else axes
    pads: Sequence[Dim | None] | None = c.numbers("pads")
    if pads is None:
        pads = c.sizes(1) or [None] * (2 * len(where))
    if len(pads) != 2 * len(where):
        c.fail(f"has {len(pads)} pads for {len(where)} dimensions")
    for place, axis in enumerate(where):
        before, after = pads[place], pads[place + len(where)]
        dims[axis] = UNKNOWN if before is None or after is None else dims[axis] + before + after
    return Tensor(None, tuple(dims))


@rule("TopK")
def top_k(c: Call) -> list[Fact]:
    """``k`` of ``axis``, values and indices."""
    dims = list(c.dims(0))
    axis = c.axis(c.number("axis", -1), len(dims))
    if (k := c.get("k")) is not None:
        sizes: Sequence[Dim | None] | None = [int(k)]
    else:
        sizes = c.sizes(1)
    dims[axis] = unless_none(sizes[0] if sizes else None)
    return [Tensor(None, tuple(dims))] * 2


@rule("OneHot")
def one_hot(c: Call) -> Fact:
    """(i…) → (i…, depth, i…), depth at ``axis``."""
    indices = c.dims(0)
    axis = c.axis(c.number("axis", -1), len(indices) + 1)
    sizes = c.sizes(1)
    depth = unless_none(sizes[0] if sizes else None)
    return Tensor(None, (*indices[:axis], depth, *indices[axis:]))


@rule("NonZero")
def non_zero(c: Call) -> Fact:
    """(d…) → (rank, how many aren't 0)."""
    return Tensor(None, (max(len(c.dims(0)), 1), UNKNOWN))


@rule("Compress")
def compress(c: Call) -> Fact:
    """Without ``axis`` a vector; else the axis has as many as are chosen."""
    axis = c.get("axis")
    if axis is None:
        return Tensor(None, (UNKNOWN,))
    dims = list(c.dims(0))
    dims[c.axis(int(axis), len(dims))] = UNKNOWN
    return Tensor(None, tuple(dims))


@rule("Unique")
def unique(c: Call) -> list[Fact]:
    """The distinct ones, where each first stands, which each is, how often."""
    axis = c.get("axis")
    if axis is None:
        return [Tensor(None, (UNKNOWN,))] * 4
    dims = list(c.dims(0))
    at = c.axis(int(axis), len(dims))
    length, dims[at] = dims[at], UNKNOWN
    return [Tensor(None, tuple(dims)), Tensor(None, (UNKNOWN,)), Tensor(None, (length,)), Tensor(None, (UNKNOWN,))]


@rule("NonMaxSuppression")
def non_max_suppression(c: Call) -> Fact:
    """→ (how many are selected, 3)."""
    return Tensor(None, (UNKNOWN, 3))
