"""Layers that pick: Filter, BatchReindex, ArgMax, Embed."""

from __future__ import annotations

import onnx_ir as ir
from onnx_ir import Value

from dragoman.converters.caffe.net_builder import NetBuilder
from dragoman.converters.caffe.network import Layer
from dragoman.converters.caffe.table import layer_type
from dragoman.graph_ir import dims
from dragoman.graph_ir.domains import Domain, limit


@layer_type("Filter")
def filter_items(g: NetBuilder, layer: Layer, x: Value, y: Value, *others: Value) -> tuple[Value, ...]:
    """Caffe Filter: each bottom (N, …) but the last → (M, …), the M items whose selector isn't 0, perhaps none.

    The last bottom (N, 1, …) is the selector. BVLC filter_layer.cpp.
    """
    bottoms = (x, y, *others)
    xs, selector = bottoms[:-1], bottoms[-1]
    limit(selector, Domain(0, 1, integral=True))
    if len(layer.tops) != len(xs):
        raise g.malformed(layer, f"has {len(layer.tops)} tops for {len(xs)} bottoms to filter")
    if any(isinstance(d, int) and d != 1 for d in dims(selector)[1:]):
        raise g.malformed(layer, f"its selector has one number for each item, not {list(dims(selector)[1:])}")
    count = dims(selector)[0]
    for value in xs:
        if isinstance(count, int) and isinstance(dims(value)[0], int) and dims(value)[0] != count:
            raise g.malformed(layer, f"its selector has {count} items, another bottom {dims(value)[0]}")
    chosen = g.op("Cast", g.op("Reshape", selector, g.const([-1])), to=ir.DataType.BOOL)
    kept = tuple(g.op("Compress", value, chosen, axis=0) for value in xs)
    for value, source in zip(kept, xs, strict=True):
        value.shape = ir.Shape([f"{layer.tops[0]}_count", *dims(source)[1:]])
    return kept


@layer_type("BatchReindex")
def batch_reindex(g: NetBuilder, layer: Layer, x: Value, index: Value) -> Value:
    """Caffe BatchReindex: (N, …), indices (M) → (M, …). BVLC batch_reindex_layer.cpp."""
    if len(dims(index)) != 1:
        raise g.malformed(layer, f"its indices have one axis, not {len(dims(index))}")
    items = dims(x)[0]
    limit(index, Domain(0, items - 1 if isinstance(items, int) else 0, integral=True))
    return g.op("Gather", x, g.op("Cast", index, to=ir.DataType.INT64), axis=0)


@layer_type("ArgMax")
def arg_max(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """Caffe ArgMax: with ``axis``, the indices of the top_k largest along it, or their values if out_max_val: (…, top_k, …).

    Without, those of each item flattened: (N, 1, top_k), or (N, 2, top_k) with the values after the indices; as many axes as
    the bottom has, at least 3. Of equals the last comes first. Indices are floats. BVLC argmax_layer.cpp.
    """
    p = layer.param.argmax_param
    rank, flat = len(dims(x)), not p.has("axis")
    axis = 1 if flat else g.axis(layer, p.axis, rank)
    if flat:
        x = g.op("Flatten", x, axis=1)
    size = dims(x)[axis]
    if p.top_k < 1 or (isinstance(size, int) and p.top_k > size):
        raise g.malformed(layer, f"top_k {p.top_k} must be from 1 to the {size} values there are")
    values, indices = _largest(g, x, p.top_k, axis)
    if not flat:
        return values if p.out_max_val else g.op("Cast", indices, to=ir.DataType.FLOAT)
    found = g.op("Unsqueeze", g.op("Cast", indices, to=ir.DataType.FLOAT), g.const([1]))
    if p.out_max_val:
        found = g.op("Concat", found, g.op("Unsqueeze", values, g.const([1])), axis=1)
    return g.op("Unsqueeze", found, g.const(list(range(3, rank)))) if rank > 3 else found


def _largest(g: NetBuilder, x: Value, count: int, axis: int) -> tuple[Value, Value]:
    """The largest values in falling order, and their indices; of equals the last index first."""
    if count == 1:
        return g.op("ReduceMax", x, g.const([axis])), g.op("ArgMax", x, axis=axis, select_last_index=1)
    # TopK gives the first of equals first
    backwards = g.op("Slice", x, g.const([-1]), g.const([-(1 << 62)]), g.const([axis]), g.const([-1]))
    values, indices = g.ops("TopK", backwards, g.const([count]), outputs=2, axis=axis)
    return values, g.op("Sub", g.op("Sub", g.dim(x, axis), g.const([1])), indices)


@layer_type("Embed")
def embed(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """Caffe Embed: indices (…), floats truncated → the weights' rows + bias, (…, num_output); weights (input_dim, num_output).

    BVLC embed_layer.cpp.
    """
    p = layer.param.embed_param
    if min(p.num_output, p.input_dim) <= 0:
        raise g.malformed(layer, f"num_output {p.num_output} and input_dim {p.input_dim} must be positive")
    limit(x, Domain(0, p.input_dim - 1, integral=True))
    weight = g.weight(layer, 0, (p.input_dim, p.num_output), "weight", p.weight_filler)
    rows = g.op("Gather", weight, g.op("Cast", x, to=ir.DataType.INT64))
    return g.op("Add", rows, g.weight(layer, 1, (p.num_output,), "bias", p.bias_filler)) if p.bias_term else rows
