"""Sizes that aren't known yet: polynomials with integer coefficients over named dimensions, floor divisions, minima and maxima.

A ``Dim`` is an int or a ``Size``. Arithmetic gives ints where the result is one, and otherwise a canonical form: what is built
equal by different ways compares equal, and prints the same. A named dimension is never negative.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import TypeAlias


class Atom:
    """What a polynomial can't take apart: a name, or ``operation`` of ``operands`` (``//``, ``max``, ``min``, ``broadcast``)."""

    __slots__ = ("operands", "operation", "text")

    def __init__(self, text: str, operation: str = "", operands: tuple[Dim, ...] = ()) -> None:
        """``text`` is how it prints, which tells it from all others."""
        self.text = text
        self.operation = operation
        self.operands = operands

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Atom) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)


Monomial: TypeAlias = tuple[Atom, ...]
"""A product of atoms, sorted by their text; the empty one is 1."""


class Size:
    """A size that depends on named dimensions. Immutable; equal where the canonical text is."""

    __slots__ = ("_names", "_text", "terms")

    def __init__(self, terms: Mapping[Monomial, int]) -> None:
        """``terms``: the coefficient of each monomial, none of them 0."""
        self.terms = terms
        self._text = ""
        self._names: frozenset[str] | None = None

    def __str__(self) -> str:
        if not self._text:
            self._text = _print(self.terms)
        return self._text

    @property
    def names(self) -> frozenset[str]:
        """The names that it depends on."""
        if self._names is None:
            found: set[str] = set()
            for atom in {atom for monomial in self.terms for atom in monomial}:
                found.update(*(symbols(operand) for operand in atom.operands) if atom.operation else ((atom.text,),))
            self._names = frozenset(found)
        return self._names

    def __repr__(self) -> str:
        return f"Size({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Size) and str(self) == str(other))

    def __hash__(self) -> int:
        return hash(str(self))

    def __add__(self, other: Dim) -> Dim:
        if not isinstance(other, (int, Size)):
            return NotImplemented
        return _combined(((self.terms, 1), (_terms(other), 1)))

    __radd__ = __add__

    def __sub__(self, other: Dim) -> Dim:
        if not isinstance(other, (int, Size)):
            return NotImplemented
        return _combined(((self.terms, 1), (_terms(other), -1)))

    def __rsub__(self, other: Dim) -> Dim:
        return -self + other

    def __neg__(self) -> Size:
        return Size({monomial: -factor for monomial, factor in self.terms.items()})

    def __mul__(self, other: Dim) -> Dim:
        if not isinstance(other, (int, Size)):
            return NotImplemented
        products: dict[Monomial, int] = {}
        for left, a in self.terms.items():
            for right, b in _terms(other).items():
                monomial = tuple(sorted((*left, *right), key=_text)) if left and right else left or right
                products[monomial] = products.get(monomial, 0) + a * b
        return _dim(products)

    __rmul__ = __mul__

    def __floordiv__(self, other: Dim) -> Dim:
        return floor_divide(self, other) if isinstance(other, (int, Size)) else NotImplemented

    def __rfloordiv__(self, other: Dim) -> Dim:
        return floor_divide(other, self)

    def __mod__(self, other: Dim) -> Dim:
        return self - self // other * other if isinstance(other, (int, Size)) else NotImplemented

    def __rmod__(self, other: Dim) -> Dim:
        return other - other // self * self


Dim: TypeAlias = int | Size


def symbol(name: str) -> Size:
    """The dimension called ``name``."""
    return _of_atom(Atom(name))


def floor_divide(a: Dim, b: Dim) -> Dim:
    """⌊a / b⌋; ``ZeroDivisionError`` if ``b`` is 0. A named dimension that is divided by isn't 0."""
    if isinstance(b, int):
        if isinstance(a, int):
            return a // b
        if b == 0:
            raise ZeroDivisionError
        return _over_int(a, b) if b > 0 else _over_int(-a, -b)
    return _over_size(a, b)


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
        difference = (difference - factor * _of_atom(quotient)) * denominator + factor * bound
        scale *= denominator
    return False


_MOST_QUOTIENTS = 8


def _a_quotient(size: Dim) -> tuple[Atom, int] | None:
    """A quotient by a number that is a term of ``size``, and its coefficient."""
    for monomial, factor in _terms(size).items():
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


def symbols(size: Dim) -> frozenset[str]:
    """The names that ``size`` depends on."""
    return size.names if isinstance(size, Size) else frozenset()


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


# -- the canonical form ---------------------------------------------------------------------------------


def _text(atom: Atom) -> str:
    return atom.text


def _order(monomial: Monomial) -> tuple[int, str]:
    """High degrees first, the constant last, alphabetical between."""
    return -len(monomial), "*".join(map(_text, monomial))


def _terms(size: Dim) -> Mapping[Monomial, int]:
    if isinstance(size, Size):
        return size.terms
    return {(): int(size)} if size else {}


def _dim(terms: Mapping[Monomial, int]) -> Dim:
    kept = {monomial: factor for monomial, factor in terms.items() if factor}
    if not kept:
        return 0
    return kept[()] if len(kept) == 1 and () in kept else Size(kept)


