"""The same elements in another order: transposed, reversed, rolled, moved between channels and space."""

from __future__ import annotations

from collections.abc import Sequence

from onnx_ir import DataType, Value

from dragoman.converters.mxnet.attributes import Ints
from dragoman.converters.mxnet.ops.reshape import Part, reshape_to
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import dims

_LAST = -(1 << 62)
"""Before the first element, where a slice that runs backwards ends."""


@op("transpose")
def transpose(g: SymbolBuilder, node: Node, data: Value, *, axes: Ints = ()) -> Value:
    """MXNet transpose: the axes in the order of ``axes``, or from the last to the first. matrix_op-inl.h."""
    if min(axes, default=0) < 0:
        raise g.malformed(node, f"has the axes {axes}: MXNet takes no negative ones here")
    return _transposed(g, node, data, axes or None)


@op("_np_transpose")
def np_transpose(g: SymbolBuilder, node: Node, a: Value, *, axes: Ints | None = None) -> Value:
    """MXNet np.transpose: the axes in the order of ``axes``, or from the last to the first. np_matrix_op.cc."""
    return _transposed(g, node, a, axes)


def _transposed(g: SymbolBuilder, node: Node, x: Value, axes: Ints | None) -> Value:
    rank = g.rank(node, x)
    order = list(range(rank))[::-1] if axes is None else [g.axis(node, axis, rank) for axis in axes]
    if sorted(order) != list(range(rank)):
        raise g.malformed(node, f"has the axes {axes} for a tensor of {rank} axes")
    return g.op("Transpose", x, perm=order) if rank else x


@op("SwapAxis", "swapaxes", "_npi_swapaxes")
def swap_axis(g: SymbolBuilder, node: Node, data: Value, *, dim1: int = 0, dim2: int = 0) -> Value:
    """MXNet SwapAxis: two axes trade places. swapaxis-inl.h."""
    rank = g.rank(node, data)
    one, two = g.axis(node, dim1, rank), g.axis(node, dim2, rank)
    order = list(range(rank))
    order[one], order[two] = two, one
    return g.op("Transpose", data, perm=order)


@op("_np_moveaxis")
def moveaxis(g: SymbolBuilder, node: Node, a: Value, *, source: Ints, destination: Ints) -> Value:
    """MXNet np.moveaxis: the axes of ``source`` go to ``destination``, the others keep their order. np_matrix_op-inl.h."""
    rank = g.rank(node, a)
    sources, targets = ([g.axis(node, axis, rank) for axis in axes] for axes in (source, destination))
    if len(sources) != len(targets) or len({*sources}) != len(sources) or len({*targets}) != len(targets):
        raise g.malformed(node, f"moves the axes {source} to {destination}")
    order = [axis for axis in range(rank) if axis not in sources]
    for target, axis in sorted(zip(targets, sources, strict=True)):
        order.insert(target, axis)
    return g.op("Transpose", a, perm=order) if rank else a


@op("reverse", "flip")
def reverse(g: SymbolBuilder, node: Node, data: Value, *, axis: Ints) -> Value:
    """MXNet reverse: the elements along the axes from the last to the first; twice is as they were. matrix_op-inl.h."""
    if min(axis, default=0) < 0:
        raise g.malformed(node, f"has the axis {axis}: MXNet takes no negative ones here")
    axes = [g.axis(node, index, g.rank(node, data)) for index in axis]
    return flipped(g, data, sorted(index for index in {*axes} if axes.count(index) % 2))


@op("_npi_flip")
def np_flip(g: SymbolBuilder, node: Node, data: Value, *, axis: Ints | None) -> Value:
    """MXNet np.flip: as reverse; along all axes if none is said. np_matrix_op-inl.h."""
    return reverse(g, node, data, axis=tuple(range(g.rank(node, data))) if axis is None else axis)


def flipped(g: SymbolBuilder, x: Value, axes: Sequence[int]) -> Value:
    """The elements along ``axes`` from the last to the first."""
    if not axes:
        return x
    ones = [-1] * len(axes)
    return g.op("Slice", x, g.const(ones), g.const([_LAST] * len(axes)), g.const(axes), g.const(ones))


