"""Layers that move values without changing them: Concat, Slice, Flatten, Reshape, Crop, Tile, Silence."""

from __future__ import annotations

import math
from itertools import pairwise

from onnx_ir import Value

from dragoman.converters.caffe.net_builder import NetBuilder
from dragoman.converters.caffe.network import Layer
from dragoman.converters.caffe.table import layer_type
from dragoman.graph_ir import dims
from dragoman.graph_ir.builder import Dim


@layer_type("Concat")
def concat(g: NetBuilder, layer: Layer, *xs: Value) -> Value:
    """Caffe Concat along ``axis`` (or the older ``concat_dim``). BVLC concat_layer.cpp."""
    p = layer.param.concat_param
    if p.has("axis") and p.has("concat_dim"):
        raise g.malformed(layer, "axis and concat_dim say the same thing; only one can be given")
    rank = len(dims(xs[0]))
    axis = g.axis(layer, p.concat_dim if p.has("concat_dim") else p.axis, rank)
    for x in xs[1:]:
        for i, (a, b) in enumerate(zip(dims(xs[0]), dims(x), strict=False)):
            if len(dims(x)) != rank or (i != axis and isinstance(a, int) and isinstance(b, int) and a != b):
                raise g.malformed(layer, f"its bottoms don't fit: {list(dims(xs[0]))} and {list(dims(x))}, axis {axis}")
    return xs[0] if len(xs) == 1 else g.op("Concat", *xs, axis=axis)


