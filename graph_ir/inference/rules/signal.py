"""Fourier transforms."""

from __future__ import annotations

from dragoman.graph_ir.inference.call import Call, UnknownError, unless_none
from dragoman.graph_ir.inference.facts import UNKNOWN, Fact, Tensor
from dragoman.graph_ir.inference.table import rule


@rule("DFT")
def dft(c: Call) -> Fact:
    """(…, d, …, 1 or 2) → (…, length, …, 2); ``onesided`` gives length // 2 + 1."""
    dims = list(c.dims(0))
    if c.opset < 20:
        axis = c.number("axis", 1)
    elif c.has(2):
        given = c.constants(2)
        if given is None:
            raise UnknownError
        axis = given[0]
    else:
        axis = -2
    at = c.axis(axis, len(dims))
    onesided = bool(c.number("onesided", 0))
    if onesided and c.number("inverse", 0):
        raise UnknownError
    if c.has(1):
        sizes = c.sizes(1)
        dims[at] = unless_none(sizes[0] if sizes else None)
    if onesided and dims[at] is not UNKNOWN:
        dims[at] = dims[at] // 2 + 1
    dims[-1] = 2
    return Tensor(None, tuple(dims))


@rule("STFT")
def stft(c: Call) -> Fact:
    """(n, d, 1 or 2) → (n, (d - length) // step + 1, bins, 2); bins is length, ``onesided`` length // 2 + 1."""
    n, d, *_ = c.dims(0, 3)
    step, length = (None if not (sizes := c.sizes(index)) else sizes[0] for index in (1, 3))
    if length is None and c.has(2):
        length = c.dims(2, 1)[0]
    frames = bins = UNKNOWN
    if length is not None:
        bins = length // 2 + 1 if c.number("onesided", 1) else length  # type: ignore[assignment]
        if isinstance(step, int) and step:
            frames = (d - length) // step + 1  # type: ignore[assignment]
    return Tensor(None, (n, frames, bins, 2))
