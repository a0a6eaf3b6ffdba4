"""SSD's DetectionOutput."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from onnx_ir import Value

from dragoman.converters.caffe.net_builder import NetBuilder
from dragoman.converters.caffe.network import Layer
from dragoman.converters.caffe.schema import CodeType, DetectionOutputParameter
from dragoman.converters.caffe.table import layer_type
from dragoman.converters.constructs.function import call_function
from dragoman.converters.constructs.suppression import suppress, suppress_adaptively
from dragoman.graph_ir import Builder, dims

LOWEST = float(np.finfo(np.float32).min)


@layer_type("DetectionOutput")
def detection_output(g: NetBuilder, layer: Layer, loc: Value, conf: Value, prior: Value, image: Value | None = None) -> Value:
    """SSD DetectionOutput: locations (N, P·L·4), confidences (N, P·C), priors (1, 2, P·4) → (1, 1, detections, 7).

    A row is image, label, confidence, xmin, ymin, xmax, ymax; rows go by image, by label, then by falling confidence. If
    there is no detection at all, each image has one row of −1 after its number. L is 1 if the classes share their locations,
    else C. What saves or draws the detections (save_output_param, visualize, the fourth bottom) has no effect on the top, and
    is left out. SSD's detection_output_layer.cpp and bbox_util.cpp. Where confidences are equal, keep_top_k prefers the lower
    label and the lower prior; there SSD leaves the order to std::sort.
    """
    p = layer.param.detection_output_param
    nms = p.nms_param
    if not p.has("num_classes"):
        raise g.malformed(layer, "needs num_classes")
    if nms.nms_threshold < 0 or not 0 < nms.eta <= 1:
        raise g.malformed(layer, "nms_threshold must not be negative, and eta must be in (0, 1]")
    if p.share_location and p.background_label_id == -1:
        raise g.malformed(layer, "background_label_id -1 is the label of shared locations, which would be left out")
    locations = 1 if p.share_location else p.num_classes
    for name, bottom, each in (("locations", loc, 4 * locations), ("confidences", conf, p.num_classes)):
        values, priors = dims(bottom)[1], dims(prior)[2]
        if any(d != 1 for d in dims(bottom)[2:]):
            raise g.malformed(layer, f"its {name} must have one axis after the batch, not the shape {list(dims(bottom))}")
        if isinstance(values, int) and isinstance(priors, int) and values != priors // 4 * each:
            raise g.malformed(
                layer, f"has {priors // 4} priors, which need {priors // 4 * each} {name} for each image, not {values}"
            )

    def emit(b: Builder, loc: Value, conf: Value, prior: Value) -> tuple[Value, ...]:
        return (_detections(b, p, loc, conf, prior),)

    inputs = {"loc": loc, "conf": conf, "prior": prior}
    return call_function(g, layer.name, "DetectionOutput", emit, inputs, [(1, 1, f"{layer.tops[0]}_rows", 7)])[0]


def _detections(b: Builder, p: DetectionOutputParameter, loc: Value, conf: Value, prior: Value) -> Value:
    labels = [label for label in range(p.num_classes) if label != p.background_label_id]
    boxes = _decode(b, p, b.op("Reshape", loc, b.const([0, -1, 1 if p.share_location else p.num_classes, 4])), prior)
    boxes = boxes if p.share_location else b.op("Gather", boxes, b.const(labels), axis=2)
    boxes = b.op("Transpose", boxes, perm=[0, 2, 1, 3])  # (N, L, P, 4)
    scores = b.op("Transpose", b.op("Reshape", conf, b.const([0, -1, p.num_classes])), perm=[0, 2, 1])
    scores = b.op("Gather", scores, b.const(labels), axis=1)  # (N, C, P)

    priors = b.dim(scores, 2)
    top_k = p.nms_param.top_k if p.nms_param.has("top_k") else -1
    scores, order = b.ops(
        "TopK", scores, b.op("Min", priors, b.const([top_k])) if top_k > -1 else priors, outputs=2
    )  # (N, C, K)
    flat = b.op("Reshape", boxes, b.op("Concat", b.const([-1]), priors, b.const([4]), axis=0))
    places = b.op("Reshape", order, b.op("Concat", b.op("Shape", flat, end=1), b.const([-1, 1]), axis=0))
    boxes = b.op("GatherND", flat, places, batch_dims=1)  # (N·L, C/L·K, 4)
    shape = b.shape(scores)
    rows = b.op("Concat", b.op("Mul", b.dim(scores, 0), b.dim(scores, 1)), b.dim(scores, 2), axis=0)
    boxes = b.op("Reshape", boxes, b.op("Concat", rows, b.const([4]), axis=0))  # (N·C, K, 4)
    threshold = p.confidence_threshold if p.has("confidence_threshold") else LOWEST
    valid = b.op("Reshape", b.op("Greater", scores, b.const(threshold)), rows)
    if p.nms_param.eta < 1:
        kept = suppress_adaptively(b, boxes, valid, p.nms_param.nms_threshold, p.nms_param.eta)
    else:
        kept = suppress(b, boxes, valid, p.nms_param.nms_threshold)
    kept = b.op("Reshape", kept, shape)
    if p.keep_top_k > -1:
        kept = _best(b, kept, scores, p.keep_top_k)
    boxes = b.op("Reshape", boxes, b.op("Concat", shape, b.const([4]), axis=0))
    return _rows(b, kept, labels, scores, boxes)


def _decode(b: Builder, p: DetectionOutputParameter, code: Value, prior: Value) -> Value:
    """Corners (N, P, L, 4) from codes (N, P, L, 4) and priors: bbox_util.cpp, DecodeBBox."""
    box, variance = b.ops("Split", b.op("Reshape", prior, b.const([2, -1, 1, 4])), b.const([1, 1]), outputs=2, axis=0)
    if not p.variance_encoded_in_target:
        code = b.op("Mul", variance, code)
    if p.code_type == CodeType.CORNER:
        return b.op("Add", box, code)
    low, high = b.ops("Split", box, b.const([2, 2]), outputs=2, axis=3)
    size = b.op("Sub", high, low)
    if p.code_type == CodeType.CORNER_SIZE:
        return b.op("Add", box, b.op("Mul", code, b.op("Concat", size, size, axis=3)))
    shift, growth = b.ops("Split", code, b.const([2, 2]), outputs=2, axis=3)
    half = b.const(0.5)
    center = b.op("Add", b.op("Mul", shift, size), b.op("Mul", b.op("Add", low, high), half))
    reach = b.op("Mul", b.op("Mul", b.op("Exp", growth), size), half)
    return b.op("Concat", b.op("Sub", center, reach), b.op("Add", center, reach), axis=3)


def _best(b: Builder, kept: Value, scores: Value, count: int) -> Value:
    """Of the kept (N, C, K) those with the ``count`` best scores of each image."""
    shape = b.shape(kept)
    flat = b.op("Reshape", b.op("Where", kept, scores, b.const(np.float32(-np.inf))), b.const([0, -1]))
    number = b.op("Min", b.dim(flat, 1) if isinstance(dims(flat)[1], int) else b.op("Shape", flat, start=1), b.const([count]))
    _, best = b.ops("TopK", flat, number, outputs=2)
    chosen = b.op(
        "ScatterElements",
        b.op("ConstantOfShape", b.shape(flat)),
        best,
        b.op("Expand", b.const(1.0), b.op("Shape", best)),
        axis=1,
    )
    return b.op("And", kept, b.op("Cast", b.op("Reshape", chosen, shape), to=ir.DataType.BOOL))


def _rows(b: Builder, kept: Value, labels: list[int], scores: Value, boxes: Value) -> Value:
    """(1, 1, detections, 7), in the order of ``kept`` (N, C, K); without detections a row for each image."""
    places = b.op("NonZero", kept)
    image, label, _ = b.ops("Split", places, b.const([1, 1, 1]), outputs=3, axis=0)
    where = b.op("Transpose", places, perm=[1, 0])
    columns = [image, b.op("Gather", b.const(labels), label), b.op("Unsqueeze", b.op("GatherND", scores, where), b.const([0]))]
    columns = [b.op("Transpose", b.op("Cast", column, to=ir.DataType.FLOAT), perm=[1, 0]) for column in columns]
    found = b.op("Concat", *columns, b.op("GatherND", boxes, where), axis=1)
    images = b.dim(scores, 0)
    numbers = b.op("Cast", b.op("Range", b.const(0), b.op("Squeeze", images), b.const(1)), to=ir.DataType.FLOAT)
    blank = b.op("Pad", b.op("Unsqueeze", numbers, b.const([1])), b.const([0, 0, 0, 6]), b.const(-1.0))
    nothing = b.op("Cast", b.op("Equal", b.op("Shape", found, end=1), b.const([0])), to=ir.DataType.INT64)
    blank = b.op("Slice", blank, b.const([0]), b.op("Mul", images, nothing), b.const([0]))
    return b.op("Reshape", b.op("Concat", found, blank, axis=0), b.const([1, 1, -1, 7]))
