"""Tensors joined to one, and one cut into parts."""

from __future__ import annotations

from itertools import pairwise

from onnx_ir import DataType, Value

from dragoman.converters.mxnet.arithmetic import cast
from dragoman.converters.mxnet.attributes import Ints
from dragoman.converters.mxnet.ops.reshape import Part, atleast_3d, reshape_to
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import dims


@op("Concat", "concat", "_sparse_concat", "_rnn_param_concat", "_npi_rnn_param_concat")
def concat(g: SymbolBuilder, node: Node, *data: Value, num_args: int, dim: int = 1) -> Value:
    """MXNet Concat: tensors that differ in the size of one axis at most, one behind the other along it. concat-inl.h."""
    _counted(g, node, data, num_args)
    return g.op("Concat", *data, axis=g.axis(node, dim, g.rank(node, data[0])))


@op("_npi_concatenate")
def concatenate(g: SymbolBuilder, node: Node, *data: Value, num_args: int, axis: int | None = 0) -> Value:
    """MXNet np.concatenate: one behind the other along ``axis``; None is that of vectors. np_matrix_op.cc."""
    if axis is None:
        if any(g.rank(node, x) != 1 for x in data):
            raise g.malformed(node, "has the axis None, which MXNet takes of vectors only")
        axis = 0
    return concat(g, node, *data, num_args=num_args, dim=axis)


@op("stack", "_npi_stack")
def stack(g: SymbolBuilder, node: Node, *data: Value, num_args: int, axis: int = 0) -> Value:
    """MXNet stack: tensors of one shape, one behind the other along a new axis. matrix_op-inl.h."""
    _counted(g, node, data, num_args)
    place = g.axis(node, axis, g.rank(node, data[0]) + 1)
    return g.op("Concat", *(g.op("Unsqueeze", x, g.const([place])) for x in data), axis=place)


@op("_npi_vstack")
def vstack(g: SymbolBuilder, node: Node, *data: Value, num_args: int) -> Value:
    """MXNet np.vstack: below one another; a vector is a row. np_matrix_op.cc."""
    _counted(g, node, data, num_args)
    rows = [reshape_to(g, node, x, [1, *_all(x)] if len(dims(x)) == 1 else [1, 1]) if len(dims(x)) < 2 else x for x in data]
    return g.op("Concat", *rows, axis=0)


@op("_npi_column_stack")
def column_stack(g: SymbolBuilder, node: Node, *data: Value, num_args: int) -> Value:
    """MXNet np.column_stack: beside one another; a vector is a column. np_matrix_op.cc."""
    _counted(g, node, data, num_args)
    columns = [reshape_to(g, node, x, [*_all(x), 1] if len(dims(x)) == 1 else [1, 1]) if len(dims(x)) < 2 else x for x in data]
    return g.op("Concat", *columns, axis=1)


@op("_npi_hstack")
def hstack(g: SymbolBuilder, node: Node, *data: Value, num_args: int, dim: int = 1) -> Value:
    """MXNet np.hstack: along the second axis, or the only one of vectors; a scalar is a vector. np_matrix_op.cc."""
    _counted(g, node, data, num_args)
    rows = [x if g.rank(node, x) else reshape_to(g, node, x, [1]) for x in data]
    return g.op("Concat", *rows, axis=min(1, len(dims(rows[0])) - 1))


@op("_npi_dstack")
def dstack(g: SymbolBuilder, node: Node, *data: Value, num_args: int, dim: int = 1) -> Value:
    """MXNet np.dstack: along the third axis, which is made if there is none. np_matrix_op.cc."""
    _counted(g, node, data, num_args)
    return g.op("Concat", *atleast_3d(g, node, *data, num_args=num_args), axis=2)


def _all(x: Value) -> list[Part]:
    return [Part(x, (axis,)) for axis in range(len(dims(x)))]


def _counted(g: SymbolBuilder, node: Node, data: tuple[Value, ...], count: int) -> None:
    if not data or count != len(data):
        raise g.malformed(node, f"has {len(data)} inputs, and the num_args {count}")
    if other := next((x for x in data if x.dtype != data[0].dtype), None):
        raise g.malformed(node, f"joins {data[0].dtype} and {other.dtype}")


