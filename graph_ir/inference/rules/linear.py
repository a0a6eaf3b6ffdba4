"""Products of matrices and tensors."""

from __future__ import annotations

from dragoman.graph_ir.inference.call import Call, UnknownError
from dragoman.graph_ir.inference.dimension import broadcast
from dragoman.graph_ir.inference.facts import Fact, Tensor, show
from dragoman.graph_ir.inference.rules.elementwise import joint_dims
from dragoman.graph_ir.inference.size import Dim
from dragoman.graph_ir.inference.table import MICROSOFT, rule


@rule("MatMul", "MatMulInteger")
def matmul(c: Call) -> Fact:
    """(…, m, k) and (…, k, n) → (…, m, n), the others broadcast; a vector is a row on the left, a column on the right."""
    return Tensor(None, multiplied(c, c.dims(0), c.dims(1)))


@rule("QLinearMatMul")
def quantized_matmul(c: Call) -> Fact:
    """The same; the factors are inputs 0 and 3."""
    return Tensor(None, multiplied(c, c.dims(0), c.dims(3)))


def multiplied(c: Call, a: tuple[Dim, ...], b: tuple[Dim, ...]) -> tuple[Dim, ...]:
    """numpy.matmul's shape."""
    if not a or not b:
        c.fail(f"can't multiply {show(a)} by {show(b)}: one is a scalar")
    inner = b[-2] if len(b) > 1 else b[0]
    if isinstance(a[-1], int) and isinstance(inner, int) and a[-1] != inner:
        c.fail(f"can't multiply {show(a)} by {show(b)}: {a[-1]} isn't {inner}")
    outer = joint_dims(c, [a[:-2], b[:-2]])
    return (*outer, *a[-2:-1], *(b[-1:] if len(b) > 1 else ()))


@rule("Gemm")
@rule("FusedGemm", domain=MICROSOFT)
def gemm(c: Call) -> Fact:
    """A (m, k), B (k, n), either transposed → (m, n)."""
    a, b = c.dims(0, 2), c.dims(1, 2)
    a = a[::-1] if c.number("transA", 0) else a
    b = b[::-1] if c.number("transB", 0) else b
    if isinstance(a[1], int) and isinstance(b[0], int) and a[1] != b[0]:
        c.fail(f"can't multiply {show(a)} by {show(b)}: {a[1]} isn't {b[0]}")
    dims = (a[0], b[1])
    if c.has(2) and (added := c.maybe_dims(2)) is not None and joint_dims(c, [dims, added]) != dims and len(added) > 2:
        c.fail(f"{show(added)} doesn't broadcast to {show(dims)}")
    return Tensor(None, dims)


@rule("Einsum")
def einsum(c: Call) -> Fact:
    """The letters of the result; without ``->`` those that occur once, sorted, after what ``...`` stands for."""
    text = c.text("equation", "").replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(c.facts):
        c.fail(f"its equation {text} has {len(terms)} operands, it has {len(c.facts)} inputs")
    sizes: dict[str, list[Dim]] = {}
    spread: list[tuple[Dim, ...]] = []
    for index, term in enumerate(terms):
        dims = c.dims(index)
        head, dots, tail = term.partition("...")
        if len(head) + len(tail) > len(dims) or (not dots and len(head) != len(dims)):
            c.fail(f"its equation {text} doesn't fit {show(dims)}")
        if dots:
            spread.append(dims[len(head) : len(dims) - len(tail)])
        for letter, d in (*zip(head, dims, strict=False), *zip(tail[::-1], dims[::-1], strict=False)):
            sizes.setdefault(letter, []).append(d)
    if not arrow:
        letters = "".join(sorted(letter for letter in sizes if left.count(letter) == 1))
        right = f"...{letters}" if spread else letters
    ellipsis = joint_dims(c, spread) if spread else ()
    found: list[Dim] = []
    head, dots, tail = right.partition("...")
    for part in (head, None, tail):
        if part is None:
            found += ellipsis if dots else ()
            continue
        for letter in part:
            if letter not in sizes:
                raise UnknownError
            try:
                found.append(broadcast(*_distinct(sizes[letter])))
            except ValueError:
                c.fail(f"{letter} of its equation {text} is {' and '.join(map(str, sizes[letter]))}")
    return Tensor(None, tuple(found))


def _distinct(sizes: list[Dim]) -> list[Dim]:
    """A letter's sizes are equal, or 1; a number says more than a name."""
    known: list[Dim] = [size for size in sizes if isinstance(size, int) and size != 1]
    return known or sizes


@rule("Det")
def det(c: Call) -> Fact:
    """(…, m, m) → (…)."""
    dims = c.dims(0)
    if len(dims) < 2:
        c.fail(f"{show(dims)} isn't a matrix")
    return Tensor(None, dims[:-2])
