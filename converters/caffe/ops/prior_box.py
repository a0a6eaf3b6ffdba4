"""SSD's PriorBox."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from onnx_ir import Value

from dragoman.converters.caffe.net_builder import NetBuilder
from dragoman.converters.caffe.network import Layer
from dragoman.converters.caffe.schema import PriorBoxParameter
from dragoman.converters.caffe.table import layer_type

_SAME = 1e-6
"""Aspect ratios nearer than this are one."""


@layer_type("PriorBox")
def prior_box(g: NetBuilder, layer: Layer, x: Value, image: Value | None = None) -> Value:
    """SSD PriorBox: (N, C, H, W), the image (N, C', H', W') → (1, 2, H·W·priors·4), a constant: corners over the image's
    size, then variances. At each place come, for each min_size, its square, the square of √(min_size · max_size) if there are
    max_sizes, and boxes of the first square's area in the other aspect ratios. Sizes lose their fraction. SSD's
    prior_box_layer.cpp.
    """
    p = layer.param.prior_box_param
    _check(g, layer, p)
    height, width = g.sizes(layer, x, [2, 3], "each place has its own boxes")
    if p.has("img_size"):
        image_size = (p.img_size, p.img_size)
    elif p.has("img_h"):
        image_size = (p.img_h, p.img_w)
    elif image is not None:
        image_height, image_width = g.sizes(layer, image, [2, 3], "boxes are parts of the image's size")
        image_size = (image_height, image_width)
    else:
        raise g.malformed(layer, "has neither img_size nor a second bottom to say how large the image is")
    sides = _sides(p)
    if len(sides) != len(p.min_size) * len(_ratios(p)) + len(p.max_size):
        raise g.unsupported(layer, "an aspect ratio is too near to 1: its place among the boxes would stay unset")
    corners = _corners(p, (height, width), image_size, sides)
    variance = p.variance or [0.1]
    spread = np.resize(np.array(variance, np.float32), corners.size)
    return g.const(np.stack([corners.ravel(), spread])[None])


def _check(g: NetBuilder, layer: Layer, p: PriorBoxParameter) -> None:
    if not p.min_size or min(p.min_size) <= 0:
        raise g.malformed(layer, "needs a positive min_size")
    if any(ratio <= 0 for ratio in p.aspect_ratio):
        raise g.malformed(layer, "needs positive aspect ratios")
    if p.max_size and (len(p.max_size) != len(p.min_size) or any(b <= a for a, b in zip(p.min_size, p.max_size, strict=True))):
        raise g.malformed(layer, "needs as many max_sizes as min_sizes, each the greater, or none")
    if len(p.variance) not in (0, 1, 4) or any(v <= 0 for v in p.variance):
        raise g.malformed(layer, "needs 1 or 4 variances, all positive")
    for one, two in (("img_size", ("img_h", "img_w")), ("step", ("step_h", "step_w"))):
        pair = [name for name in two if p.has(name)]
        if pair and p.has(one):
            raise g.malformed(layer, f"has {one} and {pair[0]}; it may have one of them")
        if len(pair) == 1 or any(getattr(p, name) <= 0 for name in (one, *two) if p.has(name)):
            raise g.malformed(layer, f"needs {one} or both of {two[0]} and {two[1]}, positive")


def _ratios(p: PriorBoxParameter) -> list[float]:
    """1, then the ratios that aren't there yet, each followed by its inverse if they are flipped; as float32."""
    ratios = [1.0]
    for ratio in p.aspect_ratio:
        if all(abs(ratio - other) >= _SAME for other in ratios):
            ratios += [ratio, float(np.float32(1 / ratio))] if p.flip else [ratio]
    return ratios


def _sides(p: PriorBoxParameter) -> list[tuple[float, float]]:
    """Widths and heights in pixels, in the order of the boxes."""
    sides: list[tuple[float, float]] = []
    for index, given in enumerate(p.min_size):
        side = int(given)
        sides.append((side, side))
        if p.max_size:
            larger = math.sqrt(side * int(p.max_size[index]))
            sides.append((larger, larger))
        roots = [math.sqrt(ratio) for ratio in _ratios(p) if abs(ratio - 1) >= _SAME]
        sides += [(side * root, side / root) for root in roots]
    return sides


def _corners(
    p: PriorBoxParameter, size: tuple[int, int], image_size: tuple[int, int], sides: list[tuple[float, float]]
) -> npt.NDArray[np.float32]:
    """xmin, ymin, xmax, ymax as (H, W, priors, 4)."""
    given = (p.step_h, p.step_w) if p.has("step_h") else (p.step, p.step)
    steps = [np.float32(s) or np.float32(i) / np.float32(n) for s, i, n in zip(given, image_size, size, strict=True)]
    y, x = ((np.arange(n, dtype=np.float32) + np.float32(p.offset)) * step for n, step in zip(size, steps, strict=True))
    centers = np.stack(np.broadcast_arrays(x[None, :, None], y[:, None, None]), -1).astype(np.float64)
    halves = np.array(sides, np.float32).astype(np.float64) / 2
    corners = np.concatenate([centers - halves, centers + halves], -1) / np.array([*image_size[::-1]] * 2, np.float64)
    return corners.clip(0, 1).astype(np.float32) if p.clip else corners.astype(np.float32)
