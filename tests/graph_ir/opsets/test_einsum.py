"""Einsum, decomposed before 12, and the losses."""

from __future__ import annotations

import numpy as np
import pytest

from .one_operator import Case, check_lowered

F = np.float32
RNG = np.random.default_rng(0)
SIZES = {"b": 2, "h": 3, "i": 4, "j": 5, "k": 6, "n": 1}


def operand(term: str, extra: int = 0, dtype: type = F) -> np.ndarray:
    shape = []
    for letter in term.replace("...", "." * min(extra, 1)):
        shape += [2, 3][2 - extra :] if letter == "." else [SIZES[letter]]
    return (3 * RNG.standard_normal(shape)).astype(dtype)


def case(equation: str, *extra: int, dtype: type = F) -> Case:
    terms = equation.replace(" ", "").split("->")[0].split(",")
    inputs = [operand(t, extra[n] if n < len(extra) else 0, dtype) for n, t in enumerate(terms)]
    return Case(f"{equation}-{extra}-{dtype.__name__}", "Einsum", inputs, {"equation": equation}, opset=12, tolerance=2e-5)


@pytest.mark.parametrize(
    "case",
    [
        *map(case, (
            "ij->ji", "ij->i", "ij->", "ij", "ji", "ij,jk->ik", "ij,jk", "bij,bjk->bik", "bhik,bhjk->bhij", "ij,ij->ij", "ij,ij->",
            "i,j->ij", "i,i", "bij,jk->bik", "bhi,hij,bj->bh", "i,j,k->kji", "bi,hj->bhij", "ij,k->ik", " b i j , b j k -> b i k",
            "ijk,jk->i", "kij,bk->bij", "bhij->bh", "hn,nj->hj", "i->i",
        )),
        case("...ij->...ji", 2), case("...ij,...jk->...ik", 2, 2), case("...ij,jk->...ik", 2), case("ij,...jk->...ik", 0, 2),
        case("...i->...", 1), case("i...->...i", 2), case("...,...->...", 2, 2),
        case("ij,jk->ik", dtype=np.float64), case("ij,jk->ik", dtype=np.int32), case("ij->i", dtype=np.int64),
    ],
    ids=str,
)  # fmt: skip
def test_einsum(case: Case, newest_opset: int) -> None:
    check_lowered(case, newest_opset, (11,))


@pytest.mark.parametrize("equation", ["ii->i", "ii", "iij->ij", "ibi->b", "iii->i", "iij,jk->ik", "ii,ij->j"])
def test_diagonals(equation: str, newest_opset: int) -> None:
    check_lowered(case(equation), newest_opset, (11,))


SCORES = RNG.standard_normal((3, 5, 2)).astype(F)
TARGETS = RNG.integers(0, 5, (3, 2))
SPOILED = np.where(RNG.random((3, 2)) < 0.5, -1, TARGETS)
WEIGHTS = RNG.uniform(0.5, 2, 5).astype(F)


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("ignored", [None, 3, -1])
@pytest.mark.parametrize(
    ("op", "outputs"), [("NegativeLogLikelihoodLoss", 1), ("SoftmaxCrossEntropyLoss", 1), ("SoftmaxCrossEntropyLoss", 2)]
)
def test_losses(
    op: str, outputs: int, ignored: int | None, weights: np.ndarray | None, reduction: str, newest_opset: int
) -> None:
    attributes = {"reduction": reduction} | ({} if ignored is None else {"ignore_index": ignored})
    for scores, targets in ((SCORES, SPOILED if ignored == -1 else TARGETS), (SCORES[:, :, 0], TARGETS[:, 0])):
        inputs = (scores, targets, weights) if weights is not None else (scores, targets)
        check_lowered(Case("", op, inputs, attributes, opset=13, outputs=outputs, tolerance=1e-5), newest_opset, (11, 12))
