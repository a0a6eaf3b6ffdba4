"""Regions of interest and suppression of overlapping boxes."""

from __future__ import annotations

import math

import numpy as np

from dragoman.validators.evaluator.call import Array, EvaluationError, NodeCall
from dragoman.validators.evaluator.kernels.table import Family

family = Family()


@family.op("MaxRoiPool")
def max_roi_pool(node: NodeCall, x: Array, rois: Array) -> Array:
    """The largest value in each bin of each region (R, 5: image, x1, y1, x2, y2); 0 where a bin is empty."""
    height, width = node.ints("pooled_shape")
    scale = node.number("spatial_scale", 1.0)
    y = np.zeros((len(rois), x.shape[1], height, width), x.dtype)
    for r, roi in enumerate(rois):
        left, top, right, bottom = (math.floor(float(v) * scale + 0.5) for v in roi[1:])
        rows = _bins(top, bottom, height, x.shape[2])
        columns = _bins(left, right, width, x.shape[3])
        for i, (r0, r1) in enumerate(rows):
            for j, (c0, c1) in enumerate(columns):
                if r0 < r1 and c0 < c1:
                    y[r, :, i, j] = x[int(roi[0]), :, r0:r1, c0:c1].max((1, 2))
    return y


def _bins(first: int, last: int, count: int, length: int) -> list[tuple[int, int]]:
    size = np.float32(max(last - first + 1, 1)) / np.float32(count)  # in float32: the edges are decisions of the operator
    starts = (int(np.floor(np.float32(k) * size)) + first for k in range(count))
    stops = (int(np.ceil(np.float32(k + 1) * size)) + first for k in range(count))
    return [(min(max(a, 0), length), min(max(b, 0), length)) for a, b in zip(starts, stops, strict=True)]


@family.op("RoiAlign")
def roi_align(node: NodeCall, x: Array, rois: Array, images: Array) -> Array:
    """Each bin of each region (R, 4: x1, y1, x2, y2) from bilinear samples: their mean, or their largest weighted corner."""
    height, width = node.integer("output_height", 1), node.integer("output_width", 1)
    scale, sampling = node.number("spatial_scale", 1.0), node.integer("sampling_ratio", 0)
    mode = node.text("mode", "avg")
    by_version = "half_pixel" if node.version >= 16 else "output_half_pixel"
    half = node.text("coordinate_transformation_mode", by_version) == "half_pixel"
    if mode not in ("avg", "max"):
        raise EvaluationError(f"mode {mode}")
    y = np.zeros((len(rois), x.shape[1], height, width), x.dtype)
    for r, (roi, image) in enumerate(zip(rois, images, strict=True)):
        left, top, right, bottom = (float(v) * scale - (0.5 if half else 0.0) for v in roi)
        wide, high = right - left, bottom - top
        if not half:
            wide, high = max(wide, 1.0), max(high, 1.0)
        rows = sampling or math.ceil(high / height)
        columns = sampling or math.ceil(wide / width)
        vertical = _corners(top + (np.arange(height * rows) + 0.5) * high / (height * rows), x.shape[2])
        horizontal = _corners(left + (np.arange(width * columns) + 0.5) * wide / (width * columns), x.shape[3])
        bins = (x.shape[1], height, rows, width, columns)
        parts = [
            (x[int(image)][:, v][:, :, h] * (wv[:, None] * wh)).reshape(bins) for v, wv in vertical for h, wh in horizontal
        ]
        if mode == "avg":
            y[r] = np.add.reduce(parts).mean((2, 4))
        else:
            y[r] = np.maximum.reduce(parts).max((2, 4))
    return y


def _corners(places: Array, length: int) -> list[tuple[Array, Array]]:
    """The two neighbours of each place along an axis, and their weights; 0 more than one element outside."""
    outside = (places < -1) | (places > length)
    held = np.maximum(places, 0)
    low = np.minimum(held.astype(np.int64), length - 1)
    high = np.minimum(low + 1, length - 1)
    share = np.where(held.astype(np.int64) >= length - 1, 0, held - low)
    keep = ~outside
    return [(low, (1 - share) * keep), (high, share * keep)]


@family.op("NonMaxSuppression")
def non_max_suppression(
    node: NodeCall,
    boxes: Array,
    scores: Array,
    most: Array | None = None,
    overlap: Array | None = None,
    threshold: Array | None = None,
) -> Array:
    """Rows (image, class, box) of the boxes kept, best first in each class: those that overlap no better one too much."""
    limit = 0 if most is None else int(most.ravel()[0])
    allowed = 0.0 if overlap is None else float(overlap.ravel()[0])
    rows: list[tuple[int, int, int]] = []
    for image in range(boxes.shape[0]):
        corners = _as_corners(boxes[image], node.integer("center_point_box", 0))
        for label in range(scores.shape[1]):
            found = scores[image, label]
            order = np.argsort(-found, kind="stable")
            if threshold is not None:
                order = order[found[order] > threshold.ravel()[0]]
            kept: list[int] = []
            for box in order:
                if len(kept) >= limit:
                    break
                if not kept or not (_overlaps(corners[box], corners[kept]) > allowed).any():
                    kept.append(int(box))
            rows += [(image, label, box) for box in kept]
    return np.array(rows, np.int64).reshape(-1, 3)


def _as_corners(boxes: Array, centred: int) -> Array:
    if centred:
        x, y, w, h = boxes.T
        return np.stack([y - h / 2, x - w / 2, y + h / 2, x + w / 2], 1)
    a, b = boxes[:, :2], boxes[:, 2:]
    return np.concatenate([np.minimum(a, b), np.maximum(a, b)], 1)


def _overlaps(box: Array, others: Array) -> Array:
    """Intersection over union, of boxes (y1, x1, y2, x2)."""
    sides = np.maximum(0, np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2]))
    shared = sides.prod(1)
    union = (box[2:] - box[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(1) - shared
    return np.where(union > 0, shared / np.where(union > 0, union, 1), 0)
