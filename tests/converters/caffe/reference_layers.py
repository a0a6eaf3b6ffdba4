"""Forks' layers as slow, obvious loops: what each layer's definition says, one output value at a time.

Numbers are float32 wherever the forks' are.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

F = np.float32


def away(value) -> int:
    """C's round: to the nearest whole number, halves away from 0."""
    whole = math.floor(abs(float(value)))
    return int(math.copysign(whole + (abs(float(value)) - whole >= 0.5), value))


# -- SSD ------------------------------------------------------------------------------------------


def prior_box(size, image, min_sizes, max_sizes=(), ratios=(), flip=True, clip=False, variance=(0.1,), step=None, offset=0.5):
    """Boxes of SSD's PriorBox; sizes are (height, width)."""
    all_ratios = [F(1)]
    for ratio in map(F, ratios):
        if not any(abs(ratio - other) < 1e-6 for other in all_ratios):
            all_ratios.append(ratio)
            if flip:
                all_ratios.append(F(1 / float(ratio)))
    step_y, step_x = step or (F(image[0]) / F(size[0]), F(image[1]) / F(size[1]))
    boxes = []
    for row, column in itertools.product(range(size[0]), range(size[1])):
        center_x, center_y = F((F(column) + F(offset)) * F(step_x)), F((F(row) + F(offset)) * F(step_y))
        for index, smallest in enumerate(map(int, min_sizes)):  # SSD keeps them in an int
            shapes = [(F(smallest), F(smallest))]
            if max_sizes:
                shapes.append((F(math.sqrt(smallest * int(max_sizes[index]))),) * 2)
            shapes += [(F(smallest * math.sqrt(r)), F(smallest / math.sqrt(r))) for r in all_ratios[1:]]
            for width, height in shapes:
                box = [
                    (float(center_x) - float(width) / 2) / image[1],
                    (float(center_y) - float(height) / 2) / image[0],
                    (float(center_x) + float(width) / 2) / image[1],
                    (float(center_y) + float(height) / 2) / image[0],
                ]
                boxes += [min(max(v, 0.0), 1.0) for v in box] if clip else box
    return np.array([[boxes, list(itertools.islice(itertools.cycle(variance), len(boxes)))]], F)


def decode(prior, variance, code, code_type, encoded):
    """One box from its prior and its code."""
    v = [F(1)] * 4 if encoded else variance
    width, height = prior[2] - prior[0], prior[3] - prior[1]
    if code_type == "CORNER":
        return [prior[i] + v[i] * code[i] for i in range(4)]
    if code_type == "CORNER_SIZE":
        return [prior[i] + v[i] * code[i] * (width, height)[i % 2] for i in range(4)]
    x = v[0] * code[0] * width + (prior[0] + prior[2]) / F(2)
    y = v[1] * code[1] * height + (prior[1] + prior[3]) / F(2)
    w, h = np.exp(v[2] * code[2]) * width, np.exp(v[3] * code[3]) * height
    return [x - w / F(2), y - h / F(2), x + w / F(2), y + h / F(2)]


def area(box):
    """A box's size; swapped corners have none."""
    return F(0) if box[2] < box[0] or box[3] < box[1] else (box[2] - box[0]) * (box[3] - box[1])


def jaccard(a, b):
    """Intersection over union."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return F(0)
    return width * height / (area(a) + area(b) - width * height)


def detection_output(
    loc, conf, prior, num_classes, share=True, background=0, threshold=0.3, top_k=-1, eta=1.0, keep=-1, confidence=None,
    code_type="CORNER", encoded=False,
):  # fmt: skip
    """SSD's DetectionOutput: decode, filter, suppress class by class, keep the best of the image."""
    images, priors = loc.shape[0], prior.shape[2] // 4
    boxes_of, variances = prior[0, 0].reshape(priors, 4), prior[0, 1].reshape(priors, 4)
    locations = 1 if share else num_classes
    codes, scores = loc.reshape(images, priors, locations, 4), conf.reshape(images, priors, num_classes)
    rows = []
    for n in range(images):
        found = []
        for label in range(num_classes):
            if label == background:
                continue
            boxes = [
                decode(boxes_of[i], variances[i], codes[n, i, 0 if share else label], code_type, encoded) for i in range(priors)
            ]
            order = [i for i in range(priors) if confidence is None or scores[n, i, label] > F(confidence)]
            order.sort(key=lambda i: -scores[n, i, label])
            if top_k > -1:
                order = order[:top_k]
            kept, limit = [], F(threshold)
            for i in order:
                if all(jaccard(boxes[i], boxes[j]) <= limit for j in kept):
                    kept.append(i)
                    if eta < 1 and limit > 0.5:
                        limit = limit * F(eta)
            found += [(scores[n, i, label], label, boxes[i]) for i in kept]
        if keep > -1 and len(found) > keep:
            found = sorted(found, key=lambda entry: -entry[0])[:keep]
            found.sort(key=lambda entry: entry[1])
        rows += [[n, label, score, *box] for score, label, box in found]
    rows = rows or [[n, *[-1] * 6] for n in range(images)]
    return np.array(rows, F).reshape(1, 1, -1, 7)


