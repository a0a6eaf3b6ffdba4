"""The tolerance: how far two correct float32 computations of this very network lie apart, measured and not guessed.

With ``O`` the original's output, ``C`` the converted one's and ``C64`` the converted graph evaluated in float64, ``C - C64``
is one sample of the network's rounding noise. A second, independent one is ``C32 - C64``, where ``C32`` is the same graph
evaluated in float32 by our own evaluator, which sums in another order than the target's runtime. ``O - O64`` is a third
where the original can compute in float64. ``O`` and ``C`` agree when ``O - C`` is within ``K`` times the floor these give.

**O never enters the floor together with C's side.** ``O - C64`` would be the natural third sample of noise, and it would
make every verdict a pass: where the conversion is wrong, ``O - C64`` is the fault itself, the floor grows to the size of the
fault, and the ratio is 1. The same hole has a back door: if the *target's runtime or writer* is at fault, ``C - C64``
is the fault. So where ``C``'s noise decides, it is believed up to ``TRUST`` times the noise of ``C32``, which neither
side's runtime had a hand in.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

import numpy as np

from dragoman.validators.comparison import Norms, as_float64, distance, is_exact, largest, size, smallest, unequal_mask
from dragoman.validators.runners.base import Array

K = 10.0
"""How many times the noise floor two outputs may lie apart. Correct networks score about 1, real faults 40 and up."""

ULPS = 2.0
"""The floor is never less than this many units in the last place of the output's own scale."""

TRUST = 5.0
"""How many times the float32 evaluation's noise the converted output's own noise may be, and still be called noise."""

FEW = 64
"""In an output of fewer elements one sample's noise is often small by luck; it then also counts as what is usual for it."""

UNDECIDED = 0.01
"""The share of an output's elements that rounding alone may decide before the comparison says too little."""

DISCRETE = 2**20
"""Integers below this, in a float output, are integers on purpose; larger floats are integers because they have no fraction."""


@dataclass(frozen=True)
class Tolerance:
    """An explicit tolerance in place of the noise floor: agree where ``|O - C| <= atol + rtol * |O|``, for every element."""

    atol: float = 0.0
    rtol: float = 0.0

    def __post_init__(self) -> None:
        """``ValueError`` for a negative or non-finite tolerance: everything would pass, or nothing."""
        if not (np.isfinite([self.atol, self.rtol]).all() and self.atol >= 0 and self.rtol >= 0):
            raise ValueError(f"a tolerance is a finite number of 0 or more, not atol={self.atol}, rtol={self.rtol}")

    def __str__(self) -> str:
        """As the command line's options name it."""
        return f"atol={self.atol:g}, rtol={self.rtol:g}"

    def ratio(self, original: Array, converted: Array) -> float:
        """The largest ``|O - C| / (atol + rtol * |O|)``: at most 1 where they agree. Only finite elements count."""
        o, c = as_float64(original), as_float64(converted)
        finite = np.isfinite(o) & np.isfinite(c)
        error = np.abs(o[finite] - c[finite])
        bound = self.atol + self.rtol * np.abs(o[finite])
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.where(error == 0, 0.0, error / bound)
        return float(ratios.max()) if ratios.size else 0.0