@op("_npi_rot90")
def rot90(g: SymbolBuilder, node: Node, data: Value, *, k: int = 1, axes: Ints | None = None) -> Value:
    """MXNet np.rot90: k quarter turns from the first of the two axes towards the second. np_matrix_op.cc."""
    rank = g.rank(node, data)
    if axes is None or len(axes) != 2:
        raise g.malformed(node, f"turns in the axes {axes}; it takes two")
    one, two = (g.axis(node, axis, rank) for axis in axes)
    if one == two:
        raise g.malformed(node, f"turns in the axes {axes}, which are the same")
    order = list(range(rank))
    order[one], order[two] = two, one
    if k % 4 == 1:
        return g.op("Transpose", flipped(g, data, [two]), perm=order)
    if k % 4 == 3:
        return flipped(g, g.op("Transpose", data, perm=order), [two])
    return flipped(g, data, [one, two]) if k % 4 else data


@op("_np_roll")
def roll(g: SymbolBuilder, node: Node, data: Value, *, shift: Ints | None = None, axis: Ints | None = None) -> Value:
    """MXNet np.roll: elements move by ``shift`` along each axis, or as one row, and come in again at its other end. np_matrix_op.cc."""
    if shift is None or len(shift) not in (1, len(axis or (0,))):
        raise g.malformed(node, f"rolls by {shift} along {axis}")
    rolled = data if axis is not None else reshape_to(g, node, data, [None])
    axes = axis if axis is not None else (0,)
    rank = g.rank(node, rolled)
    for index, by in zip(axes, shift if len(shift) == len(axes) else shift * len(axes), strict=True):
        place = g.axis(node, index, rank)
        cut = g.op("Mod", g.const([-by]), g.op("Max", g.dim(rolled, place), g.const([1])))
        ends = (g.const([0]), cut, g.const([1 << 62]))
        behind, before = (g.op("Slice", rolled, ends[i], ends[i + 1], g.const([place])) for i in (1, 0))
        rolled = g.op("Concat", behind, before, axis=place)
    return rolled if axis is not None else g.reshape_like(rolled, data)


@op("depth_to_space")
def depth_to_space(g: SymbolBuilder, node: Node, data: Value, *, block_size: int) -> Value:
    """MXNet depth_to_space: (N, b·b·C, H, W) → (N, C, H·b, W·b). matrix_op-inl.h."""
    b = _block(g, node, data, block_size, {1: block_size * block_size})
    if data.dtype in _IN_ONNXRUNTIME:
        return g.op("DepthToSpace", data, blocksize=b)
    n, h, w = (Part(data, (axis,)) for axis in (0, 2, 3))
    c = Part(data, (1,), over=b * b)
    mixed = g.op("Transpose", reshape_to(g, node, data, [n, b, b, c, h, w]), perm=[0, 3, 4, 1, 5, 2])
    return reshape_to(g, node, mixed, [n, c, *(Part(data, (axis,), times=b) for axis in (2, 3))])


@op("space_to_depth")
def space_to_depth(g: SymbolBuilder, node: Node, data: Value, *, block_size: int) -> Value:
    """MXNet space_to_depth: (N, C, H·b, W·b) → (N, b·b·C, H, W). matrix_op-inl.h."""
    b = _block(g, node, data, block_size, {2: block_size, 3: block_size})
    if data.dtype in _IN_ONNXRUNTIME:
        return g.op("SpaceToDepth", data, blocksize=b)
    n, c, height, width = (Part(data, (axis,), b if axis > 1 else 1) for axis in range(4))
    mixed = g.op("Transpose", reshape_to(g, node, data, [n, c, height, b, width, b]), perm=[0, 3, 5, 1, 2, 4])
    return reshape_to(g, node, mixed, [n, Part(data, (1,), times=b * b), height, width])


_IN_ONNXRUNTIME = (DataType.FLOAT, DataType.DOUBLE, DataType.FLOAT16)
"""What its DepthToSpace and SpaceToDepth take."""


def _block(g: SymbolBuilder, node: Node, data: Value, size: int, multiples: dict[int, int]) -> int:
    """The block's size, if it divides what it must."""
    if g.rank(node, data) != 4 or size < 1:
        raise g.malformed(node, f"moves blocks of {size} of a tensor of {len(dims(data))} axes; it takes 4")
    for axis, factor in multiples.items():
        extent = dims(data)[axis]
        if extent == 0 or (isinstance(extent, int) and extent % factor):
            raise g.malformed(node, f"axis {axis} of size {extent} isn't a multiple of {factor}")
    return size
