"""``auto_pad`` as numbers, where the sizes are known: what further passes can add to."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from dragoman.graph_ir.passes.editing import attribute, constant
from dragoman.graph_ir.traversal import walk

_PADDED = frozenset({"AveragePool", "Conv", "LpPool", "MaxPool"})


def make_padding_explicit(model: ir.Model) -> bool:
    """VALID is no padding; SAME_UPPER and SAME_LOWER give ceil(size / stride) windows, the odd element after or before."""
    changed = False
    for node in walk(model.graph):
        if node.domain != "" or node.op_type not in _PADDED or any(a.is_ref() for a in node.attributes.values()):
            continue
        mode = attribute(node, "auto_pad", "NOTSET")
        pads = _pads(node, mode) if mode != "NOTSET" and not attribute(node, "ceil_mode", 0) else None
        if pads is None:
            continue
        node.attributes.pop("auto_pad")
        node.attributes["pads"] = ir.AttrInt64s("pads", pads)
        changed = True
    return changed


def _pads(node: ir.Node, mode: str) -> list[int] | None:
    window = _window(node)
    source = node.inputs[0]
    if window is None or source is None or source.shape is None or len(source.shape) != len(window) + 2:
        return None
    if mode == "VALID":
        return [0] * (2 * len(window))
    strides, dilations = (attribute(node, name, [1] * len(window)) for name in ("strides", "dilations"))
    before, after = [], []
    for size, taps, stride, dilation in zip(source.shape[2:], window, strides, dilations, strict=True):
        if not isinstance(size, int):
            return None
        total = max((-(-size // stride) - 1) * stride + (taps - 1) * dilation + 1 - size, 0)
        before.append((total + (mode == "SAME_LOWER")) // 2)
        after.append(total - before[-1])
    return before + after


def _window(node: ir.Node) -> Sequence[int] | None:
    if "kernel_shape" in node.attributes:
        return node.attributes["kernel_shape"].as_ints()
    weight = constant(node.inputs[1]) if node.op_type == "Conv" else None
    return None if weight is None else [int(size) for size in weight.shape.numpy()[2:]]
