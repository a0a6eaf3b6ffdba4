"""Parts of a tensor: taken, and replaced."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx_ir import Value

from dragoman.converters.mxnet.arithmetic import dtype_of, same_type, select
from dragoman.converters.mxnet.arithmetic import scalar as constant
from dragoman.converters.mxnet.attributes import Ints, OptionalInts
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import dims

_FAR = 1 << 62


@op("slice", "crop", "_npi_slice", "_npx_slice", "_sparse_slice")
def slice_(g: SymbolBuilder, node: Node, data: Value, *, begin: OptionalInts, end: OptionalInts, step: OptionalInts = ()) -> Value:
    """MXNet slice: data[begin:end:step] along the first axes, as numpy reads it. matrix_op-inl.h."""
    steps = [1 if by is None else by for by in step] or [1] * len(begin)
    if not len(begin) == len(end) == len(steps) <= g.rank(node, data) or 0 in steps:
        raise g.malformed(node, f"slices a tensor of {len(dims(data))} axes from {begin} to {end} by {step or 1}")
    limits = [_limits(size, first, last, by) for size, first, last, by in zip(dims(data), begin, end, steps, strict=False)]
    if not limits:
        return data
    starts, ends, steps = ([limit[i] for limit in limits] for i in range(3))
    return sliced(g, data, starts, ends, range(len(starts)), steps)


def _limits(size: int | str | None, begin: int | None, end: int | None, step: int) -> tuple[int, int, int]:
    """begin:end:step of an axis. ONNX begins with the first element where numpy, backwards from before it, takes none."""
    if isinstance(size, int):
        taken = range(size)[begin:end:step]
        return (taken.start, taken.stop if taken.stop >= 0 else -_FAR, step) if taken else (0, 0, 1)
    first, last = (0, _FAR) if step > 0 else (_FAR, -_FAR)
    return first if begin is None else begin, last if end is None else end, step


def sliced(
    g: SymbolBuilder, x: Value, starts: Sequence[int], ends: Sequence[int], axes: Sequence[int], steps: Sequence[int] | None = None
) -> Value:
    """x[starts:ends:steps] along ``axes``."""
    return g.op("Slice", x, g.const(starts), g.const(ends), g.const(list(axes)), g.const(steps) if steps else None)


@op("slice_axis")
def slice_axis(g: SymbolBuilder, node: Node, data: Value, *, axis: int, begin: int, end: int | None) -> Value:
    """MXNet slice_axis: data[begin:end] along one axis. matrix_op-inl.h."""
    place = g.axis(node, axis, g.rank(node, data))
    size = dims(data)[place]
    if isinstance(size, int) and size > 0:
        first, last = (at + size if at < 0 else at for at in (begin, size if end is None else end))
        if not 0 <= first < last <= size:
            raise g.malformed(node, f"takes {begin} to {end} of axis {axis}, whose size is {size}")
    return sliced(g, data, [begin], [_FAR if end is None else end], [place])


@op("slice_like")
def slice_like(g: SymbolBuilder, node: Node, data: Value, shape_like: Value, *, axes: Ints = ()) -> Value:
    """MXNet slice_like: the first elements along ``axes``, or along all, as many as shape_like has there. matrix_op-inl.h."""
    rank = g.rank(node, data)
    if not axes and rank != g.rank(node, shape_like):
        raise g.malformed(node, f"slices a tensor of {rank} axes like one of {len(dims(shape_like))}")
    places = [g.axis(node, axis, rank) for axis in axes] or list(range(rank))
    for place in places:
        have, want = dims(data)[place], dims(shape_like)[g.axis(node, place, len(dims(shape_like)))]
        if isinstance(have, int) and isinstance(want, int) and have < want:
            raise g.malformed(node, f"axis {place} has {have} elements, fewer than the {want} of shape_like")
    ends = [g.dim(shape_like, place) for place in places]
    end = g.op("Concat", *ends, axis=0) if len(ends) > 1 else ends[0]
    return g.op("Slice", data, g.const([0] * len(places)), end, g.const(places))


@op("Crop")
def crop(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    crop_like: Value | None = None,
    *,
    num_args: int,
    offset: Ints = (0, 0),
    h_w: Ints = (0, 0),
    center_crop: bool = False,
) -> Value:
    """MXNet Crop: (N, C, H, W) → (N, C, h, w) from ``offset`` or the middle; h and w are crop_like's, or h_w. crop-inl.h."""
    if g.rank(node, data) != 4 or num_args != (1 if crop_like is None else 2):
        raise g.malformed(node, f"crops a tensor of {len(dims(data))} axes, with the num_args {num_args}")
    wanted = [g.const([size]) for size in h_w] if crop_like is None else [g.dim(crop_like, axis) for axis in (2, 3)]
    starts = [g.const([at]) for at in offset]
    for index, (at, size) in enumerate(zip(offset, h_w if crop_like is None else dims(crop_like)[2:], strict=True)):
        extent = dims(data)[2 + index]
        if isinstance(extent, int) and isinstance(size, int) and (size < 1 or extent < size + (0 if center_crop else at)):
            raise g.malformed(node, f"crops {size} from {at} of axis {2 + index}, whose size is {extent}")
        if center_crop:
            rest = g.op("Sub", g.dim(data, 2 + index), wanted[index])
            starts[index] = g.op("Div", rest, g.const([2]))
    ends = [g.op("Add", start, size) for start, size in zip(starts, wanted, strict=True)]
    return g.op("Slice", data, g.op("Concat", *starts, axis=0), g.op("Concat", *ends, axis=0), g.const([2, 3]))


