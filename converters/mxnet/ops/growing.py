"""Tensors made larger: padded, repeated, broadcast; and how large they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from onnx_ir import Value

from dragoman.converters.mxnet.arithmetic import dtype_of, scalar
from dragoman.converters.mxnet.attributes import Ints
from dragoman.converters.mxnet.ops.reshape import Part, reshape_to
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import dims


@op("Pad", "pad")
def pad(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    *,
    mode: Literal["constant", "edge", "reflect"],
    pad_width: Ints,
    constant_value: float = 0.0,
) -> Value:
    """MXNet Pad of the spatial axes of (N, C, *S): pad_width is before and after each axis. pad-inl.h."""
    rank = g.rank(node, data)
    if rank not in (4, 5) or len(pad_width) != 2 * rank or any(pad_width[:4]):
        raise g.malformed(node, f"pads a tensor of {rank} axes by {pad_width}; MXNet pads the last axes of 4 or 5")
    return _padded(g, node, data, list(zip(pad_width[::2], pad_width[1::2], strict=True)), mode, constant_value)


@op("_npi_pad")
def np_pad(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    *,
    pad_width: tuple[Ints, ...],
    mode: Literal["constant", "edge", "reflect", "symmetric", "maximum", "minimum"] = "constant",
    constant_value: float = 0.0,
    reflect_type: str = "even",
) -> Value:
    """MXNet np.pad: pad_width is before and after each axis. np_pad_op-inl.h."""
    if len(pad_width) != g.rank(node, data) or any(len(pair) != 2 for pair in pad_width):
        raise g.malformed(node, f"pads a tensor of {len(dims(data))} axes by {pad_width}")
    if reflect_type != "even":
        raise g.unsupported(node, f"has the reflect_type {reflect_type}")
    widths = [(before, after) for before, after in pad_width]
    if mode in ("constant", "edge", "reflect"):
        return _padded(g, node, data, widths, mode, constant_value)
    if min(min(pair) for pair in widths) < 0:
        raise g.malformed(node, f"pads by {pad_width}")
    for axis, (before, after) in enumerate(widths):
        if mode == "symmetric":
            data = _mirrored(g, node, data, axis, (before, after), mode)
        elif before or after:
            best = g.op("ReduceMax" if mode == "maximum" else "ReduceMin", data, g.const([axis]))
            data = g.op("Concat", *[best] * before, data, *[best] * after, axis=axis)
    return data


def _padded(g: SymbolBuilder, node: Node, x: Value, widths: Sequence[tuple[int, int]], mode: str, value: float) -> Value:
    """ONNX pads as MXNet does, but for mirrors that reach further than the tensor."""
    pads = [before for before, _ in widths] + [after for _, after in widths]
    if min(pads, default=0) < 0 and mode != "constant":
        raise g.malformed(node, f"pads by {widths}")
    if mode == "reflect" and any(isinstance(d, int) and max(pair) >= max(d, 1) for d, pair in zip(dims(x), widths, strict=True)):
        if node.op != "_npi_pad":
            raise g.malformed(node, f"mirrors {widths} elements of {list(dims(x))}")
        for axis, pair in enumerate(widths):
            x = _mirrored(g, node, x, axis, pair, mode)
        return x
    filler = scalar(g, node, value, dtype_of(x)) if mode == "constant" and value else None
    return g.op("Pad", x, g.const(pads), filler, mode=mode)


def _mirrored(g: SymbolBuilder, node: Node, x: Value, axis: int, pair: tuple[int, int], mode: str) -> Value:
    """One axis padded with what is within, by the places it comes from."""
    if not any(pair):
        return x
    (size,) = g.sizes(node, x, [axis], "it is mirrored")
    places = np.pad(np.arange(size), pair, mode=mode)  # type: ignore[call-overload]
    return g.op("Gather", x, g.const(places), axis=axis)


@op("tile", "_npi_tile")
def tile(g: SymbolBuilder, node: Node, data: Value, *, reps: Ints) -> Value:
    """MXNet tile: the tensor over and over along its last axes, or along new ones before them. matrix_op-inl.h."""
    if min(reps, default=0) < 0:
        raise g.malformed(node, f"repeats {reps} times")
    rank = g.rank(node, data)
    if len(reps) > rank:
        data = g.op("Unsqueeze", data, g.const(list(range(len(reps) - rank))))
    times = [1] * (rank - len(reps)) + list(reps)
    return g.op("Tile", data, g.const(times)) if times else data


@op("repeat", "_np_repeat")
def repeat(g: SymbolBuilder, node: Node, data: Value, *, repeats: int, axis: int | None = None) -> Value:
    """MXNet repeat: each element so many times along ``axis``, or all in one row. matrix_op-inl.h."""
    if repeats < 0:
        raise g.malformed(node, f"repeats {repeats} times")
    place = 0 if axis is None else g.axis(node, axis, g.rank(node, data))
    if axis is None or repeats == 0:
        data = reshape_to(g, node, data, [None])
        place = 0
    before, after = ([Part(data, (i,)) for i in some] for some in (range(place), range(place + 1, len(dims(data)))))
    several = g.op("Unsqueeze", data, g.const([place + 1]))
    times = g.const([repeats if i == place + 1 else 1 for i in range(len(dims(data)) + 1)])
    return reshape_to(g, node, g.op("Tile", several, times), [*before, Part(data, (place,), times=repeats), *after])


@op("broadcast_axis", "broadcast_axes")
def broadcast_axis(g: SymbolBuilder, node: Node, data: Value, *, axis: Ints = (), size: Ints = ()) -> Value:
    """MXNet broadcast_axis: axes of size 1 get other sizes. broadcast_reduce_op.h."""
    rank = g.rank(node, data)
    if len(axis) != len(size) or len({*axis}) != len(axis) or not {*axis} <= {*range(rank)}:
        raise g.malformed(node, f"gives the axes {axis} of {rank} the sizes {size}")
    if wrong := [index for index in axis if dims(data)[index] != 1]:
        raise g.malformed(node, f"axis {wrong[0]} has the size {dims(data)[wrong[0]]}, not 1")
    sizes = dict(zip(axis, size, strict=True))
    return g.op("Expand", data, g.const([sizes.get(index, 1) for index in range(rank)])) if axis else data


@op("broadcast_to")
def broadcast_to(g: SymbolBuilder, node: Node, data: Value, *, shape: Ints = ()) -> Value:
    """MXNet broadcast_to: axes of size 1 get those of ``shape``, where 0 leaves an axis as it is. broadcast_reduce_op.h."""
    if len(shape) != g.rank(node, data):
        raise g.malformed(node, f"broadcasts {len(dims(data))} axes to {shape}")
    return _broadcast(g, node, data, [size or None for size in shape])


@op("_npi_broadcast_to")
def np_broadcast_to(g: SymbolBuilder, node: Node, array: Value, *, shape: Ints = ()) -> Value:
    """MXNet np.broadcast_to: as numpy; -2 leaves an axis as it is. np_broadcast_reduce_op_value.cc."""
    if len(shape) < g.rank(node, array):
        raise g.malformed(node, f"broadcasts {len(dims(array))} axes to {shape}")
    return _broadcast(g, node, array, [None if size == -2 else size for size in shape])


def _broadcast(g: SymbolBuilder, node: Node, x: Value, shape: Sequence[int | None]) -> Value:
    """Expand to ``shape``, where None leaves an axis as it is; ``x`` itself may not have to give way."""
    own = (1,) * (len(shape) - len(dims(x))) + dims(x)
    for have, want in zip(own, shape, strict=True):
        if want is not None and (want < 0 or (isinstance(have, int) and have not in (1, want))):
            raise g.malformed(node, f"can't broadcast {list(dims(x))} to {list(shape)}")
    return g.op("Expand", x, g.const([1 if want is None else want for want in shape])) if shape else x


@op("broadcast_like")
def broadcast_like(
    g: SymbolBuilder, node: Node, lhs: Value, rhs: Value, *, lhs_axes: Ints | None = None, rhs_axes: Ints | None = None
) -> Value:
    """MXNet broadcast_like: axes of lhs that have the size 1 get the sizes of rhs; all of them, or lhs_axes those of rhs_axes.

    broadcast_reduce_op.h.
    """
    rank, other = g.rank(node, lhs), g.rank(node, rhs)
    if lhs_axes is None or rhs_axes is None:
        if rank != other:
            raise g.malformed(node, f"broadcasts {rank} axes like {other}")
        pairs = {axis: axis for axis in range(rank)}
    else:
        left, right = ([g.axis(node, a, r) for a in axes] for axes, r in ((lhs_axes, rank), (rhs_axes, other)))
        if not left or len(left) != len(right) or any(dims(lhs)[axis] != 1 for axis in left):
            raise g.malformed(node, f"gives the axes {lhs_axes} of {list(dims(lhs))} the sizes of the axes {rhs_axes}")
        pairs = dict(zip(left, right, strict=True))
    for axis, like in pairs.items():
        have, want = dims(lhs)[axis], dims(rhs)[like]
        if isinstance(have, int) and isinstance(want, int) and have not in (1, want):
            raise g.malformed(node, f"can't broadcast {list(dims(lhs))} like {list(dims(rhs))}")
    if not pairs:
        return lhs
    sizes = [g.dim(rhs, pairs[axis]) if axis in pairs else g.const([1]) for axis in range(rank)]
    return g.op("Expand", lhs, g.op("Concat", *sizes, axis=0))


@op("shape_array", "_npx_shape_array")
def shape_array(g: SymbolBuilder, node: Node, data: Value) -> Value:
    """MXNet shape_array: the shape, int64. elemwise_unary_op_basic.cc."""
    return g.shape(data)


@op("size_array")
def size_array(g: SymbolBuilder, node: Node, data: Value) -> Value:
    """MXNet size_array: the number of elements, int64, as a tensor of one. elemwise_unary_op_basic.cc."""
    return g.op("Unsqueeze", g.op("Size", data), g.const([0]))
