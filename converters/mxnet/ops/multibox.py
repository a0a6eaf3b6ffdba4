"""SSD's boxes: priors, detections, and the targets that it is trained with."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from onnx_ir import Value

from dragoman.converters.constructs.function import call_function
from dragoman.converters.constructs.matching import match_greedily
from dragoman.converters.constructs.suppression import suppress
from dragoman.converters.mxnet.attributes import Floats
from dragoman.converters.mxnet.ops.boxes import best_rows, columns
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import Builder, dims

VARIANCES = (0.1, 0.1, 0.2, 0.2)


@op("_contrib_MultiBoxPrior", "_npx_multibox_prior")
def multibox_prior(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    *,
    sizes: Floats = (1.0,),
    ratios: Floats = (1.0,),
    clip: bool = False,
    steps: Floats = (-1.0, -1.0),
    offsets: Floats = (0.5, 0.5),
) -> Value:
    """MXNet MultiBoxPrior: (N, C, H, W) → (1, H·W·(sizes + ratios − 1), 4), corners in parts of the image: at each place a box of
    every size in the first ratio, then of the first size in every other ratio. Steps are 1 / H and 1 / W where they aren't given;
    offsets and steps come y first. multibox_prior.cc.
    """
    if len(dims(data)) < 4 or len(steps) != 2 or len(offsets) != 2 or not sizes:
        raise g.malformed(node, f"needs sizes, two steps and offsets, and an image of 4 axes, not {list(dims(data))}")
    if steps[0] * steps[1] < 0:
        raise g.malformed(node, f"needs both steps or none, not {steps}")
    height, width = (g.op("Cast", g.dim(data, axis), to=ir.DataType.FLOAT) for axis in (2, 3))
    centers = []
    for axis, extent in enumerate((height, width)):
        place = g.op("Range", g.const(0), g.op("Squeeze", g.dim(data, axis + 2)), g.const(1))
        moved = g.op("Add", g.op("Cast", place, to=ir.DataType.FLOAT), g.const(offsets[axis]))
        step = g.const(steps[axis]) if min(steps) > 0 else g.op("Div", g.const(1.0), extent)
        centers.append(g.op("Reshape", g.op("Mul", moved, step), g.const([-1, 1, 1, 1] if axis == 0 else [1, -1, 1, 1])))
    side = np.array([*sizes, *[sizes[0]] * (len(ratios) - 1)], np.float32)
    root = np.sqrt(np.array([ratios[0]] * len(sizes) + list(ratios[1:]), np.float32))
    shape = (1, 1, -1, 1)
    half_height = g.const((side / root / np.float32(2)).reshape(shape))
    wide = g.op("Div", g.op("Mul", g.const(side.reshape(shape)), height), width)
    half_width = g.op("Div", g.op("Mul", wide, g.const(root.reshape(shape))), g.const(2.0))
    y, x = centers
    edges = [
        g.op(move, center, half) for move in ("Sub", "Add") for center, half in ((x, half_width), (y, half_height))
    ]
    full = g.op("Concat", g.dim(data, 2), g.dim(data, 3), g.const([len(side), 1]), axis=0)
    boxes = g.op("Concat", *(g.op("Expand", edge, full) for edge in edges), axis=3)
    boxes = g.op("Reshape", boxes, g.const([1, -1, 4]))
    return g.op("Clip", boxes, g.const(np.float32(0)), g.const(np.float32(1))) if clip else boxes


@op("_contrib_MultiBoxDetection", "_npx_multibox_detection")
def multibox_detection(
    g: SymbolBuilder,
    node: Node,
    cls_prob: Value,
    loc_pred: Value,
    anchor: Value,
    *,
    clip: bool = True,
    threshold: float = 0.01,
    background_id: int = 0,
    nms_threshold: float = 0.5,
    force_suppress: bool = False,
    variances: Floats = VARIANCES,
    nms_topk: int = -1,
) -> Value:
    """MXNet MultiBoxDetection: probabilities (N, 1 + C, A), codes (N, 4·A), anchors (1, A, 4) → (N, A, 6), rows of class, score,
    corners, then rows of −1.

    Each anchor is of its likeliest class but the first, whatever ``background_id`` says, if that is above −1 and not below the
    threshold. The nms_topk best come first; one that overlaps a better one (of its class) by nms_threshold or more has the class −1.
    What isn't among them keeps its place, with the class −1. Unless 0 < nms_threshold ≤ 1, all stay in their order.
    multibox_detection.cc.
    """
    classes, anchors = dims(cls_prob)[1:]
    if not isinstance(classes, int) or len(variances) != 4:
        raise g.malformed(node, "needs a known number of classes and 4 variances")
    for value, wanted in ((loc_pred, 4), (anchor, 1)):
        if isinstance(anchors, int) and isinstance(found := dims(value)[1], int) and found != wanted * anchors:
            raise g.malformed(node, f"needs {wanted * anchors} of {value.name} for {anchors} anchors, not {found}")

    def emit(b: Builder, cls_prob: Value, loc_pred: Value, anchor: Value) -> tuple[Value, ...]:
        foreground = b.op("Slice", cls_prob, b.const([1]), b.const([classes]), b.const([1]))
        score = b.op("ReduceMax", foreground, b.const([1]), keepdims=0)
        found = b.op("And", b.op("Greater", score, b.const(-1.0)), b.op("GreaterOrEqual", score, b.const(np.float32(threshold))))
        number = b.op("Cast", b.op("ArgMax", foreground, axis=1, keepdims=0), to=ir.DataType.FLOAT)
        heads = [b.op("Unsqueeze", value, b.const([2])) for value in (number, score)]
        rows = b.op("Concat", *heads, _decode(b, loc_pred, anchor, variances, clip), axis=2)
        count = b.dim(cls_prob, 2)
        places = b.op("Range", b.op("Squeeze", count), b.const(0), b.const(-1))
        order = b.op("Expand", b.op("Cast", places, to=ir.DataType.FLOAT), b.op("Shape", score))
        compact, exists = best_rows(b, rows, order, found, count)
        if 0 < nms_threshold <= 1:
            most = b.op("Min", count, b.const([nms_topk])) if nms_topk > 0 else count
            best, valid = best_rows(b, rows, score, found, most)
            kept = _suppress(b, best, valid, classes - 1, nms_threshold, force_suppress)
            best = _unclassed(b, best, kept)
            if nms_topk > 0:
                rest = b.op("Slice", compact, most, count, b.const([1]))
                best = b.op("Concat", best, _unclassed(b, rest, None), axis=1)
            compact = best
        return (b.op("Where", b.op("Unsqueeze", exists, b.const([2])), compact, b.const(-1.0)),)

    inputs = {"cls_prob": cls_prob, "loc_pred": loc_pred, "anchor": anchor}
    return call_function(g, node.name, "MultiBoxDetection", emit, inputs, [(dims(cls_prob)[0], anchors, 6)])[0]


def _decode(b: Builder, code: Value, anchor: Value, variances: Floats, clip: bool) -> Value:
    """Corners (N, A, 4) from codes (N, 4·A) and anchors (1, A, 4)."""
    two = b.const(2.0)
    low, high = columns(b, anchor, 2)
    size, center = b.op("Sub", high, low), b.op("Div", b.op("Add", low, high), two)
    rows = b.op("Concat", b.const([0]), b.dim(anchor, 1), b.const([4]), axis=0)
    code = b.op("Mul", b.op("Reshape", code, rows), b.const(np.array(variances, np.float32)))
    shift, growth = columns(b, code, 2)
    center = b.op("Add", b.op("Mul", shift, size), center)
    reach = b.op("Div", b.op("Mul", b.op("Exp", growth), size), two)
    box = b.op("Concat", b.op("Sub", center, reach), b.op("Add", center, reach), axis=2)
    return b.op("Clip", box, b.const(np.float32(0)), b.const(np.float32(1))) if clip else box


def _suppress(b: Builder, rows: Value, valid: Value, classes: int, threshold: float, force: bool) -> Value:
    """Which of the rows (N, K, 6), best first, stay: MXNet suppresses from the threshold on, NonMaxSuppression above it."""
    number, _, box = b.ops("Split", rows, b.const([1, 1, 4]), outputs=3, axis=2)
    number = b.op("Squeeze", b.op("Cast", number, to=ir.DataType.INT64), b.const([2]))
    below = float(np.nextafter(np.float32(threshold), np.float32(-1)))
    return suppress(b, box, valid, below, classes=None if force else (number, b.const([classes])))


def _unclassed(b: Builder, rows: Value, kept: Value | None) -> Value:
    """The rows (N, K, 6) with the class −1 where they aren't ``kept``."""
    number, rest = b.ops("Split", rows, b.const([1, 5]), outputs=2, axis=2)
    if kept is None:
        number = b.op("Expand", b.const(-1.0), b.op("Shape", number))
    else:
        number = b.op("Where", b.op("Unsqueeze", kept, b.const([2])), number, b.const(-1.0))
    return b.op("Concat", number, rest, axis=2)


