"""What is calculated with dimensions, beside what Python's operators do: extremes, broadcasting, bounds, substitution.

A ``Dim`` is an int or a ``Size``. A named dimension is never negative.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from dragoman.graph_ir.inference.size import Atom, Dim, Size, floor_divide, of_atom, terms_of


def ceil_divide(a: Dim, b: Dim) -> Dim:
    """⌈a / b⌉ for positive ``b``."""
    return (a + b - 1) // b


def maximum(*sizes: Dim) -> Dim:
    """The greatest."""
    return _extreme("max", sizes, at_least, max)


def minimum(*sizes: Dim) -> Dim:
    """The least."""
    return _extreme("min", sizes, lambda a, b: at_least(b, a), min)


def broadcast(*sizes: Dim) -> Dim:
    """The size that dimensions have together under numpy's rule; ``ValueError`` if they can't be together.

    Of two unlike names either may be 1, and then the other counts: that is ``broadcast(a, b)``. But ``broadcast(a, min(a, 5))`` is
    ``a``: where the second is less, it has to be 1.
    """
    kept: list[Dim] = []
    for size in sizes:
        parts = _operands(size, "broadcast")
        kept += [part for part in parts if part != 1 and part not in kept]
    kept = [part for part in kept if not any(_at_most(part, other) for other in kept)]
    known = [size for size in kept if isinstance(size, int)]
    if len(known) > 1:
        raise ValueError(f"{' and '.join(map(str, known))} don't broadcast")
    if known:
        return known[0]
    return _call("broadcast", kept) if len(kept) > 1 else kept[0] if kept else 1


def product(sizes: Iterable[Dim]) -> Dim:
    """The number of elements."""
    total: Dim = 1
    for size in sizes:
        total = total * size
    return total


def at_least(a: Dim, b: Dim) -> bool:
    """Whether ``a`` ≥ ``b`` whatever the names stand for, as far as can be seen."""
    difference, scale = a - b, 1
    for _ in range(_MOST_QUOTIENTS):
        low = lower_bound(difference)
        if low is not None and low > -scale:
            return True  # it is more than -1 / scale, and whole
        found = _a_quotient(difference)
        if found is None:
            return False
        quotient, factor = found
        numerator, denominator = quotient.operands
        assert isinstance(denominator, int)
        # (x - d + 1) / d ≤ ⌊x / d⌋ ≤ x / d
        bound = numerator if factor < 0 else numerator - (denominator - 1)
        difference = (difference - factor * of_atom(quotient)) * denominator + factor * bound
        scale *= denominator
    return False


_MOST_QUOTIENTS = 8


def _a_quotient(size: Dim) -> tuple[Atom, int] | None:
    """A quotient by a number that is a term of ``size``, and its coefficient."""
    for monomial, factor in terms_of(size).items():
        if len(monomial) == 1 and monomial[0].operation == "//" and isinstance(monomial[0].operands[1], int):
            return monomial[0], factor
    return None


def lower_bound(size: Dim) -> int | None:
    """A number that ``size`` is never below, if one can be seen."""
    if isinstance(size, int):
        return size
    low = 0
    for monomial, factor in size.terms.items():
        if not monomial:
            low += factor
        elif factor < 0:
            return None
        else:
            bounds = [_atom_bound(atom) for atom in monomial]
            if any(bound is None or bound < 0 for bound in bounds):
                return None
            low += factor * math.prod(bound or 0 for bound in bounds)
    return low


def substitute(size: Dim, values: Mapping[str, Dim]) -> Dim:
    """``size`` with names replaced; ``ZeroDivisionError`` or ``ValueError`` where that has no value."""
    if isinstance(size, int):
        return size
    total: Dim = 0
    for monomial, factor in size.terms.items():
        part: Dim = factor
        for atom in monomial:
            part = part * _substituted(atom, values)
        total = total + part
    return total


def evaluate(size: Dim, values: Mapping[str, int]) -> int | None:
    """What ``size`` is for these sizes of the named dimensions; None if some name has none."""
    found = substitute(size, values)
    return found if isinstance(found, int) else None


def _operands(size: Dim, operation: str) -> tuple[Dim, ...]:
    """What ``size`` is the ``operation`` of; itself if it is none."""
    if isinstance(size, Size) and len(size.terms) == 1:
        ((monomial, factor),) = size.terms.items()
        if factor == 1 and len(monomial) == 1 and monomial[0].operation == operation:
            return monomial[0].operands
    return (size,)


def _extreme(
    operation: str, sizes: Iterable[Dim], covers: Callable[[Dim, Dim], bool], choose: Callable[[Iterable[int]], int]
) -> Dim:
    parts = list(dict.fromkeys(part for size in sizes for part in _operands(size, operation)))
    known = [part for part in parts if isinstance(part, int)]
    parts = [part for part in parts if not isinstance(part, int)] + ([choose(known)] if known else [])
    kept: list[Dim] = []
    for index, part in enumerate(parts):
        if not any(covers(other, part) for other in (*kept, *parts[index + 1 :])):
            kept.append(part)
    return kept[0] if len(kept) == 1 else _call(operation, kept)


def _call(operation: str, operands: list[Dim]) -> Size:
    ordered = tuple(sorted(operands, key=lambda size: (isinstance(size, int), str(size))))
    return of_atom(Atom(f"{operation}({', '.join(map(str, ordered))})", operation, ordered))


def _at_most(size: Dim, limit: Dim) -> bool:
    """Whether ``size`` is the minimum of ``limit`` and others, none of which is 0."""
    operands = _operands(size, "min")
    return size != limit and limit in operands and all((lower_bound(part) or 0) > 0 for part in operands if part != limit)


_OPERATIONS: Mapping[str, Callable[..., Dim]] = {
    "//": floor_divide,
    "max": maximum,
    "min": minimum,
    "broadcast": broadcast,
}


def _substituted(atom: Atom, values: Mapping[str, Dim]) -> Dim:
    if not atom.operation:
        return values.get(atom.text, of_atom(atom))
    return _OPERATIONS[atom.operation](*(substitute(operand, values) for operand in atom.operands))


@lru_cache(maxsize=4096)
def _atom_bound(atom: Atom) -> int | None:
    if not atom.operation:
        return 0
    bounds = [lower_bound(operand) for operand in atom.operands]
    known = [bound for bound in bounds if bound is not None]
    if atom.operation == "max":
        return max(known, default=None)
    if len(known) < len(bounds):
        return None
    if atom.operation == "//":
        return known[0] // atom.operands[1] if isinstance(atom.operands[1], int) else (0 if min(known) >= 0 else None)
    return min(known) if atom.operation == "min" else min(0, *known)
