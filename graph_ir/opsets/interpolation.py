"""Resampling one axis after another by Gather: what Resize computes, for the opsets whose Resize can't say it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from dragoman.graph_ir.opsets.arithmetic import Arithmetic, Number, whole
from dragoman.graph_ir.opsets.operators import cast
from dragoman.graph_ir.opsets.step import CannotConvertError, Emitter, dtype_of, rank


@dataclass(frozen=True)
class Axis:
    """One axis: sizes in int64 and the scale in float32, each a vector of one element."""

    place: int
    size: Number
    out: Number
    scale: Number


@dataclass(frozen=True)
class Method:
    """Resize's attributes."""

    mode: str
    coordinates: str
    nearest: str
    cubic: float
    exclude_outside: bool
    antialias: bool


_HALF = 1e-6
"""How near to a half ONNX Runtime takes the rest of a place for one."""


def real(*values: float) -> npt.NDArray[np.float32]:
    """A vector of float32."""
    return np.array(values, np.float32)


def resample(x: ir.Value, axes: list[Axis], method: Method, e: Emitter) -> ir.Value:
    """(…, size, …) → (…, out, …) on each axis."""
    n = Arithmetic(e)
    if method.mode != "nearest" and not dtype_of(x).is_floating_point():
        raise CannotConvertError("interpolation between integers")
    if method.coordinates == "tf_crop_and_resize":
        # Where the scale is 1, ONNX Runtime ignores the region, and the standard doesn't.
        raise CannotConvertError("a region, with antialiasing or an aspect ratio that is kept")
    if method.coordinates == "half_pixel_symmetric" and method.mode == "nearest" and method.nearest in ("floor", "ceil"):
        # The last bit of float32 decides between neighbours, and depends on the order of operations.
        raise CannotConvertError(f"half_pixel_symmetric coordinates with nearest_mode {method.nearest}")
    y = x if method.mode == "nearest" else cast(e, x, ir.DataType.FLOAT)
    for axis in axes:
        y = _resample_axis(y, axis, _coordinates(axis, method.coordinates, n), method, n)
    y = cast(e, y, dtype_of(x))
    return y if y is not x else e.op("Identity", x)


def _coordinates(axis: Axis, mode: str, n: Arithmetic) -> Number:
    """(out,): where in the input each element of the output lies, in the order of operations of ONNX Runtime."""
    i = n.cast(n.count(axis.out), np.float32)
    size, out = n.cast(axis.size, np.float32), n.cast(axis.out, np.float32)
    several = n.less(whole(1), axis.out)
    last = n.sub(size, real(1))
    steps = n.maximum(n.sub(out, real(1)), real(1))
    centred = n.div(n.add(i, real(0.5)), axis.scale)
    if mode == "asymmetric":
        return n.div(i, axis.scale)
    if mode == "tf_half_pixel_for_nn":  # ONNX Runtime leaves an axis of scale 1 as it is
        return n.where(n.equal(axis.scale, real(1)), i, centred)
    if mode == "align_corners":
        return n.div(n.mul(i, last), steps)
    half_pixel = n.sub(centred, real(0.5))
    if mode == "pytorch_half_pixel":
        return n.where(several, half_pixel, real(0))
    if mode == "half_pixel_symmetric":
        adjustment = n.div(out, n.mul(axis.scale, size))
        offset = n.mul(n.div(size, real(2)), n.sub(real(1), adjustment))
        return n.sub(n.add(offset, centred), real(0.5))
    if mode == "half_pixel":
        return half_pixel
    raise CannotConvertError(f"{mode} coordinates")


def _resample_axis(x: ir.Value, axis: Axis, at: Number, method: Method, n: Arithmetic) -> ir.Value:
    if method.mode == "nearest":
        index = n.cast(n.clip(_nearest(at, method.nearest, n), real(0), _last(axis, n)), np.int64)
        if isinstance(index, np.ndarray) and isinstance(axis.size, np.ndarray) and np.array_equal(index, np.arange(*axis.size)):
            return x
        return n.gather(x, index, axis.place)
    if isinstance(axis.scale, np.ndarray) and axis.scale.item() == 1:
        return x
    if method.antialias:
        return _antialiased(x, axis, at, method, n)
    dims = rank(x)
    terms = []
    for index, weight in _linear(at, axis, n) if method.mode == "linear" else _cubic(at, axis, method, n):
        terms.append(n.mul(n.gather(x, n.cast(index, np.int64), axis.place), n.along(weight, axis.place, dims)))
    result = terms[0]
    for term in terms[1:]:
        result = n.add(result, term)
    return n.value(result)


def _last(axis: Axis, n: Arithmetic) -> Number:
    return n.cast(n.sub(axis.size, whole(1)), np.float32)


