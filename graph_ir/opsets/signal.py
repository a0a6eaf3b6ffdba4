"""Signals: DFT and STFT as products with matrices of sines and cosines, windows, and the mel filter bank."""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.opsets.arithmetic import Arithmetic, Number, whole
from dragoman.graph_ir.opsets.operators import unsqueeze
from dragoman.graph_ir.opsets.step import (
    CannotConvertError,
    Emitter,
    TooLittleKnownError,
    attribute,
    constant_ints,
    input_at,
    lowers,
    needed,
    numpy_dtype,
    raises,
    rank,
    sizes,
)
from dragoman.graph_ir.passes.editing import constant

_FLOAT = ir.DataType.FLOAT.value


# -- DFT and STFT -----------------------------------------------------------------------------------------


@raises(20, "DFT")
def axis_as_input(node: ir.Node, e: Emitter) -> ir.Value:
    """The attribute, 1 if it isn't given, becomes a constant input, whose default is another."""
    axis = e.scalar(attribute(node, "axis", 1))
    given = {name: attribute(node, name, 0) for name in ("inverse", "onesided")}
    return e.op("DFT", needed(node, 0), input_at(node, 1), axis, **given)


@lowers(20, "DFT")
def axis_as_attribute(node: ir.Node, e: Emitter) -> ir.Value:
    """A constant axis, the last before the numbers' own if it isn't given, becomes the attribute; around one that the network
    computes, the other axes are put together: (before, L, after, 1 or 2)."""
    x, axis = needed(node, 0), input_at(node, 2)
    given = {name: attribute(node, name, 0) for name in ("inverse", "onesided")}
    if axis is None or constant(axis) is not None:
        place = (constant_ints(node, 2, "axis") or [-2])[0] % rank(x)
        return e.op("DFT", x, input_at(node, 1), axis=place, **given)
    n = Arithmetic(e)
    dims = rank(x)
    start = n.mod(n.along(n.cast(axis, np.int64), 0, 1), whole(dims))
    stop = n.add(start, whole(1))
    shape = e.op("Shape", x)
    before, length, after = (
        n.value(n.crop(shape, 0, a, b)) for a, b in ((whole(0), start), (start, stop), (stop, whole(dims - 1)))
    )
    one, first = e.vector(1), e.vector(0)
    around = [e.op("ReduceProd", e.op("Concat", part, one, axis=0), first) for part in (before, after)]
    parts = n.reshape(x, [around[0], length, around[1], n.size(x, dims - 1)])
    y = e.op("DFT", parts, input_at(node, 1), axis=1, **given)
    made = (e.op("Slice", e.op("Shape", y), *(e.vector(v) for v in bounds)) for bounds in ((1, 2), (3, 4)))
    return e.op("Reshape", y, e.op("Concat", before, next(made), after, next(made), axis=0))


@lowers(17, "DFT")
def dft(node: ir.Node, e: Emitter) -> ir.Value:
    """(…, L, …, 1 or 2) → (…, N or N/2 + 1, …, 2): Σ x_l · exp(−2πi · l · k / N) over l < N, what is missing being zero. The
    inverse has the other sign and is divided by N; the onesided inverse, of half of the numbers, is real: (…, N, …, 1)."""
    n = Arithmetic(e)
    x, axis = needed(node, 0), attribute(node, "axis", 1) % rank(needed(node, 0))
    inverse, onesided = bool(attribute(node, "inverse", 0)), bool(attribute(node, "onesided", 0))
    given, have = input_at(node, 1), n.size(x, axis)
    if given is not None:
        length = n.along(n.cast(n.of(given), np.int64), 0, 1)
    else:
        length = n.mul(n.sub(have, whole(1)), whole(2)) if inverse and onesided else have
    if not (inverse and onesided):
        return _spectrum(x, axis, length, inverse=inverse, onesided=onesided, e=e)
    half = n.add(n.div(length, whole(2)), whole(1))
    if given is not None and not (isinstance(half, np.ndarray) and isinstance(have, np.ndarray) and half.item() == have.item()):
        # ONNX Runtime computes something else than the standard if numbers are missing, or too many.
        raise CannotConvertError("the onesided inverse of numbers that aren't known to be as many as its length needs")
    return _from_half(x, axis, length, e)


