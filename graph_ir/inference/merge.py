"""What the model declares of a value, beside what its operator says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from dragoman.graph_ir.inference.facts import Fact, OptionalOf, SequenceOf, Tensor, is_known, show
from dragoman.graph_ir.inference.size import Dim


class ConflictError(Exception):
    """The two contradict each other; the message says both."""


def merge(declared: Fact | None, inferred: Fact | None, invented: Callable[[Dim], bool]) -> Fact | None:
    """What both say together.

    A number is better than a name; a declared name is better than an ``invented`` one, and worse than arithmetic on names that
    the model has. Raises ``ConflictError``.
    """
    if declared is None or inferred is None:
        return declared if inferred is None else inferred
    if isinstance(declared, Tensor) and isinstance(inferred, Tensor):
        if declared.dtype is not None and inferred.dtype is not None and declared.dtype != inferred.dtype:
            raise ConflictError(f"{inferred.dtype.name.lower()}, and it is declared {declared.dtype.name.lower()}")
        dims = _merge_dims(declared.dims, inferred.dims, invented)
        dtype = inferred.dtype if inferred.dtype is not None else declared.dtype
        if dims == inferred.dims and dtype == inferred.dtype:
            return inferred
        return replace(inferred, dtype=dtype, dims=dims, sparse=declared.sparse)
    if isinstance(declared, SequenceOf) and isinstance(inferred, SequenceOf):
        # an empty sequence is of anything; a declared one may be of more than what is seen
        return replace(inferred, element=merge(declared.element, inferred.element, invented))
    if isinstance(declared, OptionalOf) and isinstance(inferred, OptionalOf):
        return replace(inferred, element=merge(declared.element, inferred.element, invented))
    raise ConflictError(f"a {_kind(inferred)}, and it is declared a {_kind(declared)}")


def _kind(fact: Fact) -> str:
    return {Tensor: "tensor", SequenceOf: "sequence", OptionalOf: "optional"}[type(fact)]


def _merge_dims(
    declared: tuple[Dim, ...] | None, inferred: tuple[Dim, ...] | None, invented: Callable[[Dim], bool]
) -> tuple[Dim, ...] | None:
    if declared is None or inferred is None or declared == inferred:
        return declared if inferred is None else inferred
    if len(declared) != len(inferred):
        raise ConflictError(f"of shape {show(inferred)}, and it is declared {show(declared)}")
    return tuple(_merge_dim(d, i, invented, declared, inferred) for d, i in zip(declared, inferred, strict=True))


def _merge_dim(d: Dim, i: Dim, invented: Callable[[Dim], bool], declared: tuple[Dim, ...], inferred: tuple[Dim, ...]) -> Dim:
    if isinstance(d, int) and isinstance(i, int) and d != i:
        raise ConflictError(f"of shape {show(inferred)}, and it is declared {show(declared)}")
    if isinstance(d, int) or not is_known(i):
        return d
    return i if isinstance(i, int) or not is_known(d) or not invented(i) else d
