"""What OpenCV's dnn computes as Caffe does, and what it doesn't.

BVLC's layers: found by running single-layer networks through BVLC Caffe 1.0 and OpenCV 4.14 and comparing every output, 600
settings of the layers below, on nine kinds of samples. Layers of forks, which BVLC Caffe lacks: OpenCV was compared with
loops over each layer's definition, in the settings that the rules below let pass; no fork itself was run.

What isn't listed here was either different, or refused by OpenCV, or never compared: it isn't run there, because a
difference between two Caffes must not become a verdict about a conversion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Attributes = Mapping[str, Any]


@dataclass(frozen=True)
class SourceLayer:
    """A layer of a Caffe network after phase rules: what the runner must know of it.

    ``attributes`` are the layer's fields as prototxt names them, nested as dicts (``{"pooling_param": {"pool": "MAX"}}``);
    a repeated field is a list, or one value; enums are their names. ``blobs`` counts the stored weights, None if not known.
    """

    name: str
    type: str
    bottoms: tuple[str, ...] = ()
    tops: tuple[str, ...] = ()
    attributes: Attributes = field(default_factory=dict)
    blobs: int | None = None


Rule = Callable[[SourceLayer], str | None]
"""Gives what OpenCV does differently for this layer, or None."""


def deviations(layers: Sequence[SourceLayer], ranks: Sequence[int] = ()) -> list[tuple[SourceLayer, str]]:
    """The layers whose OpenCV result isn't Caffe's, each with the reason. ``ranks`` are those of the network's inputs."""
    found: list[tuple[SourceLayer, str]] = []
    seen: set[str] = set()
    copies: set[str] = set()  # the tops of Split layers
    for layer in layers:
        if layer.type not in RULES:
            reason: str | None = "OpenCV has no such layer, or it was never compared with Caffe's"
        elif copies & set(layer.bottoms) & set(layer.tops):
            reason = "it has one tensor for all tops of a Split, so that working in place changes them all"
        elif layer.name in seen:
            reason = "OpenCV renames the second of two layers with one name"
        elif layer.type == "MVN" and any(rank != 4 for rank in ranks):
            reason = "of a tensor that isn't 4-D it makes another shape"
        else:
            reason = RULES[layer.type](layer)
        seen.add(layer.name)
        copies -= set(layer.tops)
        if layer.type == "Split":
            copies |= set(layer.tops)
        if reason is not None:
            found.append((layer, reason))
    return found


def _param(layer: SourceLayer, name: str) -> Attributes:
    value = layer.attributes.get(name, {})
    return value if isinstance(value, Mapping) else {}


def _numbers(value: Any) -> list[float]:
    """The values of a field that may be absent, single or repeated."""
    if value is None:
        return []
    return [float(v) for v in value] if isinstance(value, (list, tuple)) else [float(value)]


def _dims(value: Any) -> list[float]:
    """The dimensions of a ``BlobShape``, as a dict or as a bare list."""
    return _numbers(value.get("dim") if isinstance(value, Mapping) else value)


def _same(_: SourceLayer) -> str | None:
    return None


def _pooling(layer: SourceLayer) -> str | None:
    p = _param(layer, "pooling_param")
    if p.get("pool", "MAX") == "STOCHASTIC":
        return "it has no stochastic pooling"
    if p.get("round_mode", "CEIL") not in ("CEIL", 0):
        return "its reader doesn't know round_mode"
    for side in ("h", "w"):
        kernel = (_numbers(p.get("kernel_size")) or _numbers(p.get(f"kernel_{side}")) or [1.0])[0]
        stride = (_numbers(p.get("stride")) or _numbers(p.get(f"stride_{side}")) or [1.0])[0]
        if stride > kernel and not p.get("global_pooling"):
            return "a stride larger than the kernel lets windows lie outside of the input, and it fills these differently"
    return None


def _convolution(layer: SourceLayer) -> str | None:
    p = _param(layer, "convolution_param")
    if _numbers(p.get("axis", 1)) != [1.0]:
        return "it ignores axis"
    spatial = max(len(_numbers(p.get(name))) for name in ("kernel_size", "stride", "pad", "dilation"))
    return "it has no N-D convolution like Caffe's" if spatial > 2 else None


def _deconvolution(layer: SourceLayer) -> str | None:
    p = _param(layer, "convolution_param")
    if any(d != 1 for d in _numbers(p.get("dilation"))):
        return "it ignores dilation"
    for side in ("h", "w"):
        kernel = (_numbers(p.get("kernel_size")) or _numbers(p.get(f"kernel_{side}")) or [1.0])[0]
        pad = (_numbers(p.get("pad")) or _numbers(p.get(f"pad_{side}")) or [0.0])[0]
        if pad >= kernel:
            return "padding as large as the kernel reads outside of its buffers"
    if layer.blobs == 0:
        return "it crashes on a layer without stored weights"
    return _convolution(layer)


def _inner_product(layer: SourceLayer) -> str | None:
    p = _param(layer, "inner_product_param")
    if p.get("transpose"):
        return "it ignores transpose"
    return "it makes 1-D outputs 2-D" if any(axis <= 0 for axis in _numbers(p.get("axis"))) else None


def _lrn(layer: SourceLayer) -> str | None:
    p = _param(layer, "lrn_param")
    if "alpha" not in p:
        return "its default of alpha isn't Caffe's"
    across = p.get("norm_region", "ACROSS_CHANNELS") in ("ACROSS_CHANNELS", 0)
    return "it ignores k" if across and float(p.get("k", 1)) != 1 else None


