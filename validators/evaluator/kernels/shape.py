"""What only rearranges elements. Weights pass through in the precision they are stored in."""

from __future__ import annotations

import math

import numpy as np

from dragoman.validators.evaluator.call import Array, Declined, EvaluationError, NodeCall, axis_of
from dragoman.validators.evaluator.kernels.table import Family

family = Family()


def _numbers(given: Array | None, node: NodeCall, attribute: str) -> list[int]:
    """A list of integers, from an input or from the attribute that older opsets have."""
    return node.ints(attribute) if given is None else [int(v) for v in given.ravel()]


@family.op("Reshape", storage=True)
def reshape(node: NodeCall, x: Array, shape: Array | None = None) -> Array:
    """Same elements, other shape; 0 keeps a dimension unless ``allowzero``, -1 is inferred."""
    wanted = _numbers(shape, node, "shape")
    if not node.integer("allowzero", 0):
        if any(d == 0 and k >= x.ndim for k, d in enumerate(wanted)):
            raise EvaluationError(f"shape {wanted} keeps a dimension that {list(x.shape)} doesn't have")
        wanted = [x.shape[k] if d == 0 else d for k, d in enumerate(wanted)]
    return x.reshape(wanted)


@family.op("Flatten", storage=True)
def flatten(node: NodeCall, x: Array) -> Array:
    """A matrix: the axes before ``axis``, and those from it on."""
    axis = node.integer("axis", 1)
    if not -x.ndim <= axis <= x.ndim:
        raise EvaluationError(f"axis {axis} of a tensor of rank {x.ndim}")
    axis += x.ndim if axis < 0 else 0
    return x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))


@family.op("Squeeze", storage=True)
def squeeze(node: NodeCall, x: Array, axes: Array | None = None) -> Array:
    """Without the named axes of size 1; without all of them by default."""
    named = _numbers(axes, node, "axes")
    given = axes is not None or node.has("axes")
    return np.squeeze(x, tuple(named)) if given else np.squeeze(x)


@family.op("Unsqueeze", storage=True)
def unsqueeze(node: NodeCall, x: Array, axes: Array | None = None) -> Array:
    """With axes of size 1 at the named places of the result."""
    return np.expand_dims(x, tuple(_numbers(axes, node, "axes")))


@family.op("Transpose", storage=True)
def transpose(node: NodeCall, x: Array) -> Array:
    """Axes in the order of ``perm``; reversed by default."""
    return np.asarray(x.transpose(node.ints("perm")) if node.has("perm") else x.T)


@family.op("Identity", storage=True)
def identity(_: NodeCall, x: Array) -> Array:
    """The input."""
    return x


@family.op("Expand", storage=True)
def expand(_: NodeCall, x: Array, shape: Array) -> Array:
    """Broadcast against ``shape``."""
    wanted = tuple(int(d) for d in shape)
    return np.broadcast_to(x, np.broadcast_shapes(x.shape, wanted))


@family.op("Tile")
def tile(node: NodeCall, x: Array, repeats: Array, axis: Array | None = None) -> Array:
    """Repeated along each axis; opset 1 names one axis."""
    if node.version < 6:
        if axis is None:
            raise EvaluationError("Tile of opset 1 without an axis")
        along = axis_of(int(axis.ravel()[0]), x.ndim)
        return np.concatenate([x] * int(repeats.ravel()[0]), along)
    return np.tile(x, [int(r) for r in repeats])


@family.op("Concat")
def concat(node: NodeCall, *xs: Array) -> Array:
    """Joined along ``axis``."""
    if node.version >= 4 and not node.has("axis"):
        raise EvaluationError("has no axis")
    return np.concatenate(xs, axis_of(node.integer("axis", 1), xs[0].ndim))