@op("SliceChannel", "split")
def slice_channel(
    g: SymbolBuilder, node: Node, data: Value, *, num_outputs: int, axis: int = 1, squeeze_axis: bool = False
) -> tuple[Value, ...]:
    """MXNet SliceChannel: num_outputs equal parts along ``axis``, which goes if they are of size 1 and squeeze_axis says so.

    slice_channel-inl.h.
    """
    place = g.axis(node, axis, g.rank(node, data))
    size = dims(data)[place]
    if num_outputs < 1 or (isinstance(size, int) and size % num_outputs):
        raise g.malformed(node, f"cuts an axis of size {size} into {num_outputs} parts")
    if squeeze_axis and size != num_outputs:
        raise g.malformed(node, f"can't squeeze axis {axis}: its size is {size}, not {num_outputs}")
    return _cut(g, data, place, [size // num_outputs] * num_outputs if isinstance(size, int) else num_outputs, squeeze_axis)


@op("_split_v2", "_npi_split")
def split_v2(
    g: SymbolBuilder, node: Node, data: Value, *, indices: Ints, axis: int = 1, squeeze_axis: bool = False, sections: int = 0
) -> tuple[Value, ...]:
    """MXNet split_v2: ``sections`` parts, the first of them longer by one where they can't be equal; or those that begin at
    ``indices``. matrix_op-inl.h.
    """
    place = g.axis(node, axis, g.rank(node, data))
    size = dims(data)[place]
    if sections < 1 and (not indices or indices[0] or list(indices) != sorted(indices)):
        raise g.malformed(node, f"cuts an axis of size {size} at {indices}")
    if not isinstance(size, int):
        if squeeze_axis:
            raise g.unsupported(node, f"squeezes axis {axis}, which is dynamic")
        parts = _computed_parts(g, g.dim(data, place), indices, sections)
        return g.ops("Split", data, parts, outputs=sections if sections > 0 else len(indices), axis=place)
    if sections > 0:
        sizes = [size // sections + (index < size % sections) for index in range(sections)]
    else:
        sizes = [end - begin for begin, end in pairwise((*indices, size))]
    if min(sizes) < 0:
        raise g.malformed(node, f"cuts an axis of size {size} at {indices}")
    if squeeze_axis and {*sizes} != {1}:
        raise g.malformed(node, f"can't squeeze axis {axis}: its parts are of sizes {sizes}")
    return _cut(g, data, place, sizes, squeeze_axis)


def _computed_parts(g: SymbolBuilder, size: Value, indices: Ints, sections: int) -> Value:
    """The sizes of the parts of an axis of a size that isn't known yet."""
    if sections < 1:
        known = [end - begin for begin, end in pairwise(indices)]
        return g.op("Concat", g.const(known), g.op("Sub", size, g.const([indices[-1]])), axis=0)
    longer = g.op("Less", g.const(list(range(sections))), g.op("Mod", size, g.const([sections])))
    return g.op("Add", g.op("Div", size, g.const([sections])), cast(g, longer, DataType.INT64))


@op("_npi_hsplit")
def hsplit(
    g: SymbolBuilder, node: Node, data: Value, *, indices: Ints, axis: int = 1, squeeze_axis: bool = False, sections: int = 0
) -> tuple[Value, ...]:
    """MXNet np.hsplit: split_v2 along the second axis, or the only one. np_matrix_op.cc."""
    place = min(1, g.rank(node, data) - 1)
    return split_v2(g, node, data, indices=indices, axis=place, squeeze_axis=squeeze_axis, sections=sections)


@op("_npi_dsplit")
def dsplit(
    g: SymbolBuilder, node: Node, data: Value, *, indices: Ints, axis: int = 1, squeeze_axis: bool = False, sections: int = 0
) -> tuple[Value, ...]:
    """MXNet np.dsplit: split_v2 along the third axis. np_matrix_op.cc."""
    if axis != 2:
        raise g.unsupported(node, f"has the axis {axis}, along which MXNet cuts what it says is axis 2")
    return split_v2(g, node, data, indices=indices, axis=2, squeeze_axis=squeeze_axis, sections=sections)


def _cut(g: SymbolBuilder, x: Value, axis: int, parts: list[int] | int, squeeze: bool) -> tuple[Value, ...]:
    """The parts of ``x`` along ``axis``: of these sizes, or so many that are equal."""
    count = parts if isinstance(parts, int) else len(parts)
    if count == 1:
        made: tuple[Value, ...] = (x,)
    elif isinstance(parts, int):
        made = g.ops("Split", x, outputs=count, axis=axis, num_outputs=count)
    else:
        made = g.ops("Split", x, g.const(parts), outputs=count, axis=axis)
    return tuple(g.op("Squeeze", part, g.const([axis])) for part in made) if squeeze else made