@layer_type("Slice")
def slice_(g: NetBuilder, layer: Layer, x: Value) -> Value | tuple[Value, ...]:
    """Caffe Slice: cut ``axis`` (or the older ``slice_dim``) at slice_points, or into equal parts. BVLC slice_layer.cpp."""
    p = layer.param.slice_param
    if p.has("axis") and p.has("slice_dim"):
        raise g.malformed(layer, "axis and slice_dim say the same thing; only one can be given")
    axis = g.axis(layer, p.slice_dim if p.has("slice_dim") else p.axis, len(dims(x)))
    count = len(layer.tops)
    size = dims(x)[axis]
    if p.slice_point and len(p.slice_point) != count - 1:
        raise g.malformed(layer, f"{len(p.slice_point)} slice points make {len(p.slice_point) + 1} parts, it has {count} tops")
    points = list(p.slice_point)
    if isinstance(size, int):
        if not points and size % count:
            raise g.malformed(layer, f"axis {axis} of size {size} can't be cut into {count} equal parts")
        edges = [0, *points, size] if points else [size // count * i for i in range(count + 1)]
    else:
        edges = [0, *points]
    parts = [b - a for a, b in pairwise(edges)]
    if min(parts, default=1) <= 0:
        raise g.malformed(layer, f"slice points {points} don't ascend within axis {axis} of size {size}")
    if count == 1:
        return x
    return g.ops(
        "Split", x, g.const(parts) if isinstance(size, int) else _parts(g, x, axis, parts, count), outputs=count, axis=axis
    )


def _parts(g: NetBuilder, x: Value, axis: int, first: list[int], count: int) -> Value:
    """The sizes of the parts of a dynamic axis: the last is what the first ones leave, or all are equal."""
    size = g.dim(x, axis)
    if not first:
        return g.op("Expand", g.op("Div", size, g.const([count])), g.const([count]))
    return g.op("Concat", g.const(first), g.op("Sub", size, g.const([sum(first)])), axis=0)


@layer_type("Flatten")
def flatten(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """Caffe Flatten: the axes from ``axis`` to ``end_axis`` become one. BVLC flatten_layer.cpp."""
    p = layer.param.flatten_param
    shape = dims(x)
    start, end = g.axis(layer, p.axis, len(shape)), g.axis(layer, p.end_axis, len(shape), "end_axis")
    if end < start - 1:
        raise g.malformed(layer, f"end_axis {p.end_axis} lies before axis {p.axis}")
    merged = shape[start : end + 1]
    known = [d for d in merged if isinstance(d, int)]
    middle: Dim = math.prod(known) if len(known) == len(merged) else merged[0] if len(merged) == 1 else None
    return g.reshape(x, (*shape[:start], middle, *shape[end + 1 :]))


@layer_type("Reshape")
def reshape(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """Caffe Reshape: num_axes axes from ``axis`` become ``shape``, where 0 copies the axis at its place and -1 is what
    remains. BVLC reshape_layer.cpp.
    """
    p = layer.param.reshape_param
    shape = dims(x)
    rank = len(shape)
    start = p.axis if p.axis >= 0 else rank + p.axis + 1
    if not 0 <= start <= rank:
        raise g.malformed(layer, f"axis {p.axis} is out of range for a blob of {rank} axes")
    end = rank if p.num_axes == -1 else start + p.num_axes
    if p.num_axes < -1 or end > rank:
        raise g.malformed(layer, f"num_axes {p.num_axes} from axis {p.axis} doesn't fit a blob of {rank} axes")
    middle: list[Dim] = []
    for i, d in enumerate(p.shape.dim):
        if d == 0 and start + i >= rank:
            raise g.malformed(layer, f"dim 0 at place {i} copies axis {start + i}, the blob has {rank}")
        middle.append(shape[start + i] if d == 0 else None if d == -1 else d)
        if d < -1:
            raise g.malformed(layer, f"dim {d} isn't a size")
    if middle.count(None) > 1:
        raise g.malformed(layer, "more than one dim is -1")
    target = [*shape[:start], *middle, *shape[end:]]
    _resolve_rest(g, layer, shape, target)
    return g.reshape(x, target)


def _resolve_rest(g: NetBuilder, layer: Layer, shape: tuple[Dim, ...], target: list[Dim]) -> None:
    """Work out the -1 where the sizes allow, and compare the number of elements."""
    left, right = list(shape), [d for d in target if d is not None]
    for d in list(right):
        if isinstance(d, str) and d in left:  # a dynamic size on both sides cancels
            left.remove(d)
            right.remove(d)
    before, after = [d for d in left if isinstance(d, int)], [d for d in right if isinstance(d, int)]
    if len(before) != len(left) or len(after) != len(right):
        return
    total, rest = math.prod(before), math.prod(after)
    if None in target:
        if rest == 0 or total % rest:
            raise g.malformed(
                layer, f"a blob of shape {list(shape)} can't be seen as {[-1 if d is None else d for d in target]}"
            )
        target[target.index(None)] = total // rest
    elif total != rest:
        raise g.malformed(layer, f"a blob of shape {list(shape)} can't be seen as {target}: the number of elements differs")


@layer_type("Crop")
def crop(g: NetBuilder, layer: Layer, x: Value, reference: Value) -> Value:
    """Caffe Crop: from ``axis`` on, x is cut to the size of the second bottom, at an offset. BVLC crop_layer.cpp."""
    p = layer.param.crop_param
    shape, wanted = dims(x), dims(reference)
    if len(shape) != len(wanted):
        raise g.malformed(layer, f"its bottoms have {len(shape)} and {len(wanted)} axes")
    start = g.axis(layer, p.axis, len(shape))
    axes = list(range(start, len(shape)))
    if len(p.offset) > 1 and len(p.offset) != len(axes):
        raise g.malformed(layer, f"{len(p.offset)} offsets for {len(axes)} axes")
    offsets = list(p.offset) * len(axes) if len(p.offset) == 1 else list(p.offset) or [0] * len(axes)
    for axis, offset in zip(axes, offsets, strict=True):
        have, need = shape[axis], wanted[axis]
        if isinstance(have, int) and isinstance(need, int) and offset + need > have:
            raise g.malformed(layer, f"axis {axis} of size {have} can't give {need} from offset {offset}")
    begins = g.const(offsets)
    if all(isinstance(wanted[a], int) for a in axes):
        return g.op(
            "Slice", x, begins, g.const([o + int(wanted[a] or 0) for o, a in zip(offsets, axes, strict=True)]), g.const(axes)
        )
    size = g.op("Shape", reference, start=start)
    y = g.op("Slice", x, begins, g.op("Add", begins, size), g.const(axes))
    y.shape = type(reference.shape)([*shape[:start], *wanted[start:]]) if reference.shape is not None else None
    return y


@layer_type("Tile")
def tile(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """Caffe Tile: ``tiles`` copies along ``axis``. BVLC tile_layer.cpp."""
    p = layer.param.tile_param
    rank = len(dims(x))
    axis = g.axis(layer, p.axis, rank)
    if p.tiles <= 0:
        raise g.malformed(layer, f"tiles {p.tiles} must be positive")
    return g.op("Tile", x, g.const([p.tiles if i == axis else 1 for i in range(rank)]))


@layer_type("Silence")
def silence(g: NetBuilder, layer: Layer, *xs: Value) -> tuple[Value, ...]:
    """Caffe Silence: reads its bottoms, so that they aren't outputs, and makes nothing. BVLC silence_layer.cpp."""
    return ()
