"""Shapes and indices that the network computes, where older opsets wanted constants, and scatters that merge."""

# ruff: noqa: E501  # a case is a line

from __future__ import annotations

import numpy as np
import pytest

from .one_operator import Case, check_lowered, check_raised

F = np.float32
RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 3, 4)).astype(F)
I64 = np.int64


def ints(*values: int) -> np.ndarray:
    return np.array(values, I64)


INDEX = np.array([[[0, 2, 0, -1], [1, 1, -2, 2]]] * 2, I64)  # twice the same, and from the end
UPDATE = RNG.standard_normal((2, 2, 4)).astype(F)

CASES = [
    *(Case(f"allowzero-{n}", "Reshape", (X[:a], ints(*shape)), {"allowzero": 1}) for n, (a, shape) in
      enumerate(((2, (6, 4)), (0, (3, 0)), (0, (0, 5)), (0, (7, 0, 1)), (2, (24,))))),
    Case("allowzero-constant", "Reshape", (X[:0], ints(3, 0, 2)), {"allowzero": 1}, constant=(1,)),
    Case("allowzero-strings", "Reshape", (np.array([["a", "b"]], object), ints(2, 1)), {"allowzero": 1}),
    Case("allowzero-bool", "Reshape", (np.ones((2, 0), bool), ints(0, 3)), {"allowzero": 1}),
    Case("keeps", "Reshape", (X, ints(0, -1))),
    *(Case(f"{axes}", "Unsqueeze", (X, ints(*axes))) for axes in ((0,), (-1,), (3, 1), (-4, 0, 5))),
    Case("scalar", "Unsqueeze", (np.array(2, F), ints(0))),
    Case("empty", "Unsqueeze", (X[:0], ints(0, 2))),
    *(Case(f"{axes}", "Squeeze", (X[:1, :, :1], ints(*axes))) for axes in ((0,), (-1,), (2, 0))),
    Case("empty", "Squeeze", (X[:1, :0], ints(0))),
    Case("all", "Squeeze", (X[:1, :, :1],)),
    *(Case(f"computed-{axis}", "Split", (X, ints(1, 0, 3 - axis % 3 % 2)), {"axis": axis}, outputs=3) for axis in (2,)),
    Case("computed-negative", "Split", (X, ints(1, 2)), {"axis": -2}, outputs=2),
    *(Case(f"number-{n}-{axis}-{static}", "Split", (X, None), {"axis": axis, "num_outputs": n}, outputs=n, static=static)
      for n, axis in ((2, 0), (2, 1), (-1 % 3, -2), (3, 2)) for static in (False, True)),
    *(Case(f"{k}-{upper}-{t.__name__}", "Trilu", ((10 * RNG.standard_normal((2, 3, 5))).astype(t), np.array(k)), {"upper": upper})
      for k in (-7, -1, 0, 2, 9) for upper in (0, 1) for t in (F, I64, bool)),
    Case("plain", "Trilu", (X,)),
    Case("square-constant", "Trilu", (X[0], np.array(1)), constant=(1,), static=True),
    Case("ints", "Shape", (X,), {"start": -2}),
    Case("clamped", "Shape", (X,), {"start": -9, "end": 9}),
    Case("empty", "Shape", (X,), {"start": 2, "end": 1}),
    *(Case(f"{r}-{axis}-{t.__name__}", "ScatterElements", ((5 * X).astype(t), INDEX % (3 if axis == 1 else 2), (5 * UPDATE).astype(t)),
           {"axis": axis, "reduction": r}, opset=18) for r in ("add", "mul", "max", "min") for axis in (1, -2, 0)
      for t in (F, np.float64, np.int32, I64)),
    *(Case(f"{r}-negative", "ScatterElements", (X, INDEX, UPDATE), {"axis": 1, "reduction": r}, opset=18) for r in ("add", "max")),
    *(Case(f"{r}-none", "ScatterElements", (X, INDEX[:, :0], UPDATE[:, :0]), {"axis": 1, "reduction": r}, opset=18) for r in ("add", "max")),
    Case("none", "ScatterElements", (X, ints(2, 0).reshape(1, 2, 1), UPDATE[:1, :, :1]), {"axis": 1}),
    *(Case(f"{r}-{n}-{t.__name__}", "ScatterND", ((5 * X).astype(t), index, (5 * RNG.standard_normal(index.shape[:-1] + X.shape[index.shape[-1]:])).astype(t)),
           {"reduction": r}, opset=18) for r in ("add", "mul", "max", "min") for t in (F, I64)
      for n, index in enumerate((ints(1, 0, 1).reshape(3, 1), np.array([[[0, 2], [0, -1]], [[1, 1], [0, 2]]], I64), np.array([[1, 2, 3], [1, 2, 3]], I64)))),
    Case("strings", "ScatterND", (np.array(["a", "b"], object), ints(1).reshape(1, 1), np.array(["c"], object))),
    *(Case(f"{axis}-{e}-{r}", "CumProd", (X, np.array(axis, I64)), {"exclusive": e, "reverse": r}, opset=26, tolerance=1e-6, reference=True)
      for axis in (0, 1, -1) for e in (0, 1) for r in (0, 1)),
    Case("int32", "CumProd", (np.arange(1, 7, dtype=np.int32), np.array(0, np.int32)), opset=26, reference=True),
    Case("ints", "Unique", (ints(3, 1, 3, 2),), outputs=4),
    Case("largest", "TopK", (X, ints(2)), {"axis": 1, "largest": 0}, outputs=2),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_lowered(case: Case, newest_opset: int) -> None:
    check_lowered(case, newest_opset)


@pytest.mark.parametrize(
    "case",
    [
        Case("axes", "Slice", (X,), {"starts": [0, -3], "ends": [2, 1000], "axes": [1, 2]}, opset=7),
        Case("plain", "Slice", (X,), {"starts": [0, 1], "ends": [-1, 1000]}, opset=9),
        Case("computed", "Slice", (X, ints(1), ints(3), ints(1)), opset=10),
        Case("last", "TopK", (X,), {"k": 2}, opset=7, outputs=2),
        Case("axis", "TopK", (X,), {"k": 1, "axis": 1}, opset=9, outputs=2),
        Case("computed", "TopK", (X, ints(2)), opset=10, outputs=2),
        Case("axis", "Scatter", (X, INDEX[:, :1] % 3, UPDATE[:, :1]), {"axis": 1}, opset=9),
        Case("plain", "Scatter", (X[0], ints(1).reshape(1, 1), UPDATE[0, :1, :1]), opset=10),
        Case("axes", "Squeeze", (X[:1],), {"axes": [0]}, opset=7),
        Case("axes", "Unsqueeze", (X,), {"axes": [0, 4]}, opset=7),
        Case("sizes", "Split", (X,), {"axis": 2, "split": [1, 3]}, opset=7, outputs=2),
        Case("equal", "Split", (X,), {"axis": 2}, opset=12, outputs=2),
        Case("depth", "OneHot", (ints(1, 0, 2), np.array(3), np.array([-1, 1], F)), {"axis": 0}, opset=9),
        Case("computed", "Expand", (X, ints(2, 2, 3, 4)), opset=8),
        Case("axis-2", "Flatten", (X,), {"axis": 2}, opset=7),
        Case("condition", "Compress", (X, np.array([False, True, True])), {"axis": 1}, opset=9),
    ],
    ids=str,
)
def test_raised(case: Case, newest_opset: int) -> None:
    check_raised(case, newest_opset)
