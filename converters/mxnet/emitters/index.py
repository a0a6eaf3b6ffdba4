"""Looking up, sorting, choosing."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from dragoman.converters.mxnet.emitters.table import emits
from dragoman.converters.mxnet.symbol import Ref
from dragoman.converters.mxnet.symbol_writer import CannotEmitError, SymbolWriter, known_sizes
from dragoman.graph_ir.passes.editing import attribute, constant


@emits("Gather")
def gather(w: SymbolWriter, node: ir.Node) -> Ref:
    """Rows of a constant matrix → Embedding, one constant row → slice_axis, else take; negative indices count from the end."""
    data, indices = node.inputs[0], node.inputs[1]
    shape = known_sizes(data)
    axis = attribute(node, "axis", 0) % len(shape)
    tensor = constant(indices)
    if tensor is not None and not len(tensor.shape):
        index = int(tensor.numpy())
        row = w.op("slice_axis", w.ref(data), axis=axis, begin=index, end=index + 1 if index != -1 else "None")
        return w.op("squeeze", row, axis=(axis,)) if len(shape) > 1 else w.op("_np_reshape", row, newshape=())
    if not len(known_sizes(indices)):
        raise CannotEmitError("its index is a computed scalar")
    if constant(data) is not None and len(shape) == 2 and axis == 0 and tensor is None:
        wrapped = w.op("broadcast_mod", w.ref(indices), w.weight(_number(shape[0], indices), f"{node.outputs[0].name}_rows"))
        assert data is not None and data.dtype is not None
        dtype = data.dtype.numpy().name
        return w.op("Embedding", wrapped, w.ref(data), input_dim=shape[0], output_dim=shape[1], dtype=dtype)
    return w.op("take", w.ref(data), w.ref(indices), axis=axis, mode="wrap")


def _number(value: int | None, like: ir.Value | None) -> ir.TensorProtocol:
    assert like is not None and like.dtype is not None
    return ir.tensor([value or 1], dtype=like.dtype)


@emits("GatherElements")
def gather_elements(w: SymbolWriter, node: ir.Node) -> Ref:
    """Elements at constant places along one axis: gather_nd at the coordinates of all of them."""
    tensor, shape = constant(node.inputs[1]), known_sizes(node.inputs[0])
    if tensor is None:
        raise CannotEmitError("its indices are computed")
    axis = attribute(node, "axis", 0) % len(shape)
    size, indices = shape[axis], tensor.numpy()
    if size is None:
        raise CannotEmitError("the axis that it reads along is dynamic")
    places = np.array(np.indices(indices.shape))
    places[axis] = np.where(indices < 0, indices + size, indices)
    where = w.weight(ir.Tensor(places.astype(np.int64)), f"{node.outputs[0].name}_places")
    return w.op("gather_nd", w.ref(node.inputs[0]), where)


@emits("ArgMax", "ArgMin")
def arg_extreme(w: SymbolWriter, node: ir.Node) -> Ref:
    """The place of the first extreme along an axis, int64."""
    if attribute(node, "select_last_index", 0):
        raise CannotEmitError("it takes the last of equal elements; MXNet takes the first")
    operator = "argmax" if node.op_type == "ArgMax" else "argmin"
    keep = bool(attribute(node, "keepdims", 1))
    if not keep and len(known_sizes(node.inputs[0])) == 1:
        raise CannotEmitError("it makes a scalar")
    found = w.op(operator, w.ref(node.inputs[0]), axis=attribute(node, "axis", 0), keepdims=keep)
    return w.op("Cast", found, dtype="int64")


@emits("TopK")
def top_k(w: SymbolWriter, node: ir.Node) -> tuple[Ref, ...]:
    """The k largest or smallest and their places, sorted."""
    (k,) = w.ints(node, 1, "k") or (1,)
    settings = {"axis": attribute(node, "axis", -1), "k": k, "is_ascend": not attribute(node, "largest", 1), "dtype": "int64"}
    first = w.op("topk", w.ref(node.inputs[0]), ret_typ="both", **settings)
    return first, Ref(first.node, 1)


@emits("GatherND")
def gather_nd(w: SymbolWriter, node: ir.Node) -> Ref:
    """Elements or slices at indices (…, k); MXNet has k first, and doesn't count from the end."""
    if attribute(node, "batch_dims", 0):
        raise CannotEmitError("it has batch axes")
    tensor = constant(node.inputs[1])
    if tensor is None or (tensor.numpy() < 0).any():
        raise CannotEmitError("its indices are computed, or count from the end")
    rank = len(tensor.shape)
    moved = w.op("transpose", w.ref(node.inputs[1]), axes=(rank - 1, *range(rank - 1))) if rank > 1 else w.ref(node.inputs[1])
    return w.op("gather_nd", w.ref(node.inputs[0]), moved)


@emits("CumSum")
def cumsum(w: SymbolWriter, node: ir.Node) -> Ref:
    """Sums up to each element."""
    if attribute(node, "exclusive", 0) or attribute(node, "reverse", 0):
        raise CannotEmitError("it is exclusive or reversed")
    (axis,) = w.ints(node, 1, "axis") or (0,)
    return w.op("_np_cumsum", w.ref(node.inputs[0]), axis=axis % len(known_sizes(node.inputs[0])))


@emits("OneHot")
def one_hot(w: SymbolWriter, node: ir.Node) -> Ref:
    """A last axis with one value at the index, which may count from the end, another elsewhere."""
    (depth,) = w.ints(node, 1, "depth") or (1,)
    if attribute(node, "axis", -1) not in (-1, len(known_sizes(node.inputs[0]))):
        raise CannotEmitError("its new axis isn't the last")
    off, on = (float(v) for v in w.array(node.inputs[2], "values"))
    dtype = node.outputs[0].dtype
    if dtype is None:
        raise CannotEmitError("its type isn't known")
    index = w.ref(node.inputs[0])
    from_end = w.op("_mul_scalar", w.op("_lesser_scalar", index, scalar=0.0), scalar=float(depth))
    index = w.op("elemwise_add", index, from_end)
    return w.op("one_hot", index, depth=depth, on_value=on, off_value=off, dtype=dtype.numpy().name)
