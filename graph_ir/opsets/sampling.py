"""Sampling at places that the network computes: GridSample, AffineGrid, RoiAlign and DeformConv."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.opsets.arithmetic import Arithmetic, Number, whole
from dragoman.graph_ir.opsets.interpolation import cubic_weights, real
from dragoman.graph_ir.opsets.operators import cast, sum_over, unsqueeze
from dragoman.graph_ir.opsets.step import (
    CannotConvertError,
    Emitter,
    TooLittleKnownError,
    attribute,
    input_at,
    lowers,
    needed,
    numpy_dtype,
    raises,
    rank,
    sizes,
)

Taps = list[tuple[Number, Number | None]]
"""Along one axis, the elements that make a sample: places as float32 (M, P), and the weights of each (M, P), None for one."""


def sample(x: ir.Value, taps: Sequence[Taps], e: Emitter, *, owner: Number | None = None, zeros: bool = True) -> ir.Value:
    """(N, C, *D) at M·P places → (M, P, C): for each choice of taps, one for each axis of D, the product of their weights.

    ``owner`` (M, 1) says from which of N each row takes its samples; without it M is N. With ``zeros``, what lies outside is a
    zero, which is put behind the last element; without, every place must be inside.
    """
    n = Arithmetic(e)
    dims = rank(x)
    size = [n.size(x, axis) for axis in range(dims)]
    volume = n.product(size[2:])
    if owner is None:
        owner = n.along(n.count(size[0]), 0, 2)
    rows = n.reshape(e.op("Transpose", x, perm=[0, *range(2, dims), 1]), [n.mul(size[0], volume), size[1]])
    if zeros:
        rows = e.op("Pad", rows, e.vector(0, 0, 1, 0), e.const(0, numpy_dtype(x)))
    samples: list[Number] = []
    for choice in product(*taps):
        index: Number = whole(0)
        outside: Number = np.array([False])
        weight: Number | None = None
        for (place, factor), length in zip(choice, size[2:], strict=True):
            index = n.add(n.mul(index, length), n.cast(place, np.int64))
            if zeros:
                last = n.cast(n.sub(length, whole(1)), np.float32)
                outside = n.either(outside, n.either(n.less(place, real(0)), n.less(last, place)))
            if factor is not None:
                weight = factor if weight is None else n.mul(weight, factor)
        index = n.add(index, n.mul(owner, volume))
        if zeros:
            index = n.where(outside, n.mul(size[0], volume), index)
        found: Number = n.gather(rows, index, 0)
        if weight is not None:
            found = n.mul(found, n.cast(unsqueeze(e, n.value(weight), [2]), numpy_dtype(x)))
        samples.append(found)
    result = samples[0]
    for found in samples[1:]:
        result = n.add(result, found)
    return n.value(result)


def _linear(at: Number, n: Arithmetic) -> Taps:
    low = n.floor(at)
    part = n.sub(at, low)
    return [(low, n.sub(real(1), part)), (n.add(low, real(1)), part)]


# -- GridSample -------------------------------------------------------------------------------------------

_GRID_MODES = {"linear": "bilinear", "cubic": "bicubic", "nearest": "nearest"}


@raises(20, "GridSample")
def grid_sample_modes(node: ir.Node, e: Emitter) -> None:
    """The modes lost their two dimensions."""
    mode = attribute(node, "mode", "bilinear").removeprefix("bi")
    node.attributes["mode"] = ir.AttrString("mode", mode)


@lowers(20, "GridSample")
def grid_sample_of_images(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 20 there were only images (N, C, H, W), and the modes were called by their two dimensions."""
    mode = attribute(node, "mode", "linear")
    if rank(needed(node, 0)) != 4:
        return _grid_sample(node, mode, e)
    node.attributes["mode"] = ir.AttrString("mode", _GRID_MODES[mode])
    return None


@lowers(16, "GridSample")
def grid_sample(node: ir.Node, e: Emitter) -> ir.Value:
    """The samples, gathered."""
    return _grid_sample(node, attribute(node, "mode", "bilinear").removeprefix("bi"), e)


def _grid_sample(node: ir.Node, mode: str, e: Emitter) -> ir.Value:
    """(N, C, *D), (N, *O, k) → (N, C, *O): the grid's components go from the last axis to the first, each from −1 to 1."""
    n = Arithmetic(e)
    x, grid = needed(node, 0), needed(node, 1)
    count = rank(x) - 2
    if ir.DataType.DOUBLE in (x.dtype, grid.dtype):
        raise CannotConvertError("sampling in double precision")
    if mode == "cubic" and count != 2:
        raise CannotConvertError("cubic sampling of volumes")
    padding, corners = attribute(node, "padding_mode", "zeros"), bool(attribute(node, "align_corners", 0))
    outs = [n.size(grid, axis) for axis in range(1, count + 1)]
    batch, places = n.size(x, 0), n.product(outs)
    taps = []
    for axis in range(count):
        component = e.op("Gather", grid, e.scalar(count - 1 - axis), axis=count + 1)
        at = n.cast(n.reshape(component, [batch, places]), np.float32)
        taps.append(_grid_taps(at, n.cast(n.size(x, 2 + axis), np.float32), mode, padding, corners=corners, n=n))
    found = sample(x, taps, e, zeros=padding == "zeros")
    return n.reshape(e.op("Transpose", found, perm=[0, 2, 1]), [batch, n.size(x, 1), *outs])


