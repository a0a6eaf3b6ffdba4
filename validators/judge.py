"""Judges one pair of tensors: agreement by the noise floor, by an explicit tolerance, or exactly."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dragoman.validators.comparison import Difference, compare, is_exact, unequal_mask
from dragoman.validators.noise import (
    HOPELESS,
    RESHUFFLED,
    SUSPECT,
    Draw,
    K,
    Noise,
    Tolerance,
    chaotic_elements,
    is_discrete,
    measure,
    rounding_decides,
)
from dragoman.validators.report import Measurement
from dragoman.validators.runners.base import Array, dtype_name

Lazy = Callable[[], Array | None]
"""Gives a reference when it is needed: it costs another evaluation of the network."""


@dataclass(frozen=True)
class References:
    """What the noise of one output is measured from, as far as it is at hand, and evaluated only if it is asked for.

    ``c64`` and ``c32`` are the converted graph's own values in float64 and float32, ``o64`` the original's in float64, and
    ``draws`` more values in float32, made in other orders, each with the float64 value of its graph.
    """

    c64: Lazy = lambda: None
    c32: Lazy = lambda: None
    o64: Array | None = None
    draws: Callable[[], Sequence[Draw]] = tuple
    selects: bool = False
    """Whether the graph makes lists whose order or length hangs on comparisons: detections, sorted values."""

    def evaluations(self) -> list[list[Array]]:
        """What each graph gives in its several evaluations: the converted one, and the one that was drawn from.

        They stay apart. What differs between two graphs may be the fault itself; rounding is what differs within one.
        """
        own = [value for value in (self.c64(), self.c32()) if value is not None]
        draws = self.draws()
        return [own, [*(narrow for narrow, _ in draws), *(wide for _, wide in draws[:1])]]


NONE = References()


@dataclass(frozen=True)
class Judged:
    """The judgement on one output and sample; ``noise`` where a floor was used."""

    measurement: Measurement
    difference: Difference
    noise: Noise | None = None

    @property
    def elements(self) -> int:
        """How many elements the converted side's tensor has."""
        return math.prod(self.measurement.shape)

    @property
    def breaks_contract(self) -> bool:
        """Whether the tensors differ in dtype or shape, which no tolerance covers."""
        return self.difference.kind in ("dtype", "shape") and self.measurement.outcome == "differs"


def judge(
    sample: str, original: Array, converted: Array, references: References = NONE, tolerance: Tolerance | None = None
) -> Judged:
    """Compare one output on one sample."""
    difference = compare(original, converted)
    blank = _measurement(sample, converted, difference)
    if difference.kind in ("dtype", "shape", "nonfinite"):
        same_type = dtype_name(original) == dtype_name(converted)
        undecided = same_type and _rounding_decides(original, converted, references)
        return Judged(replace(blank, outcome="undecided" if undecided else "differs", ratio=math.inf), difference)
    if difference.kind == "none":
        return Judged(replace(blank, outcome="agrees", basis="exact"), difference)
    if tolerance is not None and not is_exact(converted):
        ratio = tolerance.ratio(original, converted)
        outcome = "agrees" if ratio <= 1 else "differs"
        return Judged(replace(blank, outcome=outcome, ratio=ratio, basis=str(tolerance)), difference)
    discrete = is_discrete(original) and is_discrete(converted)
    if is_exact(converted) or (discrete and ((c64 := references.c64()) is None or is_discrete(c64))):
        return Judged(_exactly(replace(blank, basis="exact"), original, converted, references), difference)
    noise = measure(converted, None)
    if difference.norms.within(noise.ulps.scaled(SUSPECT)):
        return Judged(_settled(blank, difference, noise), difference, noise)
    sides = converted, references.c64(), references.c32(), original, references.o64
    noise = measure(*sides)
    if SUSPECT < difference.norms.ratio(noise.floor()) < HOPELESS:
        noise = measure(*sides, references.draws())
    if references.selects and noise.chaotic:
        noise = _calm(noise, *sides)
    found = _settled(blank, difference, noise)
    if references.selects and found.outcome == "differs":
        found = _excused(found, original, converted, references, noise)
    return Judged(found, difference, noise)


def _calm(noise: Noise, converted: Array, c64: Array | None, c32: Array | None, original: Array, o64: Array | None) -> Noise:
    """The noise of the elements that rounding doesn't move far: some lists are in another order in float32 and float64."""
    if c64 is None or c32 is None or not c64.shape == c32.shape == converted.shape:
        return noise
    moved = chaotic_elements([[c64, c32]], converted.shape)
    if not moved.any() or moved.mean() >= RESHUFFLED:
        return noise
    return measure(converted, np.where(moved, converted, c64), np.where(moved, converted, c32), original, o64)


def _excused(found: Measurement, original: Array, converted: Array, references: References, noise: Noise) -> Measurement:
    """Undecided in place of differing, where only elements differ that the graph itself computes otherwise in float32.

    So it is with lists whose order hangs on scores that are equal but for rounding: detections, sorted values.
    """
    open_ones = chaotic_elements(references.evaluations(), converted.shape)
    if not open_ones.any():
        return found
    rest = compare(np.where(open_ones, converted, original), converted)
    if open_ones.mean() < RESHUFFLED and rest.norms.ratio(noise.floor()) > K:
        return found
    return replace(
        found, outcome="undecided", detail=f"rounding alone decides {int(open_ones.sum())} of {open_ones.size} elements"
    )


def _rounding_decides(original: Array, converted: Array, references: References) -> bool:
    evaluations = references.evaluations()
    if rounding_decides(original, converted, evaluations):
        return True
    return (
        references.selects
        and converted.dtype.kind == "f"
        and bool(chaotic_elements(evaluations, converted.shape).mean() >= RESHUFFLED)
    )


def _exactly(blank: Measurement, original: Array, converted: Array, references: References) -> Measurement:
    unequal = unequal_mask(original, converted)
    if rounding_decides(original, converted, references.evaluations()):
        return replace(blank, outcome="undecided", ratio=math.inf, detail="rounding alone decides these elements")
    return replace(blank, outcome="differs", ratio=math.inf, detail=f"{int(unequal.sum())} of {unequal.size} elements differ")


def _settled(blank: Measurement, difference: Difference, noise: Noise) -> Measurement:
    """The measurement with its floor, ratio and outcome."""
    floor = noise.floor()
    found = replace(blank, ratio=difference.norms.ratio(floor), floor_rms=floor.rms, floor_max=floor.max, basis=noise.basis)
    if found.ratio <= K:
        if noise.chaotic:
            return replace(found, outcome="undecided", detail="rounding alone moves it by more than 1% of its size")
        return replace(found, outcome="agrees")
    sized = noise.converted is not None or noise.original is not None
    return replace(found, outcome="differs" if sized else "unsized")


def _measurement(sample: str, converted: Array, difference: Difference) -> Measurement:
    return Measurement(
        sample,
        tuple(converted.shape),
        outcome="",
        ratio=0.0,
        rms=difference.norms.rms,
        max=difference.norms.max,
        worst=difference.worst,
        detail=difference.detail,
    )