def _spectrum(x: ir.Value, axis: int, length: Number, *, inverse: bool, onesided: bool, e: Emitter) -> ir.Value:
    n = Arithmetic(e)
    numbers = sizes(x)[-1]
    count = n.add(n.div(length, whole(2)), whole(1)) if onesided else length
    cosine, sine = _waves(n.size(x, axis), count, length, x, n)
    if inverse:
        scale = n.cast(length, numpy_dtype(x))
        cosine, sine = n.div(cosine, scale), n.sub(np.zeros(1, numpy_dtype(x)), n.div(sine, scale))
    real, minus = _component(x, 0, e), n.sub(np.zeros(1, numpy_dtype(x)), sine)
    re, im = _product(real, cosine, axis, n), _product(real, minus, axis, n)
    if numbers == 2 and not onesided:
        imaginary = _component(x, 1, e)
        re = e.op("Add", re, _product(imaginary, sine, axis, n))
        im = e.op("Add", im, _product(imaginary, cosine, axis, n))
    elif numbers != 1:
        raise CannotConvertError(
            "numbers that aren't known to be real or complex" if numbers is None else "onesided complex numbers"
        )
    last = rank(x) - 1
    return e.op("Concat", unsqueeze(e, re, [last]), unsqueeze(e, im, [last]), axis=last)


def _from_half(x: ir.Value, axis: int, length: Number, e: Emitter) -> ir.Value:
    """Every number but the first, and the one in the middle of an even length, stands for two that are conjugate."""
    n = Arithmetic(e)
    if sizes(x)[-1] != 2:
        raise CannotConvertError("the onesided inverse of numbers that aren't known to be complex")
    dtype = numpy_dtype(x)
    have = n.size(x, axis)
    cosine, sine = _waves(have, length, length, x, n)
    k = n.along(n.count(have), 0, 2)
    alone = n.either(n.equal(k, whole(0)), n.equal(n.mul(k, whole(2)), length))
    weight = n.div(n.where(alone, np.array([1], dtype), np.array([2], dtype)), n.cast(length, dtype))
    re = _product(_component(x, 0, e), n.mul(cosine, weight), axis, n)
    im = _product(_component(x, 1, e), n.mul(sine, weight), axis, n)
    return unsqueeze(e, e.op("Sub", re, im), [rank(x) - 1])


def _waves(have: Number, count: Number, length: Number, like: ir.Value, n: Arithmetic) -> tuple[Number, Number]:
    """cos and sin of 2π · l · k / length, (have, count) each; zero from the row ``length`` on."""
    row, column = n.along(n.count(have), 0, 2), n.along(n.count(count), 1, 2)
    turn = n.mod(n.mul(row, column), length)
    wide = np.float64 if isinstance(turn, np.ndarray) and isinstance(length, np.ndarray) else np.float32
    angle = n.div(n.mul(n.cast(turn, wide), np.array([2 * math.pi], wide)), n.cast(length, wide))
    used = n.less(row, length)
    waves = (n.where(used, wave, np.zeros(1, wide)) for wave in (n.cosine(angle), n.sine(angle)))
    cosine, sine = (n.cast(wave, numpy_dtype(like)) for wave in waves)
    return cosine, sine


def _component(x: ir.Value, index: int, e: Emitter) -> ir.Value:
    return e.op("Gather", x, e.scalar(index), axis=rank(x) - 1)


def _product(x: ir.Value, matrix: Number, axis: int, n: Arithmetic) -> ir.Value:
    """(…, n, …) → (…, m, …) along an axis, by a matrix (n, m)."""
    swapped = list(range(rank(x)))
    swapped[axis], swapped[-1] = swapped[-1], swapped[axis]
    return n.permuted(n.product_with(n.permuted(x, swapped), matrix), swapped)


@lowers(17, "STFT")
def stft(node: ir.Node, e: Emitter) -> ir.Value:
    """(B, L, 1 or 2) → (B, frames, N or N/2 + 1, 2): the DFT of every frame of N elements, times the window, ``frame_step`` apart."""
    n = Arithmetic(e)
    signal, window, given = needed(node, 0), input_at(node, 2), input_at(node, 3)
    if rank(signal) != 3:
        raise CannotConvertError("signals that aren't batches of real or complex numbers")
    step = n.along(n.cast(n.of(needed(node, 1)), np.int64), 0, 1)
    if given is not None:
        length = n.along(n.cast(n.of(given), np.int64), 0, 1)
    elif window is not None:
        length = n.size(window, 0)
    else:
        raise TooLittleKnownError("the length of its frames is missing")
    frames = n.add(n.div(n.sub(n.size(signal, 1), length), step), whole(1))
    index = n.add(n.along(n.mul(n.count(frames), step), 0, 2), n.along(n.count(length), 1, 2))
    framed = n.gather(signal, index, 1)
    if window is not None:
        framed = e.op("Mul", framed, n.value(n.along(n.of(window), 0, 2)))
    return _spectrum(framed, 2, length, inverse=False, onesided=bool(attribute(node, "onesided", 1)), e=e)