@family.op("Split")
def split(node: NodeCall, x: Array, sizes: Array | None = None) -> tuple[Array, ...]:
    """Cut along ``axis`` into parts of the given sizes; else into equal parts, the last one smaller if they don't fit."""
    axis = axis_of(node.integer("axis", 0), x.ndim)
    parts = _numbers(sizes, node, "split")
    length = x.shape[axis]
    if not parts:
        count = node.integer("num_outputs", node.outputs)
        step = -(-length // count)
        parts = [max(0, min(step, length - k * step)) for k in range(count)]
    if sum(parts) != length:
        raise EvaluationError(f"parts {parts} of an axis of {length}")
    return tuple(np.split(x, np.cumsum(parts)[:-1].tolist(), axis))


@family.op("Slice", storage=True)
def slice_(
    node: NodeCall,
    x: Array,
    starts: Array | None = None,
    ends: Array | None = None,
    axes: Array | None = None,
    steps: Array | None = None,
) -> Array:
    """From ``starts`` up to ``ends`` by ``steps`` along ``axes``; both ends are held to the tensor."""
    first, last = _numbers(starts, node, "starts"), _numbers(ends, node, "ends")
    along = _numbers(axes, node, "axes") or list(range(len(first)))
    stride = [1] * len(first) if steps is None else [int(s) for s in steps]
    place = [slice(None)] * x.ndim
    for start, end, axis, step in zip(first, last, along, stride, strict=True):
        k = axis_of(axis, x.ndim)
        place[k] = _held(start, end, step, x.shape[k])
    return x[tuple(place)]


def _held(start: int, end: int, step: int, length: int) -> slice:
    if step == 0:
        raise EvaluationError("a step of 0")
    start, end = (v + length if v < 0 else v for v in (start, end))
    if step > 0:
        return slice(min(max(start, 0), length), min(max(end, 0), length), step)
    start, end = min(max(start, 0), length - 1), min(max(end, -1), length - 1)
    return slice(start, None if end == -1 else end, step) if length else slice(0, 0)


@family.op("Pad")
def pad(node: NodeCall, x: Array, pads: Array | None = None, value: Array | None = None, axes: Array | None = None) -> Array:
    """Padded before and behind each axis; negative amounts cut off."""
    margins = _numbers(pads, node, "paddings" if node.version < 2 else "pads")
    along = range(x.ndim) if axes is None else [axis_of(int(a), x.ndim) for a in axes]
    if len(margins) != 2 * len(along):
        raise EvaluationError(f"pads {margins} for {len(along)} axes")
    before, behind = [0] * x.ndim, [0] * x.ndim
    for k, axis in enumerate(along):
        before[axis], behind[axis] = margins[k], margins[k + len(along)]
    cut = tuple(slice(max(0, -b), n - max(0, -e)) for b, e, n in zip(before, behind, x.shape, strict=True))
    x = x[cut]
    widths = [(max(0, b), max(0, e)) for b, e in zip(before, behind, strict=True)]
    mode = node.text("mode", "constant")
    if mode == "constant":
        filler = node.number("value", 0.0) if value is None or value.size == 0 else value.ravel()[0]
        return np.pad(x, widths, constant_values=filler)
    if mode not in ("reflect", "edge", "wrap"):
        raise EvaluationError(f"pads by {mode}")
    return np.pad(x, widths, mode=mode)  # type: ignore[call-overload,no-any-return]


def _block(node: NodeCall, x: Array) -> int:
    size = node.integer("blocksize", 0)
    if size < 1 or x.ndim != 4:
        raise EvaluationError(f"blocksize {size} of a tensor of rank {x.ndim}")
    return size


@family.op("DepthToSpace")
def depth_to_space(node: NodeCall, x: Array) -> Array:
    """Channels become blocks of pixels; by DCR the block is the slower part of the channel, by CRD the faster one."""
    size, (n, c, h, w) = _block(node, x), x.shape
    if node.text("mode", "DCR") == "CRD":
        parts = x.reshape(n, c // size**2, size, size, h, w).transpose(0, 1, 4, 2, 5, 3)
    else:
        parts = x.reshape(n, size, size, c // size**2, h, w).transpose(0, 3, 4, 1, 5, 2)
    return np.asarray(parts.reshape(n, c // size**2, h * size, w * size))


@family.op("SpaceToDepth")
def space_to_depth(node: NodeCall, x: Array) -> Array:
    """Blocks of pixels become channels, the block the slower part."""
    size, (n, c, h, w) = _block(node, x), x.shape
    if node.text("mode", "DCR") != "DCR":
        raise Declined
    parts = x.reshape(n, c, h // size, size, w // size, size).transpose(0, 3, 5, 1, 2, 4)
    return np.asarray(parts.reshape(n, c * size**2, h // size, w // size))


@family.op("Trilu")
def trilu(node: NodeCall, x: Array, k: Array | None = None) -> Array:
    """The upper or lower triangle of each matrix."""
    diagonal = 0 if k is None else int(k.ravel()[0])
    return np.triu(x, diagonal) if node.integer("upper", 1) else np.tril(x, diagonal)


@family.op("Shape", storage=True)
def shape_of(node: NodeCall, x: Array) -> Array:
    """The dimensions, from ``start`` to ``end``."""
    return np.array(x.shape[slice(*_limits(node.integer("start", 0), node.integer("end", x.ndim), x.ndim))], np.int64)


def _limits(start: int, stop: int, rank: int) -> tuple[int, int]:
    start, stop = (min(max(v + rank if v < 0 else v, 0), rank) for v in (start, stop))
    return start, stop


@family.op("Size", storage=True)
def size_of(_: NodeCall, x: Array) -> Array:
    """The number of elements."""
    return np.array(x.size, np.int64)