@dataclass(frozen=True)
class Noise:
    """The measured noise of one output on one sample; a part is None where it wasn't or couldn't be measured."""

    ulps: Norms
    scale: Norms
    elements: int
    converted: Norms | None = None
    """``C - C64``"""
    evaluated: Norms | None = None
    """``C32 - C64``"""
    original: Norms | None = None
    """``O - O64``"""

    @property
    def implausible(self) -> float | None:
        """How many times the float32 evaluation's noise ``C - C64`` is, where that is too much to be rounding."""
        if self.converted is None or self.evaluated is None:
            return None
        excess = self.converted.ratio(largest(self.ulps, self.evaluated))
        return excess if excess > TRUST else None

    def floor(self, usual: Norms | None = None) -> Norms:
        """The noise floor. ``usual`` is the relative noise that this output commonly has, for outputs of few elements."""
        parts = [self.ulps]
        if self.original is not None:
            parts.append(self.original)
        if self.evaluated is not None:
            parts.append(self.evaluated)
        if self.converted is not None:
            trusted = self.converted
            if self.evaluated is not None:
                trusted = smallest(trusted, largest(self.ulps, self.evaluated).scaled(TRUST))
            parts.append(trusted)
        if usual is not None and self.elements < FEW:
            parts.append(Norms(usual.rms * self.scale.rms, usual.max * self.scale.max))
        return largest(*parts)

    @property
    def basis(self) -> str:
        """What the floor was measured from."""
        named = [
            ("float64 evaluation", self.converted),
            ("float32 evaluation", self.evaluated),
            ("original in float64", self.original),
        ]
        return " + ".join(name for name, part in named if part is not None) or "units in the last place"


def measure(
    converted: Array,
    c64: Array | None,
    c32: Array | None = None,
    original: Array | None = None,
    o64: Array | None = None,
) -> Noise:
    """The noise of a float output. A reference of another shape (a list whose length rounding decides) measures nothing."""
    reference = c64 if c64 is not None and c64.shape == converted.shape and not is_exact(c64) else None
    # Where C overflowed, C64 may be beyond float32 by many powers of ten: such elements say nothing of the scale of the rest.
    scale = size(converted if reference is None else np.where(np.isfinite(as_float64(converted)), reference, 0.0))
    info = np.finfo(converted.dtype) if converted.dtype.kind == "f" else np.finfo(np.float32)
    ulps = largest(scale.scaled(ULPS * float(info.eps)), Norms(float(info.tiny), float(info.tiny)))
    evaluated = None
    if reference is not None and c32 is not None and c32.shape == reference.shape:
        evaluated = distance(c32, reference)
    return Noise(
        ulps,
        scale,
        converted.size,
        None if reference is None else distance(converted, reference),
        evaluated,
        distance(original, o64) if original is not None and o64 is not None and original.shape == o64.shape else None,
    )


def usual_noise(samples: list[Noise]) -> Norms | None:
    """The median, over the samples, of an output's noise relative to its scale; None with too few samples to say."""
    relative = [(n.floor(), n.scale) for n in samples if n.scale.rms > 0 and n.converted is not None]
    if len(relative) < 3:
        return None
    return Norms(median(f.rms / s.rms for f, s in relative), median(f.max / s.max for f, s in relative))


def is_discrete(original: Array, converted: Array, c64: Array | None) -> bool:
    """Whether a float output holds indices, counts or decisions: integers on both sides and in float64, and small ones.

    Caffe's ArgMax and Threshold write such; they compare exactly, since a norm would let a class slip to its neighbour.
    """
    sides = [original, converted, *([] if c64 is None else [c64])]
    return all(s.dtype.kind == "f" and s.size and _integral(s) for s in sides)


def _integral(value: Array) -> bool:
    wide = as_float64(value)
    return bool(np.isfinite(wide).all() and (np.abs(wide) < DISCRETE).all() and (wide == np.rint(wide)).all())


def _same_kind(reference: Array, converted: Array) -> bool:
    return reference.dtype.kind == "f" == converted.dtype.kind or reference.dtype == converted.dtype


def rounding_decides(original: Array, converted: Array, c64: Array | None, c32: Array | None) -> bool:
    """Whether rounding alone explains that two discrete outputs differ.

    True only if, at every element that differs, the converted graph's own result changes with the precision or the order of
    summation: nobody can then say which answer is right. Outputs of different lengths need the graph's own length to change.
    """
    references = [r for r in (c64, c32) if r is not None and _same_kind(r, converted)]
    if original.shape != converted.shape:
        return any(r.shape != converted.shape for r in references)
    same = [r for r in references if r.shape == converted.shape]
    if not same:
        return False
    explained = np.logical_or.reduce([unequal_mask(r, converted) for r in same])
    return bool((~unequal_mask(original, converted) | explained).all())
