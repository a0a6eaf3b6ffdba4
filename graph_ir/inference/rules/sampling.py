"""Resizing, and sampling at computed places."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from dragoman.graph_ir.inference.call import Call, UnknownError, unless_none
from dragoman.graph_ir.inference.facts import UNKNOWN, Fact, Tensor
from dragoman.graph_ir.inference.rules.making import given_sizes
from dragoman.graph_ir.inference.size import Dim
from dragoman.graph_ir.inference.table import rule

_FINEST = 1 << 10
"""Denominators up to which float32 products are exact for every size that occurs."""


@rule("Resize")
def resize(c: Call) -> Fact:
    """⌊d·scale⌋ along the axes that have scales, or the given sizes."""
    dims = c.dims(0)
    old = len(c.node.inputs) == 2 and c.opset < 11
    axes = c.numbers("axes")
    where = list(range(len(dims))) if axes is None else [c.axis(axis, len(dims)) for axis in axes]
    if not old and c.has(3) and (c.sizes(3) != [] or not c.has(2)):
        sizes = c.sizes(3) or [None] * len(where)
        policy = c.text("keep_aspect_ratio_policy", "stretch")
        return _placed(
            c, dims, where, sizes if policy == "stretch" else _in_proportion([dims[a] for a in where], sizes, policy)
        )
    if c.text("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize":
        raise UnknownError
    return _scaled(c, dims, where, c.elements(1 if old else 2))


def _in_proportion(dims: Sequence[Dim], sizes: Sequence[Dim | None], policy: str) -> list[Dim | None]:
    """round(d·scale) with the one scale that the sizes allow; None where they aren't numbers."""
    pairs = [(d, size) for d, size in zip(dims, sizes, strict=False) if isinstance(d, int) and isinstance(size, int)]
    if len(pairs) < len(dims) or any(d == 0 for d, _ in pairs):
        return [None] * len(dims)
    scale = (min if policy == "not_larger" else max)(size / d for d, size in pairs)
    return [int(np.floor(d * scale + 0.5)) for d, _ in pairs]


@rule("Upsample")
def upsample(c: Call) -> Fact:
    """⌊d·scale⌋ along every axis."""
    dims = c.dims(0)
    scales = c.get("scales")
    return _scaled(c, dims, list(range(len(dims))), c.elements(1) if scales is None else np.array(scales, dtype=object))


def _scaled(c: Call, dims: tuple[Dim, ...], where: Sequence[int], scales: Any) -> Fact:
    if scales is None:
        return Tensor(None, tuple(UNKNOWN if axis in where else d for axis, d in enumerate(dims)))
    factors = list(scales.reshape(-1))
    return _placed(c, dims, where, [_times(dims[axis], f) for axis, f in zip(where, factors, strict=False)])


def _times(size: Dim, scale: Any) -> Dim | None:
    """⌊size·scale⌋ in float32; None where that can't be said of a name."""
    if not isinstance(scale, (int, float)):
        return size * scale if isinstance(size, int) and size == 1 else None
    if isinstance(size, int):
        return int(np.float32(size) * np.float32(scale))
    exact = Fraction(scale)
    return size * exact.numerator // exact.denominator if exact.denominator <= _FINEST else None


def _placed(c: Call, dims: tuple[Dim, ...], where: Sequence[int], sizes: Sequence[Dim | None]) -> Fact:
    if len(sizes) != len(where):
        c.fail(f"has {len(sizes)} scales or sizes for {len(where)} dimensions")
    found = list(dims)
    for axis, size in zip(where, sizes, strict=True):
        found[axis] = unless_none(size)
    return Tensor(None, tuple(found))


@rule("AffineGrid")
def affine_grid(c: Call) -> Fact:
    """Matrices (n, r, r + 1), size (n, c, d…) → (n, d…, r)."""
    sizes = given_sizes(c, 1)
    return Tensor(None, (sizes[0], *sizes[2:], len(sizes) - 2))


@rule("GridSample")
def grid_sample(c: Call) -> Fact:
    """X (n, c, d…), grid (n, o…, r) → (n, c, o…)."""
    return Tensor(None, (*c.dims(0)[:2], *c.dims(1)[1:-1]))
