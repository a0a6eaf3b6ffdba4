"""Elements by their places: taken, picked, written; places as numbers and as coordinates."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from onnx_ir import DataType, Value

from dragoman.converters.mxnet.arithmetic import cast, dtype_of, scalar, select, truth
from dragoman.converters.mxnet.attributes import Ints
from dragoman.converters.mxnet.ops.reshape import reshape_to
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import dims

Mode = Literal["clip", "wrap", "raise"]


def _places(g: SymbolBuilder, index: Value, data: Value, axis: int, mode: str) -> Value:
    """``index`` as int64: truncated, and what lies outside the axis moved to its nearest end, or counted round it."""
    whole = cast(g, index, DataType.INT64)
    size = g.op("Squeeze", g.dim(data, axis))
    if mode == "wrap":
        return g.op("Mod", whole, size)
    return g.op("Clip", whole, g.const(0), g.op("Sub", size, g.const(1))) if mode == "clip" else whole


@op("Embedding", "_npx_embedding", "_sparse_Embedding", "_contrib_SparseEmbedding")
def embedding(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    weight: Value,
    *,
    input_dim: int,
    output_dim: int,
    dtype: DataType = DataType.FLOAT,
    sparse_grad: bool = False,
    deterministic: bool = False,
) -> Value:
    """MXNet Embedding: data (*I) → (*I, output_dim), the rows of weight (input_dim, output_dim). indexing_op.h."""
    if dims(weight) != (input_dim, output_dim):
        raise g.malformed(node, f"its weight is {list(dims(weight))}, not [{input_dim}, {output_dim}]")
    return g.op("Gather", weight, _places(g, data, weight, 0, "clip"), axis=0)


@op("take", "_npi_take")
def take(g: SymbolBuilder, node: Node, a: Value, indices: Value, *, axis: int = 0, mode: Mode = "clip") -> Value:
    """MXNet take: (*P, K, *S), (*I) → (*P, *I, *S), the elements of a at the indices along ``axis``. indexing_op.h."""
    place = g.axis(node, axis, g.rank(node, a))
    return g.op("Gather", a, _places(g, indices, a, place, mode), axis=place)


@op("batch_take")
def batch_take(g: SymbolBuilder, node: Node, a: Value, indices: Value) -> Value:
    """MXNet batch_take: (N, K), indices of N elements → as indices, one of each row. indexing_op.h."""
    if g.rank(node, a) != 2 or dtype_of(indices) != DataType.INT32:
        raise g.malformed(node, f"takes {dtype_of(indices)} of {len(dims(a))} axes; MXNet does int32 of 2")
    places = reshape_to(g, node, _places(g, indices, a, 1, "clip"), [None, 1])
    if all(isinstance(x, int) for x in (dims(a)[0], dims(places)[0])) and dims(a)[0] != dims(places)[0]:
        raise g.malformed(node, f"takes {list(dims(indices))} elements of {list(dims(a))}")
    return g.reshape_like(g.op("GatherElements", a, places, axis=1), indices)


@op("pick", "choose_element_0index", "_npx_pick")
def pick(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    index: Value,
    *,
    axis: int | None = -1,
    keepdims: bool = False,
    mode: Literal["clip", "wrap"] = "clip",
) -> Value:
    """MXNet pick: (*P, K, *S), (*P, *S) or (*P, 1, *S) → (*P, *S), one element along ``axis``. broadcast_reduce_op_index.cc."""
    rank = g.rank(node, data)
    if axis is None:
        raise g.malformed(node, "has the axis None, which MXNet doesn't support")
    place = g.axis(node, axis, rank)
    places = _places(g, index, data, place, mode)
    if len(dims(index)) != rank:
        places = g.op("Unsqueeze", places, g.const([place]))
    kept = (*dims(data)[:place], 1, *dims(data)[place + 1 :])
    fits = len(dims(places)) == rank and all(
        a == b for a, b in zip(dims(places), kept, strict=True) if isinstance(a, int) and isinstance(b, int)
    )
    if not fits:
        raise g.malformed(node, f"picks {list(dims(index))} along axis {axis} of {list(dims(data))}")
    picked = g.op("GatherElements", data, places, axis=place)
    return picked if keepdims or rank == 1 else g.op("Squeeze", picked, g.const([place]))


@op("one_hot", "_npx_one_hot")
def one_hot(
    g: SymbolBuilder,
    node: Node,
    indices: Value,
    *,
    depth: int,
    on_value: float = 1.0,
    off_value: float = 0.0,
    dtype: DataType = DataType.FLOAT,
) -> Value:
    """MXNet one_hot: (*I) → (*I, depth), on_value at the index, and nowhere if it is outside. indexing_op.h."""
    whole = g.op("Unsqueeze", cast(g, indices, DataType.INT64), g.const([-1]))
    hit = g.op("Equal", whole, g.const(np.arange(depth)))
    if (on_value, off_value) == (1.0, 0.0):
        return cast(g, hit, dtype)
    return select(g, hit, scalar(g, node, on_value, dtype), scalar(g, node, off_value, dtype))


@op("gather_nd", "_npi_gather_nd", "_npx_gather_nd")
def gather_nd(g: SymbolBuilder, node: Node, data: Value, indices: Value) -> Value:
    """MXNet gather_nd: data (D₁ … Dₙ), indices (M, *I) → (*I, Dₘ₊₁ … Dₙ). indexing_op.h."""
    return g.op("GatherND", data, _coordinates(g, node, indices, g.rank(node, data)))


def _coordinates(g: SymbolBuilder, node: Node, indices: Value, most: int) -> Value:
    """Coordinates, which MXNet has along the first axis, along the last."""
    rank = g.rank(node, indices)
    if rank < 2:
        raise g.malformed(node, f"has indices of {rank} axes; it takes two at least")
    (count,) = g.sizes(node, indices, [0], "it is how many axes they address")
    if count > most:
        raise g.malformed(node, f"has {count} coordinates for {most} axes")
    return g.op("Transpose", cast(g, indices, DataType.INT64), perm=[*range(1, rank), 0])


@op("scatter_nd")
def scatter_nd(g: SymbolBuilder, node: Node, data: Value, indices: Value, *, shape: Ints) -> Value:
    """MXNet scatter_nd: zeros of ``shape`` with data (*I, …) written at the indices (M, *I). indexing_op.h."""
    places = _coordinates(g, node, indices, len(shape))
    zeros = g.op("Expand", scalar(g, node, 0.0, dtype_of(data)), g.const(shape))
    return g.op("ScatterND", zeros, places, data)


@op("_contrib_index_copy")
def index_copy(g: SymbolBuilder, node: Node, old_tensor: Value, index_vector: Value, new_tensor: Value) -> Value:
    """MXNet index_copy: old_tensor (N, *F) with the rows of new_tensor (K, *F) at the index_vector (K). index_copy-inl.h."""
    if g.rank(node, index_vector) != 1:
        raise g.malformed(node, f"has an index_vector of {len(dims(index_vector))} axes")
    places = g.op("Unsqueeze", cast(g, index_vector, DataType.INT64), g.const([1]))
    return g.op("ScatterND", old_tensor, places, new_tensor)


@op("_contrib_boolean_mask", "_npi_boolean_mask")
def boolean_mask(g: SymbolBuilder, node: Node, data: Value, index: Value, *, axis: int = 0) -> Value:
    """MXNet boolean_mask: data (K, *F) → what is where index (K) isn't 0. boolean_mask-inl.h."""
    if axis != 0 or g.rank(node, index) != 1:
        raise g.malformed(node, f"masks axis {axis} by {len(dims(index))} axes; MXNet does axis 0 by one")
    return g.op("Compress", data, truth(g, index), axis=0)


