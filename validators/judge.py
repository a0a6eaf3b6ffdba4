"""Judges one pair of tensors: agreement by the noise floor, by an explicit tolerance, or exactly."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from dragoman.validators.comparison import Difference, Norms, compare, is_exact, unequal_mask
from dragoman.validators.noise import K, Noise, Tolerance, is_discrete, measure, rounding_decides
from dragoman.validators.report import Measurement
from dragoman.validators.runners.base import Array, dtype_name

Lazy = Callable[[], Array | None]
"""Gives a reference when it is needed: it costs another evaluation of the network."""


@dataclass(frozen=True)
class References:
    """What the noise of one output is measured from, as far as it is at hand.

    ``c64`` and ``c32`` are the converted graph's own values in float64 and float32, ``o64`` the original's in float64. The
    float32 evaluation is asked for only if a few units in the last place don't settle it.
    """

    c64: Array | None = None
    c32: Lazy = lambda: None
    o64: Array | None = None


NONE = References()


@dataclass(frozen=True)
class Judged:
    """The judgement on one output and sample; ``noise`` where a floor was used, for the outputs of few elements."""

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
    if difference.kind in ("dtype", "nonfinite"):
        return Judged(replace(blank, outcome="differs", ratio=math.inf), difference)
    if difference.kind == "shape":
        same_type = dtype_name(original) == dtype_name(converted)
        undecided = same_type and rounding_decides(original, converted, references.c64, references.c32())
        return Judged(replace(blank, outcome="undecided" if undecided else "differs", ratio=math.inf), difference)
    if tolerance is not None and not is_exact(converted):
        ratio = tolerance.ratio(original, converted)
        outcome = "agrees" if ratio <= 1 else "differs"
        return Judged(replace(blank, outcome=outcome, ratio=ratio, basis=str(tolerance)), difference)
    if is_exact(converted) or is_discrete(original, converted, references.c64):
        return Judged(_exactly(replace(blank, basis="exact"), original, converted, references), difference)
    noise = measure(converted, references.c64, None, original, references.o64)
    if not difference.norms.within(noise.ulps.scaled(K)) and noise.converted is not None:
        noise = measure(converted, references.c64, references.c32(), original, references.o64)
    return Judged(settle(blank, difference.norms, noise), difference, noise)


def _exactly(blank: Measurement, original: Array, converted: Array, references: References) -> Measurement:
    unequal = unequal_mask(original, converted)
    if not unequal.any():
        return replace(blank, outcome="agrees")
    if rounding_decides(original, converted, references.c64, references.c32()):
        return replace(blank, outcome="undecided", ratio=math.inf, detail="rounding alone decides these elements")
    return replace(blank, outcome="differs", ratio=math.inf, detail=f"{int(unequal.sum())} of {unequal.size} elements differ")


def settle(blank: Measurement, norms: Norms, noise: Noise, usual: Norms | None = None) -> Measurement:
    """The measurement with its floor, ratio and outcome."""
    floor = noise.floor(usual)
    ratio = norms.ratio(floor)
    sized = noise.converted is not None or noise.original is not None
    outcome = "agrees" if ratio <= K else "differs" if sized else "unsized"
    return replace(blank, outcome=outcome, ratio=ratio, floor_rms=floor.rms, floor_max=floor.max, basis=noise.basis)


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