def normalize(x, scale, across_spatial, eps):
    """SSD's Normalize; ``scale`` has one value, or one for each channel."""
    out = np.empty_like(x)
    scale = np.broadcast_to(scale, x.shape[1:2])
    for n, c, h, w in np.ndindex(x.shape):
        group = x[n] if across_spatial else x[n, :, h, w]
        out[n, c, h, w] = x[n, c, h, w] / math.sqrt((group.astype(np.float64) ** 2).sum() + eps) * scale[c]
    return out


# -- regions --------------------------------------------------------------------------------------


def span(index, size, start, limit, fractional):
    """The pixels of a bin along one axis."""
    if fractional:
        first, last = math.floor(F(index) * size + start), math.ceil(F(index + 1) * size + start)
    else:
        first, last = math.floor(F(index) * size) + start, math.ceil(F(index + 1) * size) + start
    return min(max(first, 0), limit), min(max(last, 0), limit)


def roi_pooling(x, rois, pooled, scale):
    """Fast R-CNN's ROIPooling."""
    out = np.zeros((len(rois), x.shape[1], *pooled), F)
    for r, (image, *corners) in enumerate(rois):
        x1, y1, x2, y2 = (away(c * F(scale)) for c in corners)
        height, width = F(max(y2 - y1 + 1, 1)) / F(pooled[0]), F(max(x2 - x1 + 1, 1)) / F(pooled[1])
        for i, j in np.ndindex(*pooled):
            (top, bottom), (left, right) = span(i, height, y1, x.shape[2], False), span(j, width, x1, x.shape[3], False)
            if bottom > top and right > left:
                out[r, :, i, j] = x[int(image), :, top:bottom, left:right].max((1, 2))
    return out


def psroi_pooling(x, rois, depth, group, scale):
    """R-FCN's PSROIPooling."""
    out = np.zeros((len(rois), depth, group, group), F)
    for r, (image, *corners) in enumerate(rois):
        x1, y1, x2, y2 = (F(away(c) + far) * F(scale) for c, far in zip(corners, (0, 0, 1, 1), strict=True))
        height, width = max(y2 - y1, F(0.1)) / F(group), max(x2 - x1, F(0.1)) / F(group)
        for i, j in np.ndindex(group, group):
            (top, bottom), (left, right) = span(i, height, y1, x.shape[2], True), span(j, width, x1, x.shape[3], True)
            for d in range(depth):
                plane = x[int(image), (d * group + i) * group + j, top:bottom, left:right]
                out[r, d, i, j] = plane.astype(np.float64).mean() if bottom > top and right > left else 0
    return out


def anchors(scales, ratios):
    """Faster R-CNN's anchors around a square of 16 pixels whose corner is at 0: widths and heights count both end pixels."""
    boxes = []
    for ratio in ratios:
        width = np.round(math.sqrt(16 * 16 / ratio))
        height = np.round(width * ratio)
        for scale in scales:
            w, h = width * scale, height * scale
            boxes.append([7.5 - (w - 1) / 2, 7.5 - (h - 1) / 2, 7.5 + (w - 1) / 2, 7.5 + (h - 1) / 2])
    return boxes


