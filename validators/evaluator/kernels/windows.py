"""Sliding windows: what convolution and pooling share of their attributes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from dragoman.validators.evaluator.call import Array, EvaluationError, NodeCall


@dataclass(frozen=True)
class Windows:
    """Windows over the spatial axes: everything has one entry for each axis."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    begin: tuple[int, ...]
    end: tuple[int, ...]
    """Padding as declared, or as ``auto_pad`` gives it."""
    size: tuple[int, ...]
    """The number of windows."""

    def offsets(self) -> Iterator[tuple[int, ...]]:
        """Each tap's distance from the window's corner, dilation included."""
        return product(*(range(0, k * d, d) for k, d in zip(self.kernel, self.dilations, strict=True)))

    def tap(self, padded: Array, offset: Sequence[int]) -> Array:
        """The element that each window has at ``offset``: a view (…, *size) of the padded tensor (…, *spatial)."""
        spatial = tuple(slice(o, o + (n - 1) * s + 1, s) for o, n, s in zip(offset, self.size, self.strides, strict=True))
        place: tuple[Any, ...] = (..., *spatial)
        return np.asarray(padded[place])

    def extent(self) -> tuple[int, ...]:
        """The padded size that the windows touch."""
        parts = zip(self.size, self.strides, self.kernel, self.dilations, strict=True)
        return tuple((n - 1) * s + (k - 1) * d + 1 for n, s, k, d in parts)

    def pad(self, x: Array, value: float) -> Array:
        """``x`` with its padding at each side, and more behind (or less) so that the windows just fit."""
        spatial = x.shape[x.ndim - len(self.kernel) :]
        behind = [max(0, e - b - n) for e, b, n in zip(self.extent(), self.begin, spatial, strict=True)]
        if not any(self.begin) and not any(behind):
            return x
        margins = [(0, 0)] * (x.ndim - len(spatial)) + list(zip(self.begin, behind, strict=True))
        return np.pad(x, margins, constant_values=value)


def windows(node: NodeCall, spatial: Sequence[int], kernel: Sequence[int], *, ceil_mode: bool = False) -> Windows:
    """The windows of a Conv or a pooling node over a tensor of this spatial size.

    Size by axis: ``floor((n + begin + end - (k - 1) d - 1) / s) + 1``; with ``ceil_mode`` rounded up, less a last window that
    starts in the padding behind; with ``auto_pad`` SAME_* ``ceil(n / s)``.
    """
    rank = len(spatial)
    strides, dilations = _each(node, "strides", rank), _each(node, "dilations", rank)
    if len(kernel) != rank or any(k < 1 for k in kernel):
        raise EvaluationError(f"kernel {list(kernel)} over {rank} spatial axes")
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    automatic = node.text("auto_pad", "NOTSET")
    if automatic in ("SAME_UPPER", "SAME_LOWER"):
        size = [-(-n // s) for n, s in zip(spatial, strides, strict=True)]
        total = [max(0, (o - 1) * s + r - n) for o, s, r, n in zip(size, strides, reach, spatial, strict=True)]
        begin = [(t + (automatic == "SAME_LOWER")) // 2 for t in total]
        end = [t - b for t, b in zip(total, begin, strict=True)]
        return Windows(tuple(kernel), strides, dilations, tuple(begin), tuple(end), tuple(size))
    pads = node.ints("pads", [0] * 2 * rank) if automatic == "NOTSET" else [0] * 2 * rank
    if len(pads) != 2 * rank or automatic not in ("NOTSET", "VALID"):
        raise EvaluationError(f"pads {pads} with auto_pad {automatic} over {rank} spatial axes")
    begin, end = pads[:rank], pads[rank:]
    size = []
    for n, b, e, r, s in zip(spatial, begin, end, reach, strides, strict=True):
        count = -(-(n + b + e - r) // s) + 1 if ceil_mode else (n + b + e - r) // s + 1
        if ceil_mode and (count - 1) * s >= n + b:
            count -= 1
        size.append(count)
    if any(count < 1 for count in size) or any(p < 0 for p in pads):
        raise EvaluationError(f"windows {reach} with pads {pads} don't fit a tensor of spatial size {list(spatial)}")
    return Windows(tuple(kernel), strides, dilations, tuple(begin), tuple(end), tuple(size))


def _each(node: NodeCall, name: str, rank: int) -> tuple[int, ...]:
    values = tuple(node.ints(name, [1] * rank))
    if len(values) != rank or any(v < 1 for v in values):
        raise EvaluationError(f"{name} {list(values)} over {rank} spatial axes")
    return values