@op("_contrib_MultiBoxTarget", "_npx_multibox_target")
def multibox_target(
    g: SymbolBuilder,
    node: Node,
    anchor: Value,
    label: Value,
    cls_pred: Value,
    *,
    overlap_threshold: float = 0.5,
    ignore_label: float = -1.0,
    negative_mining_ratio: float = -1.0,
    negative_mining_thresh: float = 0.5,
    minimum_negative_samples: int = 0,
    variances: Floats = VARIANCES,
) -> tuple[Value, Value, Value]:
    """MXNet MultiBoxTarget: anchors (1, A, 4), labels (N, L, 5…: class, corners; up to the first class −1), predictions (N, C, A) →
    codes and their masks (N, 4·A), classes (N, A), 0 for background.

    Each label takes the anchor that it overlaps most, the best pair first; then each other anchor takes the label that it overlaps
    most, if by more than overlap_threshold. With a ratio of mining only as many others are background, of those that overlap less
    than negative_mining_thresh the least likely to be; the rest is ignored. ``minimum_negative_samples`` has no effect in MXNet
    either. multibox_target.cc.
    """
    if negative_mining_ratio > 0 and negative_mining_thresh <= 0:
        raise g.malformed(node, "needs a positive negative_mining_thresh")
    if len(variances) != 4:
        raise g.malformed(node, "needs 4 variances")

    def emit(b: Builder, anchor: Value, label: Value, cls_pred: Value) -> tuple[Value, ...]:
        overlap, valid = _overlaps(b, anchor, label)
        taken, _ = match_greedily(b, overlap, 1e-6, b.op("Squeeze", b.dim(label, 1)))
        first = b.op("GreaterOrEqual", taken, b.const(0))
        best = b.op("ReduceMax", overlap, b.const([2]), keepdims=0)
        positive = first
        if overlap_threshold > 0:
            positive = b.op("Or", first, b.op("Greater", best, b.const(np.float32(overlap_threshold))))
        chosen = b.op("Where", first, taken, b.op("ArgMax", overlap, axis=2, keepdims=0))
        if negative_mining_ratio > 0:
            low = b.op("Less", best, b.const(np.float32(negative_mining_thresh)))
            candidate = b.op("And", b.op("Not", positive), low)
            negative = _mined(b, cls_pred, positive, candidate, negative_mining_ratio)
        else:
            negative = b.op("Not", positive)
        matched = b.op("GatherND", label, b.op("Unsqueeze", chosen, b.const([2])), batch_dims=1)
        number, box = b.ops("Split", b.op("Slice", matched, b.const([0]), b.const([5]), b.const([2])), b.const([1, 4]), outputs=2, axis=2)
        zero = b.const(0.0)
        ignored = b.op("Where", b.op("And", valid, negative), zero, b.const(np.float32(ignore_label)))
        target = b.op("Where", positive, b.op("Add", b.op("Squeeze", number, b.const([2])), b.const(1.0)), ignored)
        mask = b.op("Unsqueeze", positive, b.const([2]))
        code = b.op("Flatten", b.op("Where", mask, _encode(b, anchor, box, variances), zero))
        wide = b.op("Flatten", b.op("Expand", b.op("Cast", mask, to=ir.DataType.FLOAT), b.op("Shape", box)))
        return code, wide, target

    batch, anchors = dims(label)[0], dims(anchor)[1]
    values = 4 * anchors if isinstance(anchors, int) else f"{node.name}_values"
    inputs = {"anchor": anchor, "label": label, "cls_pred": cls_pred}
    code, mask, target = call_function(
        g, node.name, "MultiBoxTarget", emit, inputs, [(batch, values), (batch, values), (batch, anchors)]
    )  # fmt: skip
    return code, mask, target


