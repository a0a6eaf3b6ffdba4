"""Sizes that aren't known yet, in a canonical form: what is built equal by different ways compares equal, and prints the same.

They are polynomials with integer coefficients over named dimensions, floor divisions, minima and maxima. Arithmetic gives an int
where the result is one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
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
        return _combined(((self.terms, 1), (terms_of(other), 1)))

    __radd__ = __add__

    def __sub__(self, other: Dim) -> Dim:
        if not isinstance(other, (int, Size)):
            return NotImplemented
        return _combined(((self.terms, 1), (terms_of(other), -1)))

    def __rsub__(self, other: Dim) -> Dim:
        return -self + other

    def __neg__(self) -> Size:
        return Size({monomial: -factor for monomial, factor in self.terms.items()})

    def __mul__(self, other: Dim) -> Dim:
        if not isinstance(other, (int, Size)):
            return NotImplemented
        products: dict[Monomial, int] = {}
        for left, a in self.terms.items():
            for right, b in terms_of(other).items():
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
    return of_atom(Atom(name))


def floor_divide(a: Dim, b: Dim) -> Dim:
    """⌊a / b⌋; ``ZeroDivisionError`` if ``b`` is 0. A named dimension that is divided by isn't 0."""
    if isinstance(b, int):
        if isinstance(a, int):
            return a // b
        if b == 0:
            raise ZeroDivisionError
        return _over_int(a, b) if b > 0 else _over_int(-a, -b)
    return _over_size(a, b)


def symbols(size: Dim) -> frozenset[str]:
    """The names that ``size`` depends on."""
    return size.names if isinstance(size, Size) else frozenset()


def terms_of(size: Dim) -> Mapping[Monomial, int]:
    """The coefficients of ``size``, that of the empty monomial if it is a number."""
    if isinstance(size, Size):
        return size.terms
    return {(): int(size)} if size else {}


def of_atom(atom: Atom) -> Size:
    """The atom itself as a size."""
    return Size({(atom,): 1})


# -- polynomials ----------------------------------------------------------------------------------------


def _text(atom: Atom) -> str:
    return atom.text


def _order(monomial: Monomial) -> tuple[int, str]:
    """High degrees first, the constant last, alphabetical between."""
    return -len(monomial), "*".join(map(_text, monomial))


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
    for _ in range(len(terms_of(a)) + 8):
        found = next((m for m in sorted(terms_of(a), key=_order) if _without(m, lead) is not None), None)
        if found is None or terms_of(a)[found] % b.terms[lead]:
            break
        left = _without(found, lead)
        assert left is not None
        part = _dim({left: terms_of(a)[found] // b.terms[lead]})
        rest = a - part * b
        if len(b.terms) > 1 and len(terms_of(rest)) > len(terms_of(a)):
            break
        whole, a = whole + part, rest
    if a == 0:
        return whole
    shared = _shared([*terms_of(a), *b.terms])
    scale = math.gcd(*terms_of(a).values(), *b.terms.values())
    if shared or scale > 1:
        upper, lower = (
            _dim({_without(m, shared) or (): factor // scale for m, factor in terms_of(size).items()}) for size in (a, b)
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
    return of_atom(Atom(f"{over}//{under}", "//", (a, b)))


def _plain(size: Size) -> bool:
    """Whether it prints as one word."""
    ((monomial, factor), *others) = size.terms.items()
    return not others and factor == 1 and len(monomial) == 1 and monomial[0].operation != "//"


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
