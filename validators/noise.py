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

One draw of noise isn't its size: where one or two elements hold an output (the scores of a sure classifier) an error is
small by luck in one draw of a few. So before two outputs are said to differ, the noise is drawn again: the graph is evaluated
in float32 several times, with every sum made in another order. The graph drawn from is the source's, before it was simplified,
if it is at hand: it rounds where the original does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dragoman.validators.comparison import (
    Mask,
    Norms,
    as_float64,
    distance,
    is_exact,
    largest,
    nonfinite_mismatch,
    size,
    smallest,
    unequal_mask,
)
from dragoman.validators.runners.base import Array

Draw = tuple[Array, Array]
"""One graph's value in float32 and in float64."""

K = 10.0
"""How many times the noise floor two outputs may lie apart. docs/verification.md has the numbers behind it."""

ULPS = 2.0
"""The floor is never less than this many units in the last place of the output's own scale."""

TRUST = 5.0
"""How many times the float32 evaluation's noise the converted output's own noise may be, and still be called noise."""

DRAWS = 5
"""How many more float32 evaluations size the noise of an output that seems to differ."""

SUSPECT = 5.0
"""The ratio up to which a few units in the last place, or one draw of noise, settle it; above it more noise is drawn."""

HOPELESS = 1000.0
"""The ratio above which no luck is left to be tested: two draws of noise are never both that small."""

CHAOS = 0.01
"""The noise, relative to the output's own size, above which agreement within ``K`` times it says too little."""

RESHUFFLED = 0.1
"""The share of an output's elements that rounding alone moves far, from which on the whole of it is undecided."""

UNDECIDED = 0.01
"""The share of an output's elements that rounding alone may decide before the sample says too little."""

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
    converted: Norms | None = None
    """``C - C64``"""
    evaluated: Norms | None = None
    """``C32 - C64``, the root mean square of all draws."""
    original: Norms | None = None
    """``O - O64``"""

    @property
    def implausible(self) -> float | None:
        """How many times the float32 evaluation's noise ``C - C64`` is, where that is too much to be rounding."""
        if self.converted is None or self.evaluated is None:
            return None
        excess = self.converted.ratio(largest(self.ulps, self.evaluated))
        return excess if excess > TRUST else None

    @property
    def chaotic(self) -> bool:
        """Whether rounding alone moves the output by so much of its own size that agreement within it is no evidence."""
        return self.floor().rms > max(CHAOS * self.scale.rms, self.ulps.rms)

    def floor(self) -> Norms:
        """The noise floor."""
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
    draws: Sequence[Draw] = (),
) -> Noise:
    """The noise of a float output. A reference of another shape (a list whose length rounding decides) measures nothing."""
    reference = c64 if c64 is not None and c64.shape == converted.shape and not is_exact(c64) else None
    # Where C overflowed, C64 may be beyond float32 by many powers of ten: such elements say nothing of the scale of the rest.
    scale = size(converted if reference is None else np.where(np.isfinite(as_float64(converted)), reference, 0.0))
    info = np.finfo(converted.dtype) if converted.dtype.kind == "f" else np.finfo(np.float32)
    ulps = largest(scale.scaled(ULPS * float(info.eps)), Norms(float(info.tiny), float(info.tiny)))
    evaluated = None
    if reference is not None and c32 is not None and c32.shape == reference.shape:
        drawn = [distance(narrow, wide) for narrow, wide in draws if narrow.shape == wide.shape == converted.shape]
        evaluated = largest(distance(c32, reference), _mean_square(drawn))
    return Noise(
        ulps,
        scale,
        None if reference is None else distance(converted, reference),
        evaluated,
        distance(original, o64) if original is not None and o64 is not None and original.shape == o64.shape else None,
    )


def chaotic_elements(evaluations: Sequence[Sequence[Array]], shape: tuple[int, ...]) -> Mask:
    """Where the graph's own values differ by more than ``CHAOS`` of the element and of the whole: lists that are ordered by rounding.

    Of the whole too, because the far tail of a softmax moves by more than its own hundredth, and nothing hangs on that. But of no
    more than 1, the size of a label or a score: in a list of detections they stand beside corners that may overflow.
    """
    moved = np.zeros(shape, bool)
    for graph in evaluations:
        same = [value for value in graph if value.shape == shape]
        for value in same[1:]:
            moved |= _far(value, same[0])
    return moved


def _far(value: Array, reference: Array) -> Mask:
    with np.errstate(over="ignore"):  # beyond float32's range is infinite on both sides
        wide, narrow = as_float64(reference.astype(np.float32)), as_float64(value)
    known = (wide != narrow) & ~np.isnan(wide) & ~np.isnan(narrow)
    with np.errstate(invalid="ignore"):
        scale = (
            math.sqrt(float(np.mean(np.square(wide, where=np.isfinite(wide), out=np.zeros_like(wide))))) if wide.size else 0.0
        )
        return np.asarray(known & ~(np.abs(narrow - wide) <= CHAOS * np.maximum(np.abs(wide), min(scale, 1.0))))


def _mean_square(norms: Sequence[Norms]) -> Norms:
    count = max(1, len(norms))
    return Norms(math.hypot(*(n.rms for n in norms)) / count**0.5, math.hypot(*(n.max for n in norms)) / count**0.5)


def is_discrete(value: Array) -> bool:
    """Whether a float tensor holds indices, counts or decisions: small integers.

    Caffe's ArgMax and Threshold write such; they compare exactly, since a norm would let a class slip to its neighbour.
    """
    if value.dtype.kind != "f" or not value.size:
        return False
    wide = as_float64(value)
    return bool(np.isfinite(wide).all() and (np.abs(wide) < DISCRETE).all() and (wide == np.rint(wide)).all())


def _same_kind(reference: Array, converted: Array) -> bool:
    return reference.dtype.kind == "f" == converted.dtype.kind or reference.dtype == converted.dtype


def rounding_decides(original: Array, converted: Array, evaluations: Sequence[Sequence[Array]]) -> bool:
    """Whether rounding alone explains that two outputs differ in discrete values, in length, or in which elements are finite.

    True only if, at every such element, one graph's own ``evaluations`` (the converted one's come first) change with the precision
    or the order of summation: nobody can then say which answer is right. Outputs of different lengths need a graph's own length
    to change.
    """
    graphs = [[value for value in graph if _same_kind(value, converted)] for graph in evaluations]
    # What runs is an evaluation of the converted graph too, unless the question is whether its runtime overflows.
    with_runtime = [[converted, *graphs[0]], *graphs[1:]] if graphs else []
    if original.shape != converted.shape:
        return any(len({value.shape for value in graph}) > 1 for graph in with_runtime)
    finiteness = converted.dtype.kind == "f" and not (is_discrete(original) and is_discrete(converted))
    unlike = _unlike_kind if finiteness else unequal_mask
    explained = np.zeros(converted.shape, bool)
    for graph in graphs if finiteness else with_runtime:
        same = [value for value in graph if value.shape == converted.shape]
        for value in same[1:]:
            explained |= unlike(value, same[0])
    return bool((~unlike(original, converted) | explained).all())


def _unlike_kind(a: Array, b: Array) -> Mask:
    """Where one is finite and the other isn't, or both are infinite or NaN in another way, once both are float32."""
    with np.errstate(over="ignore"):
        return nonfinite_mismatch(as_float64(a.astype(np.float32)), as_float64(b.astype(np.float32)))
