"""Resampling of images: Resize and GridSample."""

from __future__ import annotations

from itertools import product

import numpy as np

from dragoman.validators.evaluator.call import Array, Declined, EvaluationError, NodeCall, axis_of
from dragoman.validators.evaluator.kernels.table import Family

family = Family()


@family.op("Resize", "Upsample")
def resize(node: NodeCall, x: Array, *inputs: Array | None) -> Array:
    """Each axis resampled in turn, nearest, linear or cubic, at the coordinates that the transformation gives."""
    roi, scales, sizes = _resize_inputs(node, inputs)
    axes = [axis_of(a, x.ndim) for a in node.ints("axes")] if node.has("axes") else list(range(x.ndim))
    mode = node.text("mode", "nearest")
    transform = node.text("coordinate_transformation_mode", "half_pixel")
    if node.op == "Upsample" or node.version < 11:
        transform = "asymmetric"
    factors, lengths = _targets(node, [x.shape[a] for a in axes], scales, sizes)
    outside: list[tuple[int, Array]] = []
    y = x
    for k, axis in enumerate(axes):
        n, length = x.shape[axis], lengths[k]
        if factors[k] == 1.0 and length == n and transform != "tf_crop_and_resize":
            continue
        region = (float(roi[k]), float(roi[k + len(axes)])) if roi is not None and roi.size else (0.0, 1.0)
        places = _coordinates(transform, n, length, factors[k], region)
        matrix = _weights(node, mode, places, n, factors[k]).astype(x.dtype)
        if mode == "nearest":
            y = np.take(y, matrix.argmax(1), axis)
        else:
            y = np.moveaxis(np.moveaxis(y, axis, -1) @ matrix.T, -1, axis)
        if transform == "tf_crop_and_resize":
            outside.append((axis, (places < 0) | (places > n - 1)))
    if any(mask.any() for _, mask in outside):
        y = y.copy()
        for axis, mask in outside:
            np.moveaxis(y, axis, 0)[mask] = node.number("extrapolation_value", 0.0)
    return np.asarray(y).astype(x.dtype, copy=False)


def _resize_inputs(node: NodeCall, inputs: tuple[Array | None, ...]) -> tuple[Array | None, Array | None, Array | None]:
    """roi, scales and sizes, wherever the opset has them."""
    if node.op == "Upsample" or node.version < 11:
        given = inputs[0] if inputs else np.array(node.floats("scales"))
        return None, given, None
    roi, scales, sizes = (*inputs, None, None, None)[:3]
    return roi, scales if scales is not None and scales.size else None, sizes if sizes is not None and sizes.size else None


def _targets(node: NodeCall, lengths: list[int], scales: Array | None, sizes: Array | None) -> tuple[list[float], list[int]]:
    """The factor and the new length of each axis."""
    if scales is not None:
        factors = [float(s) for s in scales]
        return factors, [int(np.floor(n * f)) for n, f in zip(lengths, factors, strict=True)]
    if sizes is None:
        raise EvaluationError("has neither scales nor sizes")
    wanted = [int(s) for s in sizes]
    factors = [w / n for w, n in zip(wanted, lengths, strict=True)]
    policy = node.text("keep_aspect_ratio_policy", "stretch")
    if policy != "stretch":
        common = min(factors) if policy == "not_larger" else max(factors)
        factors = [common] * len(lengths)
        wanted = [int(np.floor(n * common + 0.5)) for n in lengths]
    return factors, wanted


def _coordinates(transform: str, n: int, length: int, factor: float, region: tuple[float, float]) -> Array:
    """Where each new element lies in the old axis."""
    k = np.arange(length, dtype=np.float64)
    if transform in ("half_pixel", "tf_half_pixel_for_nn"):
        return (k + 0.5) / factor - (0.5 if transform == "half_pixel" else 0.0)
    if transform == "half_pixel_symmetric":
        adjustment = length / (factor * n)
        return n / 2 * (1 - adjustment) + (k + 0.5) / factor - 0.5
    if transform == "pytorch_half_pixel":
        return (k + 0.5) / factor - 0.5 if length > 1 else np.zeros(length)
    if transform == "align_corners":
        return k * (n - 1) / (length - 1) if length > 1 else np.zeros(length)
    if transform == "asymmetric":
        return k / factor
    if transform == "tf_crop_and_resize":
        start, end = region
        if length == 1:
            return np.full(1, 0.5 * (start + end) * (n - 1))
        return start * (n - 1) + k * (end - start) * (n - 1) / (length - 1)
    raise EvaluationError(f"coordinate transformation {transform}")


