"""Matrix products. Weights come in the precision they are stored in, and are converted a block at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dragoman.validators.evaluator.call import Array, EvaluationError, NodeCall
from dragoman.validators.evaluator.kernels.table import Family
from dragoman.validators.evaluator.precision import narrow

family = Family()

BLOCK = 1 << 22
"""Elements converted at a time: 32 MB of float64."""


GOLDEN = 0.6180339887498949
"""Multiples of this, less their whole parts, are spread evenly and never repeat."""


def product(a: Array, b: Array, order: int = 0) -> Array:
    """``a @ b``. In float32 the inner axis is summed in two parts; ``order`` says where it is cut, and its direction."""
    inner = a.shape[-1]
    if a.dtype != np.float32 or inner < (2 if order else 8) or a.ndim < 2 or b.ndim < 2:
        return np.asarray(a @ b)
    if order % 2:
        a, b = a[..., ::-1], b[..., ::-1, :]
    cut = max(1, int(inner * ((0.5 + order * GOLDEN) % 1)))
    total = np.asarray(a[..., :cut] @ b[..., :cut, :])
    total += a[..., cut:] @ b[..., cut:, :]
    return total


def _blocks(length: int, width: int) -> Iterator[slice]:
    step = max(1, BLOCK // max(width, 1))
    return (slice(start, min(start + step, length)) for start in range(0, length, step))


def _wide(x: Array, dtype: np.dtype[Any]) -> Array:
    return x.astype(dtype, copy=False) if narrow(x.dtype) else x


def product_of_stored(a: Array, b: Array, dtype: np.dtype[Any], order: int = 0) -> Array:
    """``a @ b`` where either may be in another precision; a large matrix ``b`` is never converted whole."""
    a = _wide(a, dtype)
    if b.ndim != 2 or b.size <= BLOCK or not narrow(b.dtype) or b.dtype == dtype or a.ndim < 1:
        return product(a, _wide(b, dtype), order)
    rows, columns = b.shape
    if a.shape[-1] != rows:
        raise EvaluationError(f"inner dimensions {a.shape[-1]} and {rows} differ")
    if b.flags.f_contiguous:
        return np.concatenate([product(a, b[:, part].astype(dtype), order) for part in _blocks(columns, rows)], -1)
    total = np.zeros((*a.shape[:-1], columns), dtype)
    for part in _blocks(rows, columns):
        total += product(a[..., part], b[part].astype(dtype), order)
    return total


@family.op("MatMul", storage=True)
def matmul(node: NodeCall, a: Array, b: Array) -> Array:
    """numpy's matrix product, broadcast over leading axes."""
    return product_of_stored(a, b, node.dtype, node.order)


@family.op("Gemm", storage=True)
def gemm(node: NodeCall, a: Array, b: Array, c: Array | None = None) -> Array:
    """``alpha A B + beta C``, with A and B transposed if asked for."""
    a = a.T if node.integer("transA", 0) else a
    b = b.T if node.integer("transB", 0) else b
    y = product_of_stored(a, b, node.dtype, node.order)
    alpha, beta = node.number("alpha", 1.0), node.number("beta", 1.0)
    if alpha != 1.0:
        y = (y * alpha).astype(y.dtype)
    if c is None or beta == 0.0:
        return y
    c = _wide(c, node.dtype)
    return np.asarray(y + (c if beta == 1.0 else (c * beta).astype(c.dtype)))


@family.op("Einsum")
def einsum(node: NodeCall, *xs: Array) -> Array:
    """Einstein's sum, by numpy."""
    return np.asarray(np.einsum(node.text("equation", ""), *xs, optimize=len(xs) > 1))
