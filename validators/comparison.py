"""How two tensors differ. Nothing is broadcast, sorted, cast or dropped on the way: what differs in kind differs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dragoman.validators.runners.base import Array, dtype_name

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Norms:
    """The size of a tensor or of a difference: root mean square, and largest magnitude, over its finite elements."""

    rms: float
    max: float

    def scaled(self, factor: float) -> Norms:
        """Both norms times ``factor``."""
        return Norms(self.rms * factor, self.max * factor)

    def within(self, bound: Norms) -> bool:
        """Whether neither norm exceeds ``bound``'s."""
        return self.rms <= bound.rms and self.max <= bound.max

    def ratio(self, floor: Norms) -> float:
        """The larger of the two quotients; 0/0 is 0, and more than 0 over 0 is infinite."""
        return max(_quotient(self.rms, floor.rms), _quotient(self.max, floor.max))


def _quotient(value: float, floor: float) -> float:
    if value == 0:
        return 0.0
    return value / floor if floor > 0 else math.inf


def largest(*norms: Norms) -> Norms:
    """Norm by norm the largest."""
    return Norms(max(n.rms for n in norms), max(n.max for n in norms))


def smallest(*norms: Norms) -> Norms:
    """Norm by norm the smallest."""
    return Norms(min(n.rms for n in norms), min(n.max for n in norms))


@dataclass(frozen=True)
class Element:
    """One element of both tensors: where, and what each side holds."""

    index: tuple[int, ...]
    original: float | int | bool | str
    converted: float | int | bool | str

    def __str__(self) -> str:
        """Where, and both values."""
        return f"[{', '.join(map(str, self.index))}]: original {_shown(self.original)}, converted {_shown(self.converted)}"


def _shown(value: float | int | bool | str) -> str:
    return f"{value:.9g}" if isinstance(value, float) else repr(value)


@dataclass(frozen=True)
class Difference:
    """How the original's tensor and the converted one differ.

    ``kind`` is "none", "dtype", "shape", "nonfinite" (NaN or infinity on one side only), "value" (an exact type differs) or
    "float" (finite values differ by ``norms``).
    """

    kind: str
    detail: str = ""
    norms: Norms = Norms(0.0, 0.0)
    worst: Element | None = None
    unequal: int = 0
    """How many elements aren't equal."""


def compare(original: Array, converted: Array) -> Difference:
    """Compare two tensors element by element: exactly for integers, booleans and text, by norms for floats."""
    kinds = dtype_name(original), dtype_name(converted)
    if kinds[0] != kinds[1]:
        return Difference("dtype", f"original is {kinds[0]}, converted is {kinds[1]}")
    if original.shape != converted.shape:
        return Difference("shape", f"original is {original.shape}, converted is {converted.shape}")
    if is_exact(original):
        return _compare_exact(original, converted)
    o, c = as_float64(original), as_float64(converted)
    masks = nonfinite_mismatch(o, c)
    if masks.any():
        worst = _element(original, converted, masks)
        return Difference("nonfinite", "NaN or infinity on one side only", Norms(math.inf, math.inf), worst, int(masks.sum()))
    with np.errstate(invalid="ignore"):
        magnitude = np.asarray(np.abs(o - c))  # numpy makes a scalar of a tensor without axes
    magnitude[~np.isfinite(o)] = 0.0
    if not magnitude.any():
        return Difference("none")
    index = np.unravel_index(int(np.argmax(magnitude)), magnitude.shape)
    return Difference("float", "", size(magnitude), _at(original, converted, index), int(np.count_nonzero(magnitude)))


def _compare_exact(original: Array, converted: Array) -> Difference:
    unequal = unequal_mask(original, converted)
    if not unequal.any():
        return Difference("none")
    count = int(unequal.sum())
    detail = f"{count} of {unequal.size} elements differ"
    return Difference("value", detail, Norms(math.inf, math.inf), _element(original, converted, unequal), count)


def is_exact(value: Array) -> bool:
    """Whether a tensor's type compares exactly: anything but floats (among them ml_dtypes', whose kind is "V") and complex."""
    return value.dtype.kind in "iubOUST"


def unequal_mask(a: Array, b: Array) -> Mask:
    """Where two tensors of one shape hold different values."""
    return np.asarray(a != b, dtype=bool).reshape(a.shape)


def nonfinite_mismatch(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> Mask:
    """Where one side holds NaN, +infinity or -infinity and the other not the same."""
    mask: Mask = (np.isnan(a) != np.isnan(b)) | (np.isposinf(a) != np.isposinf(b)) | (np.isneginf(a) != np.isneginf(b))
    return mask


def size(value: Array) -> Norms:
    """The norms of a tensor's finite elements; zero where there is none."""
    flat = as_float64(value).ravel()
    flat = flat[np.isfinite(flat)]
    if flat.size == 0:
        return Norms(0.0, 0.0)
    peak = float(np.abs(flat).max())
    if peak == 0:
        return Norms(0.0, 0.0)
    return Norms(peak * math.sqrt(float(np.mean(np.square(flat / peak)))), peak)  # scaled: squares must not overflow


def distance(value: Array, reference: Array) -> Norms:
    """The norms of ``value - reference`` where both are finite; the shapes must be equal."""
    if value.shape != reference.shape:
        raise AssertionError(f"shapes {value.shape} and {reference.shape}")
    a, b = as_float64(value), as_float64(reference)
    both = np.isfinite(a) & np.isfinite(b)
    return size(a[both] - b[both])


def as_float64(value: Array) -> npt.NDArray[np.float64]:
    """A float tensor in float64, in which every smaller format is exact. Complex numbers get a last axis of two parts."""
    if value.dtype.kind == "c":
        return np.stack([value.real, value.imag], -1).astype(np.float64)
    return value.astype(np.float64)


def _element(original: Array, converted: Array, mask: Mask) -> Element:
    return _at(original, converted, np.unravel_index(int(np.argmax(mask)), mask.shape))


def _at(original: Array, converted: Array, index: tuple[Any, ...]) -> Element:
    place = tuple(int(i) for i in index)[: original.ndim]
    return Element(place, _scalar(original[place]), _scalar(converted[place]))


def _scalar(value: Any) -> float | int | bool | str:
    if isinstance(value, np.generic) and value.dtype.kind == "V":
        return float(value)
    plain = value.item() if hasattr(value, "item") else value
    return plain if isinstance(plain, (bool, int, float, str)) else str(plain)