def _grid_taps(at: Number, size: Number, mode: str, padding: str, *, corners: bool, n: Arithmetic) -> Taps:
    last = n.sub(size, real(1))
    at = n.add(at, real(1))
    at = n.mul(n.div(at, real(2)), last) if corners else n.div(n.sub(n.mul(at, size), real(1)), real(2))
    lowest, span = (real(0), last) if corners else (real(-0.5), size)

    def inside(place: Number) -> Number:
        """A place beyond the edges as the padding has it; of a reflection, at its turning points, as near as rounding leaves it."""
        if padding == "reflection":
            way = n.absolute(n.sub(place, lowest))
            there_and_back = n.maximum(n.mul(span, real(2)), real(1))
            way = n.sub(way, n.mul(n.floor(n.div(way, there_and_back)), there_and_back))
            return n.add(lowest, n.minimum(way, n.sub(n.mul(span, real(2)), way)))
        return n.clip(place, real(0), last) if padding == "border" else place

    def element(place: Number) -> Number:
        return place if padding == "zeros" else n.clip(inside(place), real(0), last)

    if mode == "nearest":
        return [(element(n.round(at)), None)]
    if mode == "linear":
        return [(element(place), weight) for place, weight in _linear(inside(at), n)]
    at = inside(at) if padding == "reflection" else at
    low = n.floor(at)
    weights = cubic_weights(n.sub(at, low), -0.75, n)
    return [(element(n.add(low, real(k - 1))), weight) for k, weight in enumerate(weights)]


# -- AffineGrid -------------------------------------------------------------------------------------------


@lowers(20, "AffineGrid")
def affine_grid(node: ir.Node, e: Emitter) -> ir.Value:
    """(N, k, k + 1), a size (N, C, *D) → (N, *D, k): Σ theta[:, :, j] · place_j + theta[:, :, k], the places from −1 to 1, the
    last axis of D first; between the edges' elements, or, without ``align_corners``, between the edges."""
    n = Arithmetic(e)
    theta = needed(node, 0)
    count = sizes(theta)[1]
    if count is None:
        raise TooLittleKnownError("its number of dimensions isn't known")
    size = n.cast(n.of(needed(node, 1)), np.int64)
    dtype = numpy_dtype(theta)
    one, two = np.array([1], dtype), np.array([2], dtype)

    def column(j: int) -> Number:
        taken = e.op("Gather", theta, e.scalar(j), axis=2)
        return e.op("Reshape", taken, e.vector(0, *[1] * count, count))

    grid = column(count)
    for j in range(count):
        axis = count - 1 - j
        length = n.part(size, 2 + axis, 3 + axis)
        i, width = n.cast(n.count(length), dtype), n.cast(length, dtype)
        if attribute(node, "align_corners", 0):
            place = n.sub(n.div(n.mul(i, two), n.maximum(n.sub(width, one), one)), one)
            place = n.where(n.equal(length, whole(1)), one, place)  # as ONNX Runtime has it; the standard doesn't say
        else:
            place = n.sub(n.div(n.add(n.mul(i, two), one), width), one)
        grid = n.add(grid, n.mul(column(j), n.along(place, 1 + axis, count + 2)))
    return n.value(grid)


# -- RoiAlign ---------------------------------------------------------------------------------------------


@raises(16, "RoiAlign")
def roi_align_with_its_mode(node: ir.Node, e: Emitter) -> None:
    """What was the only mode is no longer the default."""
    node.attributes["coordinate_transformation_mode"] = ir.AttrString("coordinate_transformation_mode", "output_half_pixel")