def _combined(parts: Iterable[tuple[Mapping[Monomial, int], int]]) -> Dim:
    total: dict[Monomial, int] = {}
    for terms, sign in parts:
        for monomial, factor in terms.items():
            total[monomial] = total.get(monomial, 0) + sign * factor
    return _dim(total)


def _of_atom(atom: Atom) -> Size:
    return Size({(atom,): 1})


def _leading(size: Size) -> Monomial:
    return min((monomial for monomial in size.terms if monomial), key=_order)


def _over_int(a: Size, b: int) -> Dim:
    """⌊a / b⌋, b > 0: whole multiples come out, what is left has coefficients in 0 … b - 1 and no factor in common with b.

    ⌊-x / b⌋ is -⌊(x + b - 1) / b⌋, and ⌊(⌊x / c⌋ + k) / b⌋ is ⌊(x + k·c) / (b·c)⌋.
    """
    if b == 1:
        return a
    if a.terms[_leading(a)] < 0:
        return -1 * (((-1 * a) + (b - 1)) // b)
    whole = _dim({monomial: factor // b for monomial, factor in a.terms.items()})
    rest = _dim({monomial: factor % b for monomial, factor in a.terms.items()})
    if isinstance(rest, int):
        return whole
    common = math.gcd(b, *(factor for monomial, factor in rest.terms.items() if monomial))
    if common > 1:
        return whole + _dim({monomial: factor // common for monomial, factor in rest.terms.items()}) // (b // common)
    constant = rest.terms.get((), 0)
    inner = rest - constant
    if isinstance(inner, Size) and len(inner.terms) == 1:
        ((monomial, factor),) = inner.terms.items()
        if factor == 1 and len(monomial) == 1 and monomial[0].operation == "//":
            numerator, denominator = monomial[0].operands
            if isinstance(denominator, int):
                return whole + (numerator + constant * denominator) // (b * denominator)
    return whole + _quotient(rest, b)


def _over_size(a: Dim, b: Size) -> Dim:
    """⌊a / b⌋: multiples of ``b`` come out, then the factors that both have."""
    whole: Dim = 0
    lead = _leading(b)
    for _ in range(len(_terms(a)) + 8):
        found = next((m for m in sorted(_terms(a), key=_order) if _without(m, lead) is not None), None)
        if found is None or _terms(a)[found] % b.terms[lead]:
            break
        left = _without(found, lead)
        assert left is not None
        part = _dim({left: _terms(a)[found] // b.terms[lead]})
        rest = a - part * b
        if len(b.terms) > 1 and len(_terms(rest)) > len(_terms(a)):
            break
        whole, a = whole + part, rest
    if a == 0:
        return whole
    shared = _shared([*_terms(a), *b.terms])
    scale = math.gcd(*_terms(a).values(), *b.terms.values())
    if shared or scale > 1:
        upper, lower = (
            _dim({_without(m, shared) or (): factor // scale for m, factor in _terms(size).items()}) for size in (a, b)
        )
        return whole + upper // lower
    return whole + _quotient(a, b)


def _without(monomial: Monomial, part: Monomial) -> Monomial | None:
    """``monomial`` divided by ``part``, None if it isn't a multiple."""
    left = list(monomial)
    for atom in part:
        if atom not in left:
            return None
        left.remove(atom)
    return tuple(left)


def _shared(monomials: list[Monomial]) -> Monomial:
    """The factors that all have."""
    shared: list[Atom] = []
    rest = [list(monomial) for monomial in monomials]
    for atom in monomials[0]:
        if all(atom in other for other in rest):
            shared.append(atom)
            for other in rest:
                other.remove(atom)
    return tuple(shared)


def _quotient(a: Dim, b: Dim) -> Size:
    over = f"({a})" if isinstance(a, Size) and not _plain(a) else str(a)
    under = f"({b})" if isinstance(b, Size) and not _plain(b) else str(b)
    return _of_atom(Atom(f"{over}//{under}", "//", (a, b)))


def _plain(size: Size) -> bool:
    """Whether it prints as one word."""
    ((monomial, factor), *others) = size.terms.items()
    return not others and factor == 1 and len(monomial) == 1 and monomial[0].operation != "//"


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
    return _of_atom(Atom(f"{operation}({', '.join(map(str, ordered))})", operation, ordered))


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
        return values.get(atom.text, _of_atom(atom))
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


# -- how it prints --------------------------------------------------------------------------------------


def _print(terms: Mapping[Monomial, int]) -> str:
    """Positive terms first: ``4*batch``, ``h + w - 2``, ``3*(h//2) + n**2``."""
    ordered = sorted(terms.items(), key=lambda term: (not term[0], term[1] < 0, _order(term[0])))
    text = ""
    for monomial, factor in ordered:
        part = _print_term(monomial, abs(factor))
        if not text:
            text = part if factor > 0 else f"-({part})" if "//" in part and factor == -1 else f"-{part}"
        else:
            text += f" {'+' if factor > 0 else '-'} {part}"
    return text


def _print_term(monomial: Monomial, factor: int) -> str:
    if not monomial:
        return str(factor)
    alone = factor == 1 and len(monomial) == 1
    parts = [str(factor)] if factor != 1 else []
    for atom in dict.fromkeys(monomial):
        base = f"({atom.text})" if atom.operation == "//" and not alone else atom.text
        power = monomial.count(atom)
        parts.append(base if power == 1 else f"{base}**{power}")
    return "*".join(parts)