def _weights(node: NodeCall, mode: str, places: Array, n: int, factor: float) -> Array:
    """The matrix (new length, old length) of one axis."""
    matrix = np.zeros((len(places), n))
    if mode == "nearest":
        if node.integer("antialias", 0):
            raise Declined
        matrix[np.arange(len(places)), np.clip(_nearest(node, places), 0, n - 1)] = 1
        return matrix
    if mode not in ("linear", "cubic"):
        raise EvaluationError(f"interpolation {mode}")
    a = node.number("cubic_coeff_a", -0.75)
    support = 1 if mode == "linear" else 2
    stretch = min(1.0, factor) if node.integer("antialias", 0) else 1.0
    reach = int(np.ceil(support / stretch)) + 1
    first = np.floor(places).astype(np.int64)
    total = np.zeros(len(places))
    rows = np.arange(len(places))
    for shift in range(1 - reach, reach + 1):
        taps = first + shift
        weight = _hat((taps - places) * stretch) if mode == "linear" else _cubic((taps - places) * stretch, a)
        if node.integer("exclude_outside", 0):
            weight = np.where((taps >= 0) & (taps < n), weight, 0)
        total += weight
        np.add.at(matrix, (rows, np.clip(taps, 0, n - 1)), weight)
    return np.asarray(matrix / total[:, None])


def _nearest(node: NodeCall, places: Array) -> Array:
    rounding = node.text("nearest_mode", "round_prefer_floor")
    if node.op == "Upsample" or node.version < 11:
        rounding = "floor"
    chosen = {
        "round_prefer_floor": np.ceil(places - 0.5),
        "round_prefer_ceil": np.floor(places + 0.5),
        "floor": np.floor(places),
        "ceil": np.ceil(places),
    }
    if rounding not in chosen:
        raise EvaluationError(f"nearest_mode {rounding}")
    return chosen[rounding].astype(np.int64)


def _hat(d: Array) -> Array:
    return np.asarray(np.maximum(0, 1 - np.abs(d)))


def _cubic(d: Array, a: float) -> Array:
    d = np.abs(d)
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0))


@family.op("GridSample")
def grid_sample(node: NodeCall, x: Array, grid: Array) -> Array:
    """(N, C, *spatial) at the grid (N, *out, rank), whose last axis holds coordinates -1…1, the innermost axis first."""
    rank = x.ndim - 2
    mode = {"bilinear": "linear", "bicubic": "cubic"}.get(node.text("mode", "linear"), node.text("mode", "linear"))
    padding, aligned = node.text("padding_mode", "zeros"), bool(node.integer("align_corners", 0))
    if mode not in ("linear", "nearest", "cubic") or padding not in ("zeros", "border", "reflection") or grid.shape[-1] != rank:
        raise EvaluationError(f"mode {mode}, padding {padding}, a grid of {list(grid.shape)} over {rank} spatial axes")
    places = []
    for k, n in enumerate(x.shape[2:]):
        g = grid[..., rank - 1 - k]
        place = (g + 1) / 2 * (n - 1) if aligned else ((g + 1) * n - 1) / 2
        if mode == "nearest":
            place = np.rint(place)
        places.append(_inside(place, n, padding, aligned) if mode != "cubic" else place)
    span = {"nearest": range(1), "linear": range(2), "cubic": range(-1, 3)}[mode]
    bases = [np.floor(p) for p in places]
    batch = np.arange(x.shape[0]).reshape((-1,) + (1,) * rank)
    total = np.zeros((*grid.shape[:-1], x.shape[1]), x.dtype)
    for shifts in product(span, repeat=rank):
        weight, valid, where = np.ones(grid.shape[:-1], x.dtype), np.ones(grid.shape[:-1], bool), []
        for k, (shift, n) in enumerate(zip(shifts, x.shape[2:], strict=True)):
            tap = bases[k] + shift
            if mode != "nearest":
                d = tap - places[k]
                weight = weight * (_hat(d) if mode == "linear" else _cubic(d, -0.75))
            tap = _inside(tap, n, padding, aligned) if mode == "cubic" else tap
            valid &= (tap >= 0) & (tap <= n - 1)
            where.append(np.clip(np.nan_to_num(tap), 0, n - 1).astype(np.int64))
        place = (batch, *where)
        values = np.moveaxis(x, 1, -1)[place]
        total += np.where(valid[..., None], values, 0) * weight[..., None]
    return np.moveaxis(total, -1, 1).astype(x.dtype, copy=False)


def _inside(place: Array, n: int, padding: str, aligned: bool) -> Array:
    """Coordinates brought into the image, as the padding mode says."""
    if padding == "zeros":
        return place
    if padding == "reflection":
        low, high = (0.0, n - 1.0) if aligned else (-0.5, n - 0.5)
        span = high - low
        if span == 0:
            return np.zeros_like(place)
        turn = np.mod(place - low, 2 * span)
        place = low + np.where(turn > span, 2 * span - turn, turn)
    return np.clip(place, 0, n - 1)
