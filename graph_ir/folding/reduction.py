"""Reductions along axes, running sums, the greatest and the products of matrices; floats are summed in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dragoman.graph_ir.folding.call import Array, Call, CannotFoldError, Kernel, axis_of, is_float, rounded


def _reduce(function: Callable[..., Any], *, integers: bool = True, sums: bool = True) -> Kernel:
    """``function(x, axis, keepdims)``; ``sums``: in float64, and rounded once."""

    def kernel(call: Call) -> Array:
        x, axes = call[0], call.ints(1, "axes")
        if not axes and call.attribute("noop_with_empty_axes", 0):
            if call.op_type not in ("ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceMean"):
                raise CannotFoldError("of each element alone")
            return x
        along = tuple(range(x.ndim)) if not axes else tuple(axis_of(axis, x.ndim) for axis in axes)
        if not x.size or (not integers and not is_float(x)):
            raise CannotFoldError("nothing to reduce")
        if x.dtype.kind == "f" and not sums and np.isnan(x).any():
            raise CannotFoldError("NaN")
        wide = x.astype(np.float64) if is_float(x) and sums else x
        options: dict[str, Any] = {"dtype": x.dtype} if sums and not is_float(x) else {}
        result = np.asarray(function(wide, axis=along, keepdims=bool(call.attribute("keepdims", 1)), **options))
        return rounded(result, x.dtype) if is_float(x) else result

    return kernel


def _l2(x: Array, axis: tuple[int, ...], keepdims: bool) -> Any:
    return np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))


def _arg(function: Callable[..., Any]) -> Kernel:
    def kernel(call: Call) -> Array:
        x = call[0]
        axis = axis_of(call.attribute("axis", 0), x.ndim)
        if call.attribute("select_last_index", 0) or not x.size or (is_float(x) and np.isnan(x).any()):
            raise CannotFoldError("select_last_index, or NaN")
        found = np.asarray(function(x, axis=axis), np.int64)
        return np.expand_dims(found, axis) if call.attribute("keepdims", 1) else found

    return kernel


def _cumulative_sum(call: Call) -> Array:
    x, axis = call[0], axis_of(int(call[1].reshape(-1)[0]), call[0].ndim)
    if call.attribute("exclusive", 0) or call.attribute("reverse", 0):
        raise CannotFoldError("exclusive or reverse")
    return np.cumsum(x, axis, dtype=x.dtype)


def _log_softmax(call: Call) -> Array:
    """x − max − ln Σ e^(x − max): the logarithm of a probability that vanishes is no infinity."""
    x = call[0]
    if call.opset < 13 or not is_float(x) or not x.size:
        raise CannotFoldError("over several axes, or of nothing")
    axis = axis_of(call.attribute("axis", -1), x.ndim)
    wide = x.astype(np.float64)
    shifted = wide - np.max(wide, axis=axis, keepdims=True)
    return rounded(shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True)), x.dtype)


def _matmul(call: Call) -> Array:
    a, b = call[0], call[1]
    if a.ndim == 0 or b.ndim == 0 or min(a.shape[-1], b.size, a.size) == 0:
        raise CannotFoldError("not matrices")
    rows, columns = a.shape[:-1][-1:], b.shape[-1:] if b.ndim > 1 else ()
    call.check((*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), *rows, *columns))
    if not is_float(a):
        return np.asarray(np.matmul(a, b))
    return rounded(np.matmul(a.astype(np.float64), b.astype(np.float64)), a.dtype)


KERNELS: dict[str, Kernel] = {
    "ReduceSum": _reduce(np.sum),
    "ReduceProd": _reduce(np.prod),
    "ReduceMean": _reduce(np.mean, integers=False),
    "ReduceL2": _reduce(_l2, integers=False),
    "ReduceMax": _reduce(np.max, sums=False),
    "ReduceMin": _reduce(np.min, sums=False),
    "ArgMax": _arg(np.argmax),
    "ArgMin": _arg(np.argmin),
    "CumSum": _cumulative_sum,
    "LogSoftmax": _log_softmax,
    "MatMul": _matmul,
}