# -- parts replaced -------------------------------------------------------------------------------


@op("_slice_assign", "_crop_assign", "_npi_slice_assign")
def slice_assign(
    g: SymbolBuilder, node: Node, lhs: Value, rhs: Value, *, begin: OptionalInts, end: OptionalInts, step: OptionalInts = ()
) -> Value:
    """MXNet _slice_assign: lhs with rhs for lhs[begin:end:step]. matrix_op-inl.h."""
    same_type(g, node, lhs, rhs)
    windows = _windows(g, node, lhs, begin, end, step)
    sizes = [*map(len, windows), *dims(lhs)[len(windows) :]]
    if len(sizes) != g.rank(node, rhs) or any(a != b for a, b in zip(sizes, dims(rhs), strict=True) if isinstance(b, int)):
        raise g.malformed(node, f"puts {list(dims(rhs))} where {sizes} are")
    if 0 in sizes:
        return lhs
    for axis, window in enumerate(windows):
        places = [window.index(at) if at in window else 0 for at in range(g.sizes(node, lhs, [axis], "a part of it is replaced")[0])]
        rhs = g.op("Gather", rhs, g.const(places), axis=axis)
    return select(g, _within(g, node, lhs, windows), rhs, lhs)


@op("_slice_assign_scalar", "_crop_assign_scalar", "_npi_slice_assign_scalar")
def slice_assign_scalar(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    *,
    scalar: float = 0.0,
    begin: OptionalInts,
    end: OptionalInts,
    step: OptionalInts = (),
) -> Value:
    """MXNet _slice_assign_scalar: data with ``scalar`` for data[begin:end:step]. matrix_op-inl.h."""
    windows = _windows(g, node, data, begin, end, step)
    return select(g, _within(g, node, data, windows), constant(g, node, scalar, dtype_of(data)), data)


def _windows(
    g: SymbolBuilder, node: Node, x: Value, begin: OptionalInts, end: OptionalInts, step: OptionalInts
) -> list[range]:
    """The places along each of the first axes that a slice takes."""
    steps = [by or 1 for by in step] or [1] * len(begin)
    if not len(begin) == len(end) == len(steps) <= g.rank(node, x):
        raise g.malformed(node, f"replaces {begin} to {end} by {step or 1} of {len(dims(x))} axes")
    sizes = g.sizes(node, x, range(len(begin)), "a part of it is replaced")
    return [range(size)[first:last:by] for size, first, last, by in zip(sizes, begin, end, steps, strict=True)]


def _within(g: SymbolBuilder, node: Node, x: Value, windows: Sequence[range]) -> Value:
    """Whether an element lies in all windows, in a shape that broadcasts to that of ``x``."""
    inside = np.ones((1,) * len(dims(x)), np.bool_)
    for axis, window in enumerate(windows):
        size = g.sizes(node, x, [axis], "a part of it is replaced")[0]
        inside = inside & np.isin(np.arange(size), list(window)).reshape([-1 if i == axis else 1 for i in range(len(dims(x)))])
    return g.const(inside)