def _nearest(at: Number, mode: str, n: Arithmetic) -> Number:
    if mode == "floor":
        return n.floor(at)
    if mode == "ceil":
        return n.ceil(at)
    low = n.floor(at)
    part = n.sub(at, low)
    up = n.less(real(0.5 - _HALF), part) if mode == "round_prefer_ceil" else n.less(real(0.5 + _HALF), part)
    return n.where(up, n.add(low, real(1)), low)


def _linear(at: Number, axis: Axis, n: Arithmetic) -> list[tuple[Number, Number]]:
    """Two (index, weight): the neighbours, at the edges the edge itself."""
    last = _last(axis, n)
    inside = n.clip(at, real(0), last)
    low = n.floor(inside)
    part = n.sub(inside, low)
    return [(low, n.sub(real(1), part)), (n.minimum(n.add(low, real(1)), last), part)]


def _cubic(at: Number, axis: Axis, method: Method, n: Arithmetic) -> list[tuple[Number, Number]]:
    """Four (index, weight); beyond the edges the edge's, or, if those are excluded, none, and the others make one."""
    last = _last(axis, n)
    low = n.floor(at)
    places = [n.add(low, real(k)) for k in (-1, 0, 1, 2)]
    weights = cubic_weights(n.sub(at, low), method.cubic, n)
    if method.exclude_outside:
        beyond = [n.either(n.less(p, real(0)), n.less(last, p)) for p in places]
        weights = [n.where(b, real(0), w) for b, w in zip(beyond, weights, strict=True)]
        whole_weight = n.add(n.add(weights[0], weights[1]), n.add(weights[2], weights[3]))
        weights = [n.div(w, whole_weight) for w in weights]
    return [(n.clip(p, real(0), last), w) for p, w in zip(places, weights, strict=True)]


def cubic_weights(part: Number, a: float, n: Arithmetic) -> list[Number]:
    """Keys' kernel at the distances 1 + part, part, 1 − part and 2 − part."""
    rest = n.sub(real(1), part)
    far, near = _far(a), _near(a)
    outer = (_polynomial(n.add(distance, real(1)), n, *far) for distance in (part, rest))
    inner = (_polynomial(distance, n, *near) for distance in (part, rest))
    return [next(outer), *inner, next(outer)]


def _far(a: float) -> tuple[float, ...]:
    """Keys' kernel from 1 to 2: a·t³ − 5a·t² + 8a·t − 4a."""
    return a, -5 * a, 8 * a, -4 * a


def _near(a: float) -> tuple[float, ...]:
    """Keys' kernel up to 1: (a + 2)·t³ − (a + 3)·t² + 1."""
    return a + 2, -(a + 3), 0.0, 1.0


def _polynomial(t: Number, n: Arithmetic, *coefficients: float) -> Number:
    value: Number = real(coefficients[0])
    for coefficient in coefficients[1:]:
        value = n.add(n.mul(value, t), real(coefficient))
    return value


def _antialiased(x: ir.Value, axis: Axis, at: Number, method: Method, n: Arithmetic) -> ir.Value:
    """A filter as wide as a step of the output is in the input: a product with a matrix (margin + size + margin, out).

    An axis whose size stays is copied. What lies beyond an edge is the edge, or weighs nothing if it is excluded; the weights
    of each output make one.
    """
    kept = n.equal(axis.size, axis.out)
    at = n.where(kept, n.cast(n.count(axis.out), np.float32), at)
    width = n.where(kept, real(1), n.maximum(real(1), n.div(real(1), axis.scale)))
    margin = n.cast(n.ceil(n.add(n.mul(real(1 if method.mode == "linear" else 2), width), real(1))), np.int64)
    places = n.sub(n.count(n.add(axis.size, n.add(margin, margin))), margin)
    column = n.cast(n.along(places, 0, 2), np.float32)
    distance = n.div(n.absolute(n.sub(column, n.along(at, 1, 2))), width)
    weights = n.maximum(real(0), n.sub(real(1), distance)) if method.mode == "linear" else _keys(distance, method.cubic, n)
    if method.exclude_outside:
        beyond = n.either(n.less(column, real(0)), n.less(_last(axis, n), column))
        weights = n.where(beyond, real(0), weights)
    matrix = n.div(weights, n.total(weights, 0))
    swapped = list(range(rank(x)))
    swapped[axis.place], swapped[-1] = swapped[-1], swapped[axis.place]
    wide = n.gather(x, n.clip(places, whole(0), n.sub(axis.size, whole(1))), axis.place)
    return n.permuted(n.product_with(n.permuted(wide, swapped), matrix), swapped)


def _keys(t: Number, a: float, n: Arithmetic) -> Number:
    """Keys' kernel at the distance ``t``: nothing from 2 on."""
    far = n.where(n.less(t, real(2)), _polynomial(t, n, *_far(a)), real(0))
    return n.where(n.less(t, real(1)), _polynomial(t, n, *_near(a)), far)
