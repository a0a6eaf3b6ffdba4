"""Pad into the padding of Conv and pooling, and Pad into Pad."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.passes.editing import Names, add_weight, constant, remove_node
from dragoman.graph_ir.provenance import merge_origins
from dragoman.graph_ir.traversal import graphs_of

_NOT_NEGATIVE = frozenset({"Abs", "Exp", "HardSigmoid", "Relu", "Sigmoid", "Softmax", "Softplus", "Sqrt"})
_KEEPS_SIGN = frozenset({"AveragePool", "Concat", "MaxPool", "Reshape", "Slice", "Transpose"})
"""What gives no negative numbers, and what gives none if it gets none. NaN is none."""


@dataclass(frozen=True)
class _Padding:
    """What a Pad node adds to every axis, starts before ends; nothing is negative."""

    amounts: list[int]
    mode: str
    value: Any

    @property
    def spatial(self) -> list[int] | None:
        """The amounts of the axes from the third on, None if another axis is padded, or there are none."""
        rank = len(self.amounts) // 2
        outer = [self.amounts[axis + end] for axis in (0, 1) for end in (0, rank)] if rank > 2 else [1]
        return None if any(outer) else self.amounts[2:rank] + self.amounts[rank + 2 :]


def fold_padding(model: ir.Model) -> bool:
    """A Pad becomes the padding of the nodes that read it, if all of them can have it."""
    changed = False
    names = Names([model.graph])
    for graph in graphs_of(model.graph):
        for node in list(graph):
            padding = _padding_of(node)
            if padding is None or node.outputs[0].is_graph_output():
                continue
            readers = [use.node for use in node.outputs[0].uses()]
            first = all(use.idx == 0 and use.node.graph is graph for use in node.outputs[0].uses())
            if not readers or not first or not all(_takes(reader, node, padding) for reader in readers):
                continue
            for reader in readers:
                _give(reader, node, padding, graph, names)
            remove_node(node)
            changed = True
    return changed


def _padding_of(node: ir.Node) -> _Padding | None:
    """What ``node`` pads, if it is a Pad with constant amounts that takes nothing away."""
    if node.domain != "" or node.op_type != "Pad" or "pads" in node.attributes or len(node.inputs) < 2:
        return None
    source = node.inputs[0]
    if source is None or source.shape is None or source.dtype is None or source.dtype == ir.DataType.STRING:
        return None
    inputs = [*node.inputs[1:], None, None][:3]
    amount, value, named = [constant(given) for given in inputs]
    if amount is None or any(given is not None and constant(given) is None for given in inputs):
        return None
    rank = len(source.shape)
    amounts = [int(v) for v in amount.numpy()]
    axes = list(range(rank)) if named is None else [int(v) % rank for v in named.numpy()]
    pads = [0] * (2 * rank)
    for index, axis in enumerate(axes):
        pads[axis], pads[axis + rank] = amounts[index], amounts[index + len(axes)]
    if min(pads, default=0) < 0:
        return None
    mode = node.attributes["mode"].as_string() if "mode" in node.attributes else "constant"
    fill = np.zeros((), source.dtype.numpy()) if value is None else value.numpy().reshape(())
    return _Padding(pads, mode, fill[()])


def _takes(reader: ir.Node, pad: ir.Node, padding: _Padding) -> bool:
    if reader.domain != "" or any(a.is_ref() for a in reader.attributes.values()):
        return False
    if reader.op_type == "Pad":
        outer = _padding_of(reader)
        same = outer is not None and outer.mode == padding.mode
        return (
            outer is not None and same and (outer.mode == "edge" or (outer.mode == "constant" and outer.value == padding.value))
        )
    if padding.mode != "constant" or padding.spatial is None or _own_pads(reader, padding) is None:
        return False
    if reader.op_type == "Conv":
        return not padding.value
    return reader.op_type in ("MaxPool", "AveragePool") and _pool_takes(reader, pad, padding)


def _pool_takes(reader: ir.Node, pad: ir.Node, padding: _Padding) -> bool:
    """A pool's windows must each hold something that is no padding, and what they make of padding must be the same."""
    own, added = _own_pads(reader, padding), padding.spatial
    window = list(reader.attributes["kernel_shape"].as_ints())
    dilated = "dilations" in reader.attributes and any(d != 1 for d in reader.attributes["dilations"].as_ints())
    ceil = "ceil_mode" in reader.attributes and reader.attributes["ceil_mode"].as_int()
    if own is None or added is None or dilated or ceil or len(reader.outputs) != 1:
        return False
    if any(a + b >= size for a, b, size in zip(own, added, window * 2, strict=True)):
        return False
    if reader.op_type == "AveragePool":
        counts = "count_include_pad" in reader.attributes and reader.attributes["count_include_pad"].as_int()
        return not padding.value and (bool(counts) or not any(own))
    source = pad.inputs[0]
    return _is_lowest(padding.value) or (not padding.value and source is not None and _not_negative(source))


def _is_lowest(value: Any) -> bool:
    if np.issubdtype(value.dtype, np.integer):
        return bool(value == np.iinfo(value.dtype).min)
    return bool(value <= np.finfo(value.dtype).min) if np.issubdtype(value.dtype, np.floating) else False


def _not_negative(value: ir.Value) -> bool:
    node = value.producer()
    if node is None or node.domain != "":
        return False
    if node.op_type == "Clip":
        low = constant(node.inputs[1]) if len(node.inputs) > 1 else None
        return low is not None and bool(low.numpy() >= 0)
    if node.op_type in _KEEPS_SIGN:
        data = node.inputs if node.op_type == "Concat" else node.inputs[:1]
        return all(part is not None and _not_negative(part) for part in data)
    return node.op_type in _NOT_NEGATIVE and not node.attributes.keys() & {"alpha", "beta"}


def _own_pads(reader: ir.Node, padding: _Padding) -> list[int] | None:
    """The padding that ``reader`` has, None if its sizes decide."""
    mode = reader.attributes["auto_pad"].as_string() if "auto_pad" in reader.attributes else "NOTSET"
    if mode == "NOTSET" and "pads" in reader.attributes:
        return list(reader.attributes["pads"].as_ints())
    return [0] * (len(padding.amounts) - 4) if mode in ("NOTSET", "VALID") else None


def _give(reader: ir.Node, pad: ir.Node, padding: _Padding, graph: ir.Graph, names: Names) -> None:
    if reader.op_type == "Pad":
        outer = _padding_of(reader)
        assert outer is not None
        total = [a + b for a, b in zip(padding.amounts, outer.amounts, strict=True)]
        value = add_weight(graph, ir.Tensor(np.array(total, np.int64)), names.unique(f"{reader.outputs[0].name}/pads"))
        reader.replace_input_with(1, value)
        if len(reader.inputs) > 3:
            reader.resize_inputs(3)
    else:
        own, added = _own_pads(reader, padding), padding.spatial
        assert own is not None and added is not None
        reader.attributes["pads"] = ir.AttrInt64s("pads", [a + b for a, b in zip(own, added, strict=True)])
        reader.attributes.pop("auto_pad", None)
        if reader.op_type == "AveragePool":
            reader.attributes["count_include_pad"] = ir.AttrInt64("count_include_pad", 1)
    reader.replace_input_with(0, pad.inputs[0])
    merge_origins(reader, pad)