def proposal(
    scores, deltas, info, stride, scales=(8, 16, 32), ratios=(0.5, 1, 2), before=6000, after=300, threshold=0.7, smallest=16
):
    """Faster R-CNN's Proposal for one image: regions and their scores."""
    shapes = anchors(scales, ratios)
    candidates = []
    for h, w, a in np.ndindex(scores.shape[2], scores.shape[3], len(shapes)):
        x1, y1, x2, y2 = (F(side + shift) for side, shift in zip(shapes[a], (w * stride, h * stride) * 2, strict=True))
        dx, dy, dw, dh = deltas[0, 4 * a : 4 * a + 4, h, w]
        width, height = x2 - x1 + F(1), y2 - y1 + F(1)
        x, y = dx * width + (x1 + F(0.5) * width), dy * height + (y1 + F(0.5) * height)
        reach_x, reach_y = F(0.5) * (np.exp(dw) * width), F(0.5) * (np.exp(dh) * height)
        box = [x - reach_x, y - reach_y, x + reach_x, y + reach_y]
        box = [max(min(v, info[0, 1 - i % 2] - F(1)), F(0)) for i, v in enumerate(box)]
        if min(box[2] - box[0], box[3] - box[1]) + F(1) >= smallest * info[0, 2]:
            candidates.append((scores[0, len(shapes) + a, h, w], box))
    candidates.reverse()  # of equal scores the later place comes first
    candidates = sorted(candidates, key=lambda entry: -entry[0])[:before]
    kept = []
    for score, box in candidates:
        if len(kept) < after and all(overlap_in_pixels(box, other) <= threshold for _, other in kept):
            kept.append((score, box))
    regions = np.array([[0, *box] for _, box in kept], F).reshape(-1, 5)
    return regions, np.array([[score] for score, _ in kept], F).reshape(-1, 1)


def overlap_in_pixels(a, b):
    """Intersection over union of boxes whose far corners are pixels of theirs."""
    width = max(min(a[2], b[2]) - max(a[0], b[0]) + 1, F(0))
    height = max(min(a[3], b[3]) - max(a[1], b[1]) + 1, F(0))
    both = width * height
    return both / ((a[2] - a[0] + 1) * (a[3] - a[1] + 1) + (b[2] - b[0] + 1) * (b[3] - b[1] + 1) - both)


# -- resampling -----------------------------------------------------------------------------------


def interp(x, size):
    """DeepLab's Interp: bilinear, the corners of input and output on each other."""
    out = np.empty((*x.shape[:2], *size), F)
    if tuple(size) == x.shape[2:]:
        return x
    ratios = [F(old - 1) / F(new - 1) if new > 1 else F(0) for old, new in zip(x.shape[2:], size, strict=True)]
    for h, w in np.ndindex(*size):
        y, x_ = ratios[0] * F(h), ratios[1] * F(w)
        top, left = int(y), int(x_)
        bottom, right = min(top + 1, x.shape[2] - 1), min(left + 1, x.shape[3] - 1)
        v, u = y - top, x_ - left
        upper = (1 - u) * x[:, :, top, left] + u * x[:, :, top, right]
        lower = (1 - u) * x[:, :, bottom, left] + u * x[:, :, bottom, right]
        out[:, :, h, w] = (1 - v) * upper + v * lower
    return out


def upsample(x, scale):
    """darknet2caffe's Upsample."""
    out = np.empty((*x.shape[:2], x.shape[2] * scale, x.shape[3] * scale), F)
    for h, w in np.ndindex(out.shape[2:]):
        out[:, :, h, w] = x[:, :, h // scale, w // scale]
    return out


def unpool(x, mask, size):
    """SegNet's Upsample."""
    out = np.zeros((*x.shape[:2], size[0] * size[1]), F)
    for n, c, h, w in np.ndindex(x.shape):
        out[n, c, int(mask[n, c, h, w])] = x[n, c, h, w]
    return out.reshape(*x.shape[:2], *size)


def reorg(x, stride, reverse):
    """YOLO's Reorg, by the places in memory that it copies between: a dense one, and one spread over an image ``stride``
    times larger.
    """
    batch, channels, height, width = x.shape
    depth = channels // stride**2
    source, out = x.ravel(), np.empty(x.size, F)
    for n, c, h, w in np.ndindex(x.shape):
        dense = w + width * (h + height * (c + channels * n))
        block, channel = divmod(c, depth)
        column, row = w * stride + block % stride, h * stride + block // stride
        spread = column + width * stride * (row + height * stride * (channel + depth * n))
        if reverse:
            out[spread] = source[dense]
        else:
            out[dense] = source[spread]
    if reverse:
        return out.reshape(batch, depth, height * stride, width * stride)
    return out.reshape(batch, channels * stride**2, height // stride, width // stride)


def shuffle_channel(x, group):
    """ShuffleNet's ShuffleChannel."""
    out = np.empty_like(x)
    each = x.shape[1] // group
    for i, j in np.ndindex(group, each):
        out[:, j * group + i] = x[:, i * each + j]
    return out
