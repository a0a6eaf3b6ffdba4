"""Faster R-CNN's proposals."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
from onnx_ir import Value

from dragoman.converters.constructs.function import call_function
from dragoman.converters.constructs.suppression import suppress
from dragoman.converters.mxnet.attributes import Floats
from dragoman.converters.mxnet.ops.boxes import columns
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import Builder, dims
from dragoman.graph_ir.domains import Domain, limit


@op("_contrib_Proposal", "_contrib_MultiProposal")
def proposal(
    g: SymbolBuilder,
    node: Node,
    cls_prob: Value,
    bbox_pred: Value,
    im_info: Value,
    *,
    rpn_pre_nms_top_n: int = 6000,
    rpn_post_nms_top_n: int = 300,
    threshold: float = 0.7,
    rpn_min_size: int = 16,
    scales: Floats = (4.0, 8.0, 16.0, 32.0),
    ratios: Floats = (0.5, 1.0, 2.0),
    feature_stride: int = 16,
    output_score: bool = False,
    iou_loss: bool = False,
) -> tuple[Value, ...]:
    """MXNet Proposal (N = 1) and MultiProposal: scores (N, 2A, H, W), deltas (N, 4A, H, W), images (N, 3: height, width, scale) →
    regions (N·post, 5: image, corners) and their scores (N·post, 1).

    Anchors moved by the deltas and clipped to the image; those outside of it, or with a side below rpn_min_size · scale (which grow
    by that), have the score −1. The ``pre`` best go through non-maximum suppression, areas counting both end pixels; the ``post``
    best come out, again from the first where there are fewer. Of equal scores the first is the better one here: there std::sort
    leaves the order of more than 16 open. proposal.cc, multi_proposal.cc.
    """
    anchors = make_anchors(feature_stride, scales, ratios)
    if dims(cls_prob)[1] != 2 * len(anchors) or dims(bbox_pred)[1] != 4 * len(anchors) or dims(im_info)[-1] != 3:
        shapes = ", ".join(str(list(dims(value))) for value in (cls_prob, bbox_pred, im_info))
        raise g.malformed(node, f"needs {2 * len(anchors)} scores, {4 * len(anchors)} deltas and 3 numbers of the image, not {shapes}")
    batch = dims(cls_prob)[0]
    if node.op == "_contrib_Proposal" and isinstance(batch, int) and batch != 1:
        raise g.malformed(node, f"takes one image, not {batch}")
    if rpn_post_nms_top_n <= 0 or threshold < 0:
        raise g.malformed(node, f"needs a positive rpn_post_nms_top_n and threshold, not {rpn_post_nms_top_n} and {threshold}")
    sides = [size * feature_stride if isinstance(size, int) else 600 for size in dims(cls_prob)[2:]]
    limit(im_info, *(Domain(side / 2, side) for side in sides), Domain(1, 2))

    def emit(b: Builder, cls_prob: Value, bbox_pred: Value, im_info: Value) -> tuple[Value, ...]:
        box, score = _scored(b, cls_prob, bbox_pred, im_info, anchors, feature_stride, rpn_min_size, iou_loss)
        count = b.dim(score, 1) if isinstance(dims(score)[1], int) else b.op("Shape", score, start=1)
        before = b.op("Min", count, b.const([rpn_pre_nms_top_n])) if rpn_pre_nms_top_n > 0 else count
        score, order = b.ops("TopK", score, before, outputs=2)
        box = b.op("GatherND", box, b.op("Unsqueeze", order, b.const([2])), batch_dims=1)
        pixels = b.op("Add", box, b.const([0.0, 0.0, 1.0, 1.0]))  # so that areas and overlaps count both end pixels
        every = b.op("Expand", b.const(np.True_), b.op("Shape", score))
        kept = suppress(b, pixels, every, threshold, at_most=rpn_post_nms_top_n)
        return _filled(b, box, score, kept, before, rpn_post_nms_top_n)

    rows = batch * rpn_post_nms_top_n if isinstance(batch, int) else f"{node.name}_rows"
    inputs = {"cls_prob": cls_prob, "bbox_pred": bbox_pred, "im_info": im_info}
    return call_function(g, node.name, "Proposal", emit, inputs, [(rows, 5), (rows, 1)])[: 2 if output_score else 1]


def make_anchors(stride: int, scales: Floats, ratios: Floats) -> npt.NDArray[np.float32]:
    """(A, 4) corners of the anchors at the first place, by ratio, then scale: proposal-inl.h, in float32 as there."""
    one, half = np.float32(1), np.float32(0.5)
    side = np.float32(stride)
    center = half * (side - one)
    boxes = []
    for ratio in map(np.float32, ratios):
        for scale in map(np.float32, scales):
            width = np.floor(np.sqrt(np.floor(side * side / ratio)) + half) * scale
            height = np.floor(width / scale * ratio + half) * scale
            reach = [half * (width - one), half * (height - one)]
            boxes.append([center - reach[0], center - reach[1], center + reach[0], center + reach[1]])
    return np.array(boxes, np.float32)


def _scored(
    b: Builder,
    cls_prob: Value,
    bbox_pred: Value,
    im_info: Value,
    anchors: npt.NDArray[np.float32],
    stride: int,
    min_size: int,
    iou_loss: bool,
) -> tuple[Value, Value]:
    """Every anchor moved, (N, H·W·A, 4), and its score (N, H·W·A), by row, column and anchor."""
    count = len(anchors)
    _, foreground = b.ops("Split", cls_prob, b.const([count, count]), outputs=2, axis=1)
    score = b.op("Transpose", foreground, perm=[0, 2, 3, 1])  # (N, H, W, A)
    split = b.op("Concat", b.const([0, count, 4]), b.op("Shape", bbox_pred, start=2), axis=0)
    delta = b.op("Transpose", b.op("Reshape", bbox_pred, split), perm=[0, 3, 4, 1, 2])  # (N, H, W, A, 4)
    places = []
    for axis, shape in ((2, [-1, 1, 1]), (3, [1, -1, 1])):
        step = b.op("Range", b.const(0), b.op("Squeeze", b.dim(cls_prob, axis)), b.const(1))
        places.append(b.op("Reshape", step, b.const(shape)))
    shifts = [b.op("Cast", b.op("Mul", place, b.const(stride)), to=ir.DataType.FLOAT) for place in places]
    full = b.op("Concat", b.op("Shape", cls_prob, start=2), b.const([1, 1]), axis=0)
    both = [b.op("Expand", b.op("Unsqueeze", shift, b.const([3])), full) for shift in reversed(shifts)]
    box = b.op("Add", b.op("Concat", *both, *both, axis=3), b.const(anchors))  # (H, W, A, 4)
    box = b.op("Add", box, delta) if iou_loss else _moved(b, box, delta)

    height, width, scale = b.ops("Split", im_info, b.const([1, 1, 1]), outputs=3, axis=1)
    edge = b.op("Sub", b.op("Concat", width, height, width, height, axis=1), b.const(1.0))
    box = b.op("Max", b.op("Min", box, b.op("Unsqueeze", edge, b.const([1, 2, 3]))), b.const(0.0))
    real = [b.op("Cast", b.op("Div", size, b.const(float(stride))), to=ir.DataType.INT64) for size in (height, width)]
    padded = [
        b.op("GreaterOrEqual", place, b.op("Unsqueeze", size, b.const([2, 3]))) for place, size in zip(places, real, strict=True)
    ]
    smallest = b.op("Unsqueeze", b.op("Mul", scale, b.const(float(min_size))), b.const([2, 3]))
    low, high = columns(b, box, 2)
    sides = b.op("Add", b.op("Sub", high, low), b.const(1.0))
    small = b.op("Less", b.op("ReduceMin", sides, b.const([4]), keepdims=0), smallest)
    growth = b.op("Where", small, b.op("Div", smallest, b.const(2.0)), b.const(0.0))
    growth = b.op("Unsqueeze", growth, b.const([4]))
    box = b.op("Concat", b.op("Sub", low, growth), b.op("Add", high, growth), axis=4)
    out = b.op("Or", small, b.op("Or", *padded))
    score = b.op("Where", out, b.const(-1.0), score)
    return b.op("Reshape", box, b.op("Concat", b.dim(cls_prob, 0), b.const([-1, 4]), axis=0)), b.op("Flatten", score)


def _moved(b: Builder, box: Value, delta: Value) -> Value:
    """Corners (H, W, A, 4) moved by deltas (N, H, W, A, 4): of the center in parts of the size, of the size as a logarithm."""
    one, half = b.const(1.0), b.const(0.5)
    low, high = columns(b, box, 2)
    shift, growth = columns(b, delta, 2)
    size = b.op("Add", b.op("Sub", high, low), one)
    center = b.op("Add", low, b.op("Mul", b.op("Sub", size, one), half))
    center = b.op("Add", b.op("Mul", shift, size), center)
    reach = b.op("Mul", b.op("Sub", b.op("Mul", b.op("Exp", growth), size), one), half)
    return b.op("Concat", b.op("Sub", center, reach), b.op("Add", center, reach), axis=-1)


def _filled(b: Builder, box: Value, score: Value, kept: Value, count: Value, rows: int) -> tuple[Value, Value]:
    """The kept boxes of each image, again from the first until there are ``rows``: (N·rows, 5) and (N·rows, 1)."""
    rank = b.op("Where", kept, b.op("Range", b.op("Squeeze", count), b.const(0), b.const(-1)), b.const(0))
    _, order = b.ops("TopK", rank, b.op("Min", count, b.const([rows])), outputs=2)
    number = b.op("ReduceSum", b.op("Cast", kept, to=ir.DataType.INT64), b.const([1]))
    chosen = b.op("GatherElements", order, b.op("Mod", b.const(np.arange(rows)[None]), number), axis=1)
    index = b.op("Unsqueeze", chosen, b.const([2]))
    images = b.op("Range", b.const(0), b.op("Squeeze", b.dim(box, 0)), b.const(1))
    image = b.op("Reshape", b.op("Cast", images, to=ir.DataType.FLOAT), b.const([-1, 1, 1]))
    image = b.op("Expand", image, b.op("Shape", index))
    regions = b.op("Concat", image, b.op("GatherND", box, index, batch_dims=1), axis=2)
    scores = b.op("GatherElements", score, chosen, axis=1)
    return b.op("Reshape", regions, b.const([-1, 5])), b.op("Reshape", scores, b.const([-1, 1]))