# -- windows and filters ----------------------------------------------------------------------------------


@lowers(17, "HannWindow")
def hann_window(node: ir.Node, e: Emitter) -> ir.Value:
    """1/2 − 1/2 · cos(2πi / N)."""
    return _window(node, (0.5, 0.5, 0.0), e)


@lowers(17, "HammingWindow")
def hamming_window(node: ir.Node, e: Emitter) -> ir.Value:
    """25/46 − 21/46 · cos(2πi / N)."""
    return _window(node, (25 / 46, 21 / 46, 0.0), e)


@lowers(17, "BlackmanWindow")
def blackman_window(node: ir.Node, e: Emitter) -> ir.Value:
    """0.42 − 0.5 · cos(2πi / N) + 0.08 · cos(4πi / N)."""
    return _window(node, (0.42, 0.5, 0.08), e)


def _window(node: ir.Node, coefficients: tuple[float, float, float], e: Emitter) -> ir.Value:
    """(size,): N is the size, or one less if the window isn't periodic."""
    n = Arithmetic(e)
    size = n.along(n.cast(n.of(needed(node, 0)), np.int64), 0, 1)
    wide = np.float64 if isinstance(size, np.ndarray) else np.float32
    a, b, c = (np.array([value], wide) for value in coefficients)
    period = size if attribute(node, "periodic", 1) else n.sub(size, whole(1))
    angle = n.div(n.mul(n.cast(n.count(size), wide), np.array([2 * math.pi], wide)), n.cast(period, wide))
    curve = n.sub(a, n.mul(b, n.cosine(angle)))
    if coefficients[2]:
        curve = n.add(curve, n.mul(c, n.cosine(n.mul(angle, np.array([2], wide)))))
    return _as_given(node, curve, n)


def _as_given(node: ir.Node, number: Number, n: Arithmetic) -> ir.Value:
    dtype = ir.DataType(attribute(node, "output_datatype", _FLOAT))
    if not dtype.is_floating_point():
        raise CannotConvertError("a window or filters of integers, which depend on how it was rounded")
    return n.value(n.cast(number, dtype.numpy()))


@lowers(17, "MelWeightMatrix")
def mel_weight_matrix(node: ir.Node, e: Emitter) -> ir.Value:
    """(dft_length / 2 + 1, mel bins): triangles from one frequency over the next to the one after; those are apart equally in mel,
    2595 · log10(1 + f / 700), and rounded down to a bin of the spectrum."""
    n = Arithmetic(e)
    bins, length, rate = (n.along(n.cast(n.of(needed(node, i)), np.int64), 0, 1) for i in range(3))
    lowest, highest = (n.along(n.cast(n.of(needed(node, i)), np.float64), 0, 1) for i in (3, 4))

    def wide(value: float) -> Number:
        return np.array([value], np.float64)

    def mel(hertz: Number) -> Number:
        return n.mul(n.logarithm(n.add(wide(1), n.div(hertz, wide(700)))), wide(2595 / math.log(10)))

    start, marks = mel(lowest), n.add(bins, whole(2))
    step = n.div(n.sub(mel(highest), start), n.cast(marks, np.float64))
    mark = n.add(start, n.mul(step, n.cast(n.count(marks), np.float64)))
    hertz = n.mul(n.sub(n.exponential(n.mul(mark, wide(math.log(10) / 2595))), wide(1)), wide(700))
    scaled = n.div(n.mul(n.cast(n.add(length, whole(1)), np.float64), hertz), n.cast(rate, np.float64))
    place = n.floor(scaled)
    low, middle, high = (n.pick(place, n.add(n.count(bins), whole(shift))) for shift in range(3))
    at = n.cast(n.along(n.count(n.add(n.div(length, whole(2)), whole(1))), 0, 2), np.float64)
    rising = n.div(n.sub(at, low), n.maximum(n.sub(middle, low), wide(1)))
    falling = n.div(n.sub(high, at), n.maximum(n.sub(high, middle), wide(1)))
    peak = n.where(n.less(at, middle), rising, n.where(n.less(middle, at), falling, wide(1)))
    beyond = n.either(n.less(at, low), n.less(high, at))
    return _as_given(node, n.where(beyond, wide(0), peak), n)