def _overlaps(b: Builder, anchor: Value, label: Value) -> tuple[Value, Value]:
    """Intersections over union (N, A, L), −1 for what is no label, and whether there is a label at all (N, 1)."""
    number = b.op("Gather", label, b.const(0), axis=2)
    ended = b.op("CumSum", b.op("Cast", b.op("Equal", number, b.const(-1.0)), to=ir.DataType.FLOAT), b.const(1))
    is_label = b.op("Equal", ended, b.const(0.0))
    box = b.op("Unsqueeze", b.op("Slice", label, b.const([1]), b.const([5]), b.const([2])), b.const([1]))
    sides, zero = [], b.const(0.0)
    (low_a, high_a), (low_b, high_b) = (columns(b, value, 2) for value in (b.op("Unsqueeze", anchor, b.const([2])), box))
    for low, high in ((low_a, high_a), (low_b, high_b)):
        sides.append(b.op("ReduceProd", b.op("Sub", high, low), b.const([3]), keepdims=0))
    shared = b.op("Max", b.op("Sub", b.op("Min", high_a, high_b), b.op("Max", low_a, low_b)), zero)
    common = b.op("ReduceProd", shared, b.const([3]), keepdims=0)
    union = b.op("Sub", b.op("Add", *sides), common)
    ratio = b.op("Where", b.op("Equal", union, zero), zero, b.op("Div", common, union))
    overlap = b.op("Where", b.op("Unsqueeze", is_label, b.const([1])), ratio, b.const(-1.0))
    return overlap, b.op("Slice", is_label, b.const([0]), b.const([1]), b.const([1]))


