"""Pad into Conv."""

from __future__ import annotations

import onnx_ir as ir

from dragoman.graph_ir.passes.editing import constant, only_consumer, remove_node
from dragoman.graph_ir.provenance import merge_origins


def fold_padding(model: ir.Model) -> bool:
    """A Pad with zeros of the spatial axes becomes the padding of the Conv that alone reads it."""
    changed = False
    for node in list(model.graph):
        pads = _zero_padding(node)
        if pads is None:
            continue
        conv = only_consumer(node.outputs[0])
        if conv is None or conv.domain != "" or conv.op_type != "Conv" or conv.inputs[0] is not node.outputs[0]:
            continue
        spatial = len(pads) // 2 - 2
        mode = conv.attributes["auto_pad"].as_string() if "auto_pad" in conv.attributes else "NOTSET"
        if mode not in ("NOTSET", "VALID") or any(pads[i] for i in (0, 1, spatial + 2, spatial + 3)):
            continue
        has_pads = "pads" in conv.attributes and mode == "NOTSET"
        own = list(conv.attributes["pads"].as_ints()) if has_pads else [0] * (2 * spatial)
        added = pads[2 : spatial + 2] + pads[spatial + 4 :]
        conv.attributes["pads"] = ir.AttrInt64s("pads", [a + b for a, b in zip(own, added, strict=True)])
        conv.attributes.pop("auto_pad", None)
        conv.replace_input_with(0, node.inputs[0])
        merge_origins(conv, node)
        remove_node(node)
        changed = True
    return changed


def _zero_padding(node: ir.Node) -> list[int] | None:
    """The padding of every axis, starts before ends, if ``node`` adds constant zeros and takes nothing away."""
    if node.domain != "" or node.op_type != "Pad" or "pads" in node.attributes or len(node.inputs) < 2:
        return None
    source = node.inputs[0]
    mode = node.attributes["mode"].as_string() if "mode" in node.attributes else "constant"
    if source is None or source.shape is None or mode != "constant":
        return None
    inputs = [*node.inputs[1:], None, None][:3]
    amount, value, named = [constant(given) for given in inputs]
    if amount is None or any(given is not None and constant(given) is None for given in inputs):
        return None
    if value is not None and value.numpy().any():
        return None
    rank = len(source.shape)
    amounts = [int(v) for v in amount.numpy()]
    axes = list(range(rank)) if named is None else [int(v) % rank for v in named.numpy()]
    pads = [0] * (2 * rank)
    for index, axis in enumerate(axes):
        pads[axis], pads[axis + rank] = amounts[index], amounts[index + len(axes)]
    return pads if rank > 2 and min(pads) >= 0 else None