@lowers(16, "RoiAlign")
def roi_align_without_offset(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 16 coordinates weren't shifted by half a pixel, and regions were at least one pixel wide: the samples, gathered."""
    if attribute(node, "coordinate_transformation_mode", "half_pixel") == "output_half_pixel":
        del node.attributes["coordinate_transformation_mode"]
        return None
    if attribute(node, "mode", "avg") != "avg":
        # ONNX Runtime takes the greatest of the weighted corners, and the standard that of the samples.
        raise CannotConvertError("the maximum in a region of half_pixel coordinates")
    if not (ratio := attribute(node, "sampling_ratio", 0)):
        raise CannotConvertError("half_pixel coordinates of regions whose number of samples depends on their size")
    n = Arithmetic(e)
    x, regions, owner = needed(node, 0), needed(node, 1), needed(node, 2)
    count = n.size(regions, 0)
    outs = [attribute(node, name, 1) for name in ("output_height", "output_width")]
    scale = e.const(attribute(node, "spatial_scale", 1.0), np.float32)
    scaled = e.op("Sub", e.op("Mul", cast(e, regions, ir.DataType.FLOAT), scale), e.const(0.5, np.float32))
    taps = []
    for axis, out in enumerate(outs):
        start, stop = (e.op("Gather", scaled, e.vector(column), axis=1) for column in (1 - axis, 3 - axis))
        steps = (np.arange(out * ratio) + 0.5) / ratio
        at = n.add(start, n.mul(n.div(n.sub(stop, start), real(out)), steps.astype(np.float32)[None]))
        shape = (out * ratio, 1) if axis == 0 else (1, out * ratio)
        taps.append(_roi_taps(n.reshape(n.value(at), [count, *map(whole, shape)]), n.size(x, 2 + axis), n))
    grid = (outs[0] * ratio, outs[1] * ratio)
    flat: list[Taps] = [[(_flattened(place, grid, n), _flattened(weight, grid, n)) for place, weight in axis] for axis in taps]
    found = sample(x, flat, e, owner=n.along(owner, 0, 2))
    parts = [whole(size) for out in outs for size in (out, ratio)]
    summed = sum_over(e, n.reshape(found, [count, *parts, n.size(x, 1)]), [2, 4], keepdims=0)
    mean = e.op("Div", summed, e.const(ratio * ratio, numpy_dtype(x)))
    return e.op("Transpose", mean, perm=[0, 3, 1, 2])


def _roi_taps(at: Number, size: Number, n: Arithmetic) -> list[tuple[Number, Number]]:
    """Up to a pixel outside, the edge's; further outside, nothing: a place that is outside."""
    length = n.cast(size, np.float32)
    last = n.sub(length, real(1))
    nothing = n.either(n.less(at, real(-1)), n.less(length, at))
    inside = n.clip(at, real(0), last)
    low = n.floor(inside)
    part = n.sub(inside, low)
    high = n.minimum(n.add(low, real(1)), last)
    return [(n.where(nothing, real(-1), low), n.sub(real(1), part)), (n.where(nothing, real(-1), high), part)]


def _flattened(number: Number, grid: tuple[int, int], n: Arithmetic) -> Number:
    """(R, h, 1) or (R, 1, w) → (R, h · w)."""
    spread = n.value(n.add(number, np.zeros((1, *grid), np.float32)))
    return n.reshape(spread, [n.size(spread, 0), whole(grid[0] * grid[1])])


# -- DeformConv -------------------------------------------------------------------------------------------


@lowers(19, "DeformConv")
def deform_conv(node: ir.Node, e: Emitter) -> ir.Value:
    """(N, C, H, W) → (N, M, oH, oW): the elements under the kernel's k = kH · kW taps, each moved by its offset, are sampled, and
    are multiplied with the weights (M, C / group, kH, kW) as in a convolution."""
    n = Arithmetic(e)
    x, weight, offset, bias, mask = needed(node, 0), needed(node, 1), needed(node, 2), input_at(node, 3), input_at(node, 4)
    if rank(x) != 4:
        raise CannotConvertError("a deformed convolution of other than images")
    kernel = [size for size in attribute(node, "kernel_shape") or sizes(weight)[2:] if size is not None]
    if len(kernel) < 2:
        raise TooLittleKnownError("the size of its kernel isn't known")
    groups, parts = attribute(node, "group", 1), attribute(node, "offset_group", 1)
    strides, dilations = attribute(node, "strides", [1, 1]), attribute(node, "dilations", [1, 1])
    pads = attribute(node, "pads", [0, 0, 0, 0])
    taps_count = kernel[0] * kernel[1]
    batch, depth, outs = n.size(x, 0), n.size(x, 1), [n.size(offset, axis) for axis in (2, 3)]
    rows, spots = n.mul(batch, whole(parts)), n.product(outs)
    moved = n.reshape(offset, [rows, whole(taps_count), whole(2), *outs])
    tap = np.stack(np.meshgrid(*map(np.arange, kernel), indexing="ij")).reshape(2, -1)
    taps = []
    for axis in range(2):
        home = n.cast(n.sub(n.mul(n.count(outs[axis]), whole(strides[axis])), whole(pads[axis])), np.float32)
        start = (tap[axis] * dilations[axis]).astype(np.float32).reshape(1, -1, 1, 1)
        shift = n.cast(e.op("Gather", moved, e.scalar(axis), axis=2), np.float32)
        at = n.add(n.add(n.along(home, 2 + axis, 4), start), shift)
        taps.append(_linear(n.reshape(n.value(at), [rows, n.mul(whole(taps_count), spots)]), n))
    image = n.reshape(x, [rows, n.div(depth, whole(parts)), n.size(x, 2), n.size(x, 3)])
    found = e.op("Transpose", sample(image, taps, e), perm=[0, 2, 1])
    if mask is not None:
        found = e.op("Mul", found, n.reshape(mask, [rows, whole(1), n.mul(whole(taps_count), spots)]))
    inner = n.mul(n.div(depth, whole(groups)), whole(taps_count))
    columns = n.reshape(found, [batch, whole(groups), inner, spots])
    made = n.size(weight, 0)
    matrix = n.reshape(weight, [whole(groups), n.div(made, whole(groups)), inner])
    y = n.reshape(e.op("MatMul", matrix, columns), [batch, made, *outs])
    return y if bias is None else e.op("Add", y, n.reshape(bias, [whole(1), made, whole(1), whole(1)]))