def _mined(b: Builder, cls_pred: Value, positive: Value, candidate: Value, ratio: float) -> Value:
    """Of the candidates (N, A) the least likely to be background, ``ratio`` for each positive."""
    positives = b.op("ReduceSum", b.op("Cast", positive, to=ir.DataType.INT64), b.const([1]))
    wanted = b.op("Cast", b.op("Mul", b.op("Cast", positives, to=ir.DataType.FLOAT), b.const(np.float32(ratio))), to=ir.DataType.INT64)
    count = b.dim(positive, 1)
    shifted = b.op("Exp", b.op("Sub", cls_pred, b.op("ReduceMax", cls_pred, b.const([1]))))
    likely = b.op("Div", b.op("Gather", shifted, b.const(0), axis=1), b.op("ReduceSum", shifted, b.const([1]), keepdims=0))
    _, order = b.ops("TopK", b.op("Where", candidate, likely, b.const(np.float32(np.inf))), count, outputs=2, largest=0)
    wins = b.op("Less", b.op("Range", b.const(0), b.op("Squeeze", count), b.const(1)), wanted)
    blank = b.op("ConstantOfShape", b.shape(positive))
    chosen = b.op("ScatterElements", blank, order, b.op("Cast", wins, to=ir.DataType.FLOAT), axis=1)
    return b.op("And", candidate, b.op("Cast", chosen, to=ir.DataType.BOOL))


def _encode(b: Builder, anchor: Value, box: Value, variances: Floats) -> Value:
    """Codes (N, A, 4) of boxes by anchors (1, A, 4)."""
    half = b.const(0.5)
    (low_a, high_a), (low, high) = columns(b, anchor, 2), columns(b, box, 2)
    size_a, size = b.op("Sub", high_a, low_a), b.op("Sub", high, low)
    apart = b.op("Sub", b.op("Mul", b.op("Add", low, high), half), b.op("Mul", b.op("Add", low_a, high_a), half))
    code = b.op("Concat", b.op("Div", apart, size_a), b.op("Log", b.op("Div", size, size_a)), axis=2)
    return b.op("Div", code, b.const(np.array(variances, np.float32)))