@op("_ravel_multi_index", "ravel_multi_index")
def ravel_multi_index(g: SymbolBuilder, node: Node, data: Value, *, shape: Ints = ()) -> Value:
    """MXNet ravel_multi_index: coordinates (M, N) in a tensor of ``shape`` → places (N) in its row of elements. ravel.h."""
    if g.rank(node, data) != 2 or dims(data)[0] != len(shape):
        raise g.malformed(node, f"has coordinates {list(dims(data))} for the shape {shape}")
    strides = [[math.prod(shape[axis + 1 :])] for axis in range(len(shape))]
    places = g.op("Mul", cast(g, data, DataType.INT64), g.const(strides))
    return cast(g, g.op("ReduceSum", places, g.const([0]), keepdims=0), dtype_of(data))


@op("_unravel_index", "unravel_index")
def unravel_index(g: SymbolBuilder, node: Node, data: Value, *, shape: Ints = ()) -> Value:
    """MXNet unravel_index: places (N) in the row of elements of a tensor of ``shape`` → coordinates (M, N). ravel.h."""
    if g.rank(node, data) != 1 or not shape:
        raise g.unsupported(node, f"has places of {len(dims(data))} axes; MXNet gives wrong ones for other than one")
    rest, found = g.op("Unsqueeze", cast(g, data, DataType.INT64), g.const([0])), []
    for size in shape[:0:-1]:
        above = g.op("Div", rest, g.const(size))
        found.append(g.op("Sub", rest, g.op("Mul", above, g.const(size))))
        rest = above
    return cast(g, g.op("Concat", rest, *found[::-1], axis=0), dtype_of(data))


@op("_contrib_index_array")
def index_array(g: SymbolBuilder, node: Node, data: Value, *, axes: Ints | None = None) -> Value:
    """MXNet index_array: (*S) → (*S, M), the coordinates of each element along ``axes`` or all, int64. index_array-inl.h."""
    rank = g.rank(node, data)
    places = range(rank) if axes is None else [g.axis(node, axis, rank) for axis in axes]
    if not places:
        raise g.unsupported(node, "has no axes, and so no coordinates")
    along = []
    for axis in places:
        steps = g.op("Range", g.const(0), g.op("Squeeze", g.dim(data, axis)), g.const(1))
        apart = g.op("Unsqueeze", steps, g.const([*range(1, rank - axis + 1)]))
        along.append(g.op("Expand", apart, g.op("Concat", g.shape(data), g.const([1]), axis=0)))
    return g.op("Concat", *along, axis=rank)


@op("_npx_nonzero", "_npi_nonzero")
def nonzero(g: SymbolBuilder, node: Node, x: Value) -> Value:
    """MXNet npx.nonzero: (*S) → (K, M), the coordinates of the elements that aren't 0, int64. np_nonzero_op.cc."""
    return g.op("Transpose", g.op("NonZero", truth(g, x)), perm=[1, 0])