def _log(layer: SourceLayer) -> str | None:
    return "it computes base, scale and shift otherwise" if _param(layer, "log_param") else None


def _mvn(layer: SourceLayer) -> str | None:
    varies = _param(layer, "mvn_param").get("normalize_variance", True)
    return "it adds a number of its own under the root, where Caffe adds eps beside it" if varies else None


def _eltwise(layer: SourceLayer) -> str | None:
    return "in place it overwrites what it still reads" if set(layer.tops) & set(layer.bottoms) else None


def _prior_box(layer: SourceLayer) -> str | None:
    p = _param(layer, "prior_box_param")
    sizes = _numbers(p.get("min_size")) + _numbers(p.get("max_size"))
    if any(s != int(s) for s in sizes):
        return "it keeps the fractions of box sizes, which SSD cuts off"
    if not _numbers(p.get("variance")) or "clip" not in p:
        return "its defaults of variance and clip aren't SSD's"
    if any(name in p for name in ("img_size", "img_h", "img_w")) and not any(
        name in p for name in ("step", "step_h", "step_w")
    ):
        return "it takes the step from the image's tensor where SSD takes it from img_size"
    return None


def _detection_output(layer: SourceLayer) -> str | None:
    p = _param(layer, "detection_output_param")
    suppression = p.get("nms_param", {})
    if not isinstance(suppression, Mapping) or "nms_threshold" not in suppression or "keep_top_k" not in p:
        return "its defaults of nms_threshold and keep_top_k aren't SSD's"
    if float(suppression.get("eta", 1)) != 1:
        return "it ignores eta"
    if p.get("code_type", "CORNER") not in ("CORNER", "CENTER_SIZE", 1, 2):
        return "it knows no boxes of this code_type"
    return "boxes with variance_encoded_in_target were never compared" if p.get("variance_encoded_in_target") else None


def _depthwise(layer: SourceLayer) -> str | None:
    p = _param(layer, "convolution_param")
    if _numbers(p.get("group")) != _numbers(p.get("num_output")):
        return "without one group for each filter it was never compared"
    return _convolution(layer)


def _swish(layer: SourceLayer) -> str | None:
    return "it ignores beta" if float(_param(layer, "swish_param").get("beta", 1)) != 1 else None


def _concat(layer: SourceLayer) -> str | None:
    p = _param(layer, "concat_param")
    return "it ignores concat_dim" if "axis" not in p and _numbers(p.get("concat_dim", 1)) != [1.0] else None


def _slice(layer: SourceLayer) -> str | None:
    p = _param(layer, "slice_param")
    if "axis" not in p and _numbers(p.get("slice_dim", 1)) != [1.0]:
        return "it ignores slice_dim"
    return "it can't slice into equal parts" if len(layer.tops) > 1 and not _numbers(p.get("slice_point")) else None


def _flatten(layer: SourceLayer) -> str | None:
    return "it makes 1-D outputs 2-D" if _numbers(_param(layer, "flatten_param").get("axis")) == [0.0] else None


def _reshape(layer: SourceLayer) -> str | None:
    p = _param(layer, "reshape_param")
    if _numbers(p.get("num_axes")) == [0.0]:
        return "it can't insert axes (num_axes: 0)"
    whole = _numbers(p.get("axis", 0)) == [0.0] and _numbers(p.get("num_axes", -1)) == [-1.0]
    return "it makes 1-D outputs 2-D" if whole and len(_dims(p.get("shape"))) < 2 else None


def _batch_norm(layer: SourceLayer) -> str | None:
    stored = _param(layer, "batch_norm_param").get("use_global_stats", True)
    return None if stored else "it can't use the batch's own statistics"


def _scale(layer: SourceLayer) -> str | None:
    p = _param(layer, "scale_param")
    if any(a < 0 for a in _numbers(p.get("axis"))):
        return "it can't count axes from the end"
    return "with two bottoms it loses the bias" if len(layer.bottoms) > 1 and p.get("bias_term") else None


def _permute(layer: SourceLayer) -> str | None:
    order = _numbers(_param(layer, "permute_param").get("order"))
    return "it needs every axis in order" if len(order) < 4 else None


def _normalize(layer: SourceLayer) -> str | None:
    return "without a stored scale it ignores scale_filler" if layer.blobs == 0 else None


RULES: Mapping[str, Rule] = {
    **dict.fromkeys(("Input", "AbsVal", "BNLL", "Crop", "Dropout", "ELU", "Exp", "Power"), _same),
    **dict.fromkeys(("PReLU", "ReLU", "Sigmoid", "Silence", "Softmax", "Split", "TanH"), _same),
    **dict.fromkeys(("ReLU6", "HardSwish", "Mish", "ShuffleChannel"), _same),
    "BatchNorm": _batch_norm,
    "Concat": _concat,
    "Convolution": _convolution,
    "ConvolutionDepthwise": _depthwise,
    "Deconvolution": _deconvolution,
    "DetectionOutput": _detection_output,
    "Eltwise": _eltwise,
    "Flatten": _flatten,
    "InnerProduct": _inner_product,
    "LRN": _lrn,
    "Log": _log,
    "MVN": _mvn,
    "Normalize": _normalize,
    "Permute": _permute,
    "Pooling": _pooling,
    "PriorBox": _prior_box,
    "Reshape": _reshape,
    "Scale": _scale,
    "Slice": _slice,
    "Swish": _swish,
}
