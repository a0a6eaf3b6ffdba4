"""Boxes: overlaps, coding by anchors, non-maximum suppression, matching."""

from __future__ import annotations

from math import prod
from typing import Literal

import numpy as np
import onnx_ir as ir
from onnx_ir import Value

from dragoman.converters.constructs.function import call_function
from dragoman.converters.constructs.matching import match_greedily
from dragoman.converters.constructs.suppression import suppress
from dragoman.converters.mxnet.arithmetic import cast, dtype_of, number
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import Builder, dims
from dragoman.graph_ir.builder import Dim
from dragoman.graph_ir.domains import Domain, limit

Format = Literal["corner", "center"]
"""xmin, ymin, xmax, ymax, or x, y, width, height."""


def columns(b: Builder, boxes: Value, parts: int = 4) -> tuple[Value, ...]:
    """The last axis, of 4, in ``parts`` of equal size."""
    return b.ops("Split", boxes, b.const([4 // parts] * parts), outputs=parts, axis=-1)


def corners(b: Builder, boxes: Value, form: Format) -> tuple[Value, Value]:
    """The low and the high corner of boxes (…, 4), each (…, 2)."""
    first, second = columns(b, boxes, 2)
    if form == "corner":
        return first, second
    half = b.op("Div", second, number(b, second, 2.0))
    return b.op("Sub", first, half), b.op("Add", first, half)


@op("_contrib_box_iou")
def box_iou(g: SymbolBuilder, node: Node, lhs: Value, rhs: Value, *, format: Format = "corner") -> Value:
    """MXNet box_iou: (*L, 4), (*R, 4) → (*L, *R): intersection over union, 0 where there is no intersection.

    A box of a negative side has no area. bounding_box-inl.h.
    """
    for value in (lhs, rhs):
        if len(dims(value)) < 2 or dims(value)[-1] != 4:
            raise g.malformed(node, f"takes boxes (…, 4), not {list(dims(value))}")
    left, right = len(dims(lhs)) - 1, len(dims(rhs)) - 1
    lhs = g.op("Unsqueeze", lhs, g.const(list(range(left, left + right))))
    (low_a, high_a), (low_b, high_b) = corners(g, lhs, format), corners(g, rhs, format)
    zero = number(g, lhs, 0.0)
    shared = g.op("Max", g.op("Sub", g.op("Min", high_a, high_b), g.op("Max", low_a, low_b)), zero)
    common = g.op("ReduceProd", shared, g.const([-1]), keepdims=0)
    areas = []
    for boxes, low, high in ((lhs, low_a, high_a), (rhs, low_b, high_b)):
        sides = g.op("Sub", high, low) if format == "corner" else columns(g, boxes, 2)[1]
        areas.append(g.op("ReduceProd", g.op("Max", sides, zero), g.const([-1]), keepdims=0))
    ratio = g.op("Div", common, g.op("Sub", g.op("Add", *areas), common))
    return g.op("Where", g.op("Greater", common, zero), ratio, zero)


@op("_contrib_box_decode")
def box_decode(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    anchors: Value,
    *,
    std0: float = 1.0,
    std1: float = 1.0,
    std2: float = 1.0,
    std3: float = 1.0,
    clip: float = -1.0,
    format: Format = "center",
) -> Value:
    """MXNet box_decode: codes (B, N, 4), anchors (1, N, 4) → corners (B, N, 4): center x·std·w + x_a, side e^(c·std)·w, where
    c·std is at most ``clip`` if that is positive. bounding_box-inl.h.
    """
    if len(dims(data)) != 3 or dims(data)[-1] != 4 or dims(anchors)[-1] != 4 or dims(anchors)[0] != 1:
        raise g.malformed(node, f"takes codes (B, N, 4) and anchors (1, N, 4), not {list(dims(data))} and {list(dims(anchors))}")
    half = number(g, anchors, 0.5)
    place, size = columns(g, anchors, 2)
    if format == "corner":
        size = g.op("Sub", size, place)
        place = g.op("Add", place, g.op("Mul", size, half))
    dtype = dtype_of(data).numpy()
    shift, growth = columns(g, g.op("Mul", data, g.const(np.array([std0, std1, std2, std3], np.float32).astype(dtype))), 2)
    if clip > 0:
        growth = g.op("Min", growth, number(g, data, clip))
    center = g.op("Add", g.op("Mul", shift, size), place)
    reach = g.op("Mul", g.op("Mul", g.op("Exp", growth), size), half)
    return g.op("Concat", g.op("Sub", center, reach), g.op("Add", center, reach), axis=-1)


@op("_contrib_box_encode")
def box_encode(
    g: SymbolBuilder, node: Node, samples: Value, matches: Value, anchors: Value, refs: Value, means: Value, stds: Value
) -> tuple[Value, Value]:
    """MXNet box_encode: samples and matches (B, N), anchors (B, N, 4), references (B, M, 4), means and stds (4) → codes and masks
    (B, N, 4): how far the matched reference is from the anchor, where the sample is above 0.5; else 0. bounding_box-inl.h.
    """
    if isinstance(count := dims(refs)[1], int):
        limit(matches, Domain(0, count - 1, integral=True))
    index = g.op("Unsqueeze", g.op("Cast", matches, to=ir.DataType.INT64), g.const([2]))
    half = number(g, anchors, 0.5)
    centers, sizes = [], []
    for boxes in (g.op("GatherND", refs, index, batch_dims=1), anchors):
        low, high = columns(g, boxes, 2)
        sizes.append(g.op("Sub", high, low))
        centers.append(g.op("Add", low, g.op("Mul", sizes[-1], half)))
    shift = g.op("Div", g.op("Sub", *centers), sizes[1])
    growth = g.op("Log", g.op("Div", *sizes))
    code = g.op("Div", g.op("Sub", g.op("Concat", shift, growth, axis=-1), means), stds)
    chosen = g.op("Unsqueeze", g.op("Greater", samples, number(g, samples, 0.5)), g.const([2]))
    mask = g.op("Expand", g.op("Cast", chosen, to=anchors.dtype), g.shape(anchors))
    return g.op("Where", chosen, code, number(g, anchors, 0.0)), mask


@op("_contrib_bipartite_matching")
def bipartite_matching(
    g: SymbolBuilder, node: Node, data: Value, *, is_ascend: bool = False, threshold: float, topk: int = -1
) -> tuple[Value, Value]:
    """MXNet bipartite_matching: scores (…, R, C) → each row's column (…, R) and each column's row (…, C), −1 for none: greedily, best
    first, while the score is above the threshold; ascending, below it. With ``topk`` one match more than it says is made.
    bounding_box-inl.h.
    """
    shape = dims(data)
    if len(shape) < 2:
        raise g.malformed(node, f"takes a matrix of scores, not {list(shape)}")

    def emit(b: Builder, scores: Value) -> tuple[Value, ...]:
        rounds = b.op("Min", b.dim(scores, 1), b.dim(scores, 2), *([b.const([topk + 1])] if topk > 0 else []))
        matched = match_greedily(b, scores, -threshold if is_ascend else threshold, b.op("Squeeze", rounds))
        return tuple(b.op("Cast", match, to=scores.dtype) for match in matched)

    batch, flat = _stacked(g, node, data)
    flat = g.op("Neg", flat) if is_ascend else flat
    found = call_function(
        g, node.name, "BipartiteMatching", emit, {"scores": flat}, [(batch, shape[-2]), (batch, shape[-1])]
    )  # fmt: skip
    if len(shape) == 3:
        return found[0], found[1]
    sizes = g.shape(data)
    leading = g.op("Slice", sizes, g.const([0]), g.const([len(shape) - 2]))
    row, column = (
        g.op("Reshape", match, g.op("Concat", leading, g.dim(data, axis), axis=0)) for match, axis in zip(found, (-2, -1), strict=True)
    )
    return row, column


@op("_contrib_box_nms", "_contrib_box_non_maximum_suppression")
def box_nms(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    *,
    overlap_thresh: float = 0.5,
    valid_thresh: float = 0.0,
    topk: int = -1,
    coord_start: int = 2,
    score_index: int = 1,
    id_index: int = -1,
    background_id: int = -1,
    force_suppress: bool = False,
    in_format: Format = "corner",
    out_format: Format = "corner",
) -> Value:
    """MXNet box_nms: (…, K, W) → the same: the rows that stay, by falling score, then rows of −1.

    A row counts if its score is above valid_thresh, and its id isn't the background's; the ``topk`` best of them suppress each other,
    if their ids' whole parts are equal or ``force_suppress`` is set. Of equal scores the first row is the better one. A box whose
    first coordinate is negative keeps its format. bounding_box-inl.h.
    """
    shape = dims(data)
    width = shape[-1]
    taken = [*range(coord_start, coord_start + 4), score_index, *([id_index] if id_index >= 0 else [])]
    if len(shape) < 2 or not isinstance(width, int) or len(set(taken)) < len(taken) or not 0 <= min(taken) <= max(taken) < width:
        raise g.malformed(node, f"takes rows with coordinates, score and id in columns {taken}; its input is {list(shape)}")
    if overlap_thresh < 0:
        raise g.unsupported(node, f"has the overlap_thresh {overlap_thresh}, below every overlap")
    if topk == 0:
        return g.op("Identity", data)

    def emit(b: Builder, data: Value) -> tuple[Value, ...]:
        score = b.op("Gather", data, b.const(score_index), axis=2)
        valid = b.op("Greater", score, number(b, score, valid_thresh))
        if id_index >= 0:
            background = b.op("Equal", b.op("Gather", data, b.const(id_index), axis=2), number(b, data, background_id))
            valid = b.op("And", valid, b.op("Not", background))
        count = b.dim(data, 1)
        most = b.op("Min", count, b.const([topk])) if topk > 0 else count
        rows, valid = best_rows(b, data, score, valid, most)
        box = b.op("Slice", rows, b.const([coord_start]), b.const([coord_start + 4]), b.const([2]))
        box = b.op("Cast", b.op("Concat", *corners(b, box, in_format), axis=2), to=ir.DataType.FLOAT)
        classes = None
        if id_index >= 0 and not force_suppress:
            classes = _classes(b, b.op("Gather", rows, b.const(id_index), axis=2))
        kept = suppress(b, box, valid, overlap_thresh, classes=classes)
        rank = b.op("Where", kept, b.op("Range", b.op("Squeeze", most), b.const(0), b.const(-1)), b.const(0))
        rank, order = b.ops("TopK", rank, most, outputs=2)
        rows = b.op("GatherND", rows, b.op("Unsqueeze", order, b.const([2])), batch_dims=1)
        stays = b.op("Unsqueeze", b.op("Greater", rank, b.const(0)), b.const([2]))
        blank = number(b, data, -1.0)
        rows = b.op("Where", stays, rows, blank)
        if topk > 0:
            pads = b.op("Concat", b.const([0] * 4), b.op("Sub", count, most), b.const([0]), axis=0)
            rows = b.op("Pad", rows, pads, blank)
        return (rows if in_format == out_format else _reformat(b, rows, coord_start, width, in_format),)

    batch, flat = _stacked(g, node, data)
    kept = call_function(g, node.name, "BoxNMS", emit, {"data": flat}, [(batch, *shape[-2:])])[0]
    return g.reshape_like(kept, data)


def _stacked(g: SymbolBuilder, node: Node, data: Value) -> tuple[Dim, Value]:
    """Matrices (…, K, W) as (B, K, W), and B."""
    shape = dims(data)
    if len(shape) == 3:
        return shape[0], data
    if len(shape) == 2:
        return 1, g.op("Unsqueeze", data, g.const([0]))
    known = [d for d in shape[:-2] if isinstance(d, int)]
    batch = prod(known) if len(known) == len(shape) - 2 else f"{node.name}_batch"
    return batch, g.op("Reshape", data, g.op("Concat", g.const([-1]), g.dim(data, -2), g.dim(data, -1), axis=0))


def best_rows(b: Builder, rows: Value, score: Value, valid: Value, count: Value) -> tuple[Value, Value]:
    """The ``count`` (1) best rows of (B, K, W) by score (B, K), valid ones first, and which of them are valid: (B, count, W) and
    (B, count).
    """
    single = cast(b, score, ir.DataType.FLOAT) if score.dtype == ir.DataType.FLOAT16 else score
    lowest = number(b, single, -np.inf)
    best, order = b.ops("TopK", b.op("Where", valid, single, lowest), count, outputs=2)
    rows = b.op("GatherND", rows, b.op("Unsqueeze", order, b.const([2])), batch_dims=1)
    return rows, b.op("Greater", best, lowest)


def _classes(b: Builder, ids: Value) -> tuple[Value, Value]:
    """Numbers from 0 for the whole parts of ids (B, K), and how many there are."""
    whole = b.op("Cast", ids, to=ir.DataType.INT64)
    different, _, place = b.ops("Unique", whole, outputs=3)
    return b.reshape_like(place, ids), b.op("Shape", different)


def _reformat(b: Builder, rows: Value, start: int, width: int, form: Format) -> Value:
    """Rows (…, W) with their boxes in the other format than ``form``, but for those whose first coordinate is negative."""
    sizes = [size for size in (start, 4, width - start - 4) if size]
    parts = list(b.ops("Split", rows, b.const(sizes), outputs=len(sizes), axis=-1) if len(sizes) > 1 else (rows,))
    at = 1 if start else 0
    box = parts[at]
    low, high = columns(b, box, 2)
    if form == "corner":
        other = b.op("Concat", b.op("Div", b.op("Add", low, high), number(b, box, 2.0)), b.op("Sub", high, low), axis=-1)
    else:
        other = b.op("Concat", *corners(b, box, "center"), axis=-1)
    negative = b.op("Less", columns(b, box)[0], number(b, box, 0.0))
    parts[at] = b.op("Where", negative, box, other)
    return b.op("Concat", *parts, axis=-1)
