"""What moves, picks, repeats and measures elements, and changes none."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from dragoman.graph_ir.folding.call import Array, Call, CannotFoldError, Kernel, axis_of, is_float


def _shape(call: Call) -> Array:
    dims = call[0].shape[call.attribute("start", 0) : call.attribute("end")]
    return np.array(dims, np.int64)


def _reshape(call: Call) -> Array:
    x, target = call[0], call.ints(1, "shape")
    assert target is not None
    if not call.attribute("allowzero", 0):
        target = [x.shape[axis] if size == 0 else size for axis, size in enumerate(target)]
    return x.reshape(target)


def _flatten(call: Call) -> Array:
    x, axis = call[0], call.attribute("axis", 1)
    if not -x.ndim <= axis <= x.ndim:
        raise CannotFoldError(f"axis {axis}")
    axis = axis + x.ndim if axis < 0 else axis
    return x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))


def _squeeze(call: Call) -> Array:
    axes = call.ints(1, "axes")
    return np.squeeze(call[0]) if axes is None else np.squeeze(call[0], tuple(axes))


def _unsqueeze(call: Call) -> Array:
    axes = call.ints(1, "axes")
    assert axes is not None
    return np.expand_dims(call[0], tuple(axes))


def _transpose(call: Call) -> Array:
    return np.transpose(call[0], call.attribute("perm"))


def _concat(call: Call) -> Array:
    return np.concatenate([call[index] for index in range(len(call.inputs))], call.attribute("axis"))


def _split(call: Call) -> Sequence[Array]:
    """Into ``split`` sizes; without them into equal parts, the last of which may be smaller."""
    x = call[0]
    axis = axis_of(call.attribute("axis", 0), x.ndim)
    size, count = x.shape[axis], call.outputs
    sizes = call.ints(1, "split")
    if sizes is None:
        part = -(-size // count)
        sizes = [max(0, min(part, size - part * index)) for index in range(count)]
    if sum(sizes) != size or len(sizes) != count:
        raise CannotFoldError(f"split {sizes} of {size}")
    return np.split(x, np.cumsum(sizes[:-1]), axis)


def _slice(call: Call) -> Array:
    """Starts and ends are clamped to the axis; a negative one counts from its end."""
    x = call[0]
    starts, ends = call.ints(1, "starts"), call.ints(2, "ends")
    axes, steps = call.ints(3, "axes"), call.ints(4, "steps")
    assert starts is not None and ends is not None
    picks = [slice(None)] * x.ndim
    for index, (start, end) in enumerate(zip(starts, ends, strict=True)):
        axis = axis_of(axes[index] if axes is not None else index, x.ndim)
        step, size = (steps[index] if steps is not None else 1), x.shape[axis]
        first, last = (start + size if start < 0 else start), (end + size if end < 0 else end)
        if step > 0:
            picks[axis] = slice(min(max(first, 0), size), min(max(last, 0), size), step)
        else:
            first, last = min(max(first, 0), size - 1), min(max(last, -1), size - 1)
            picks[axis] = slice(first, last if last >= 0 else None, step) if size else slice(0, 0)
    return np.asarray(x[tuple(picks)])


def _gather(call: Call) -> Array:
    x, indices = call[0], call[1]
    axis = axis_of(call.attribute("axis", 0), x.ndim)
    call.check((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))
    return np.asarray(np.take(x, indices, axis))


def _gather_elements(call: Call) -> Array:
    x, indices = call[0], call[1]
    axis = axis_of(call.attribute("axis", 0), x.ndim)
    if any(a < b for k, (a, b) in enumerate(zip(x.shape, indices.shape, strict=True)) if k != axis):
        raise CannotFoldError("indices beyond the data")
    part = tuple(slice(None) if k == axis else slice(0, size) for k, size in enumerate(indices.shape))
    return np.asarray(np.take_along_axis(x[part], indices, axis))


def _gather_nd(call: Call) -> Array:
    x, indices = call[0], call[1]
    if call.attribute("batch_dims", 0):
        raise CannotFoldError("batch_dims")
    call.check((*indices.shape[:-1], *x.shape[indices.shape[-1] :]))
    return np.asarray(x[tuple(np.moveaxis(indices, -1, 0))])


def _scatter_nd(call: Call) -> Array:
    x, indices, updates = call[0], call[1], call[2]
    if call.attribute("reduction", "none") != "none":
        raise CannotFoldError("reduction")
    result: Array = np.array(x)
    result[tuple(np.moveaxis(indices, -1, 0))] = updates
    return result


def _expand(call: Call) -> Array:
    target = call.ints(1, "shape")
    assert target is not None
    shape = np.broadcast_shapes(call[0].shape, tuple(target))
    call.check(shape)
    return np.broadcast_to(call[0], shape)


def _tile(call: Call) -> Array:
    repeats = call.ints(1, "repeats")
    assert repeats is not None
    call.check([a * b for a, b in zip(call[0].shape, repeats, strict=True)])
    return np.tile(call[0], repeats)


def _pad(call: Call) -> Array:
    """Constant padding; what is negative is cut off."""
    x, pads, axes = call[0], call.ints(1, "pads"), call.ints(3, "axes")
    if call.attribute("mode", "constant") != "constant" or pads is None or x.dtype.kind == "O":
        raise CannotFoldError("mode")
    value = call.get(2)
    fill = call.attribute("value", 0.0) if value is None else value.reshape(-1)[0]
    named = range(x.ndim) if axes is None else [axis_of(axis, x.ndim) for axis in axes]
    before, after = [0] * x.ndim, [0] * x.ndim
    for index, axis in enumerate(named):
        before[axis], after[axis] = pads[index], pads[index + len(pads) // 2]
    call.check([size + a + b for size, a, b in zip(x.shape, before, after, strict=True)])
    for axis, size in enumerate(x.shape):
        if -before[axis] > size or -after[axis] > size:
            raise CannotFoldError("more cut off than there is")
    kept = x[tuple(slice(max(0, -a), n - max(0, -b)) for n, a, b in zip(x.shape, before, after, strict=True))]
    return np.pad(kept, [(max(0, a), max(0, b)) for a, b in zip(before, after, strict=True)], constant_values=fill)


def _constant_of_shape(call: Call) -> Array:
    shape = tuple(int(size) for size in call[0])
    call.check(shape)
    value = call.attribute("value")
    return np.zeros(shape, np.float32) if value is None else np.full(shape, value.numpy().reshape(-1)[0], value.numpy().dtype)


def _range(call: Call) -> Array:
    """start + i · step, for i below ceil((limit - start) / step)."""
    start, limit, step = (call[index].reshape(()) for index in range(3))
    if not step or (is_float(start) and start.dtype not in (np.float64, np.float32)):
        raise CannotFoldError("step")
    count = max(0, math.ceil((float(limit) - float(start)) / float(step)))
    call.check((count,))
    if not is_float(start):
        return (int(start) + np.arange(count, dtype=np.int64) * int(step)).astype(start.dtype)
    result = np.empty(count, start.dtype)
    value = start[()]
    for index in range(count):  # ONNX Runtime adds up, and rounds at each step
        result[index] = value
        value = value + step[()]
    return result


def _one_hot(call: Call) -> Array:
    """An index outside [-depth, depth) gives a row without a hot one."""
    indices, depth, values = call[0], int(call[1].reshape(-1)[0]), call[2]
    rank = indices.ndim + 1
    axis = axis_of(call.attribute("axis", -1), rank)
    call.check((*indices.shape, depth))
    whole = indices.astype(np.int64)
    whole = np.where(whole < 0, whole + depth, whole)
    hot = np.expand_dims(whole, axis) == np.arange(depth).reshape([-1 if k == axis else 1 for k in range(rank)])
    return np.asarray(np.where(hot, values[1], values[0]))


def _non_zero(call: Call) -> Array:
    x = call[0]
    if x.ndim == 0:
        raise CannotFoldError("NonZero of a scalar")
    return np.array(np.nonzero(x), np.int64).reshape(x.ndim, -1)


def _trilu(call: Call) -> Array:
    k = call.get(1)
    diagonal = 0 if k is None else int(k.reshape(-1)[0])
    return np.triu(call[0], diagonal) if call.attribute("upper", 1) else np.tril(call[0], diagonal)


KERNELS: dict[str, Kernel] = {
    "Shape": _shape,
    "Size": lambda call: np.array(call[0].size, np.int64),
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Transpose": _transpose,
    "Concat": _concat,
    "Split": _split,
    "Slice": _slice,
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "GatherND": _gather_nd,
    "ScatterND": _scatter_nd,
    "Expand": _expand,
    "Tile": _tile,
    "Pad": _pad,
    "ConstantOfShape": _constant_of_shape,
    "Range": _range,
    "OneHot": _one_hot,
    "NonZero": _non_zero,
    "Trilu": _trilu,
}
