"""Reductions, whose axes may be computed by the network."""

# a case is a line

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper, numpy_helper, parser
from onnx.reference import ReferenceEvaluator

from .one_operator import Case, check_lowered, check_raised, compare, declare, feeds_of, load, model_of, run, to_proto

F = np.float32
KINDS = (
    "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum",
    "ReduceSumSquare",
)  # fmt: skip
X = np.abs(np.random.default_rng(0).standard_normal((2, 3, 4))).astype(F)
AXES = {"one": (1,), "two": (-1, 0), "all": (0, 1, 2), "none": ()}
NOOP_IN_ORT = ("ReduceMax", "ReduceMin", "ReduceSum", "ReduceMean", "ReduceProd")
B = np.random.default_rng(1).random((2, 3, 4)) > 0.5


@pytest.mark.parametrize("computed", [True, False])
@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("kind", KINDS)
def test_axes(kind: str, axes: str, keepdims: int, computed: bool, newest_opset: int) -> None:
    case = Case(
        axes,
        kind,
        (X, np.array(AXES[axes], np.int64)),
        {"keepdims": keepdims},
        opset=18,
        constant=() if computed else (1,),
        tolerance=1e-5,
    )
    check_lowered(case, newest_opset, (11, 12, 13, 17))


@pytest.mark.parametrize(
    "case",
    [
        *(Case("noop", kind, (X, np.array([], np.int64)), {"noop_with_empty_axes": 1, "keepdims": k}, opset=18, tolerance=1e-5)
          for kind in NOOP_IN_ORT for k in (0, 1)),
        *(Case("ones", kind, (X[:, :1], np.array([1])), {"keepdims": 0}, opset=18, tolerance=1e-5) for kind in KINDS),
        *(Case(f"int-{k}", kind, (np.arange(-12, 12, dtype=np.int32).reshape(2, 3, 4), np.array([0, 2])), {"keepdims": k}, opset=18)
          for kind in KINDS if "Log" not in kind for k in (0, 1)),
        *(Case("double", kind, (X.astype(np.float64), np.array([2, 0])), opset=18, tolerance=1e-12) for kind in KINDS),
        *(Case(f"bool-{k}", kind, (B, np.array([1])), {"keepdims": k}, opset=20) for kind in ("ReduceMax", "ReduceMin") for k in (0, 1)),
        *(Case(f"bool-empty-{kind}", kind, (B[:, :0], np.array([1])), opset=20, reference=True) for kind in ("ReduceMax", "ReduceMin")),
        *(Case(f"{t.__name__}", kind, (np.array([[3, 90, 7], [1, 2, 99]], t), np.array([1])), opset=18)
          for kind in ("ReduceMax", "ReduceMin") for t in (np.int8, np.uint8)),
        Case("rank-1", "ReduceMax", (X[0, 0], np.array([-1])), {"keepdims": 0}, opset=18),
        Case("rank-5", "ReduceMin", (X.reshape(2, 1, 3, 2, 2), np.array([-2, 1, 0])), {"keepdims": 0}, opset=18),
        Case("halves", "ReduceMean", (np.full((300, 300), 3, np.float16), np.array([0, 1])), opset=18),
        Case("scalar", "ReduceSum", (np.array(3, F), np.array([], np.int64)), opset=13),
        Case("zero-sized", "ReduceSum", (X[:, :0], np.array([0])), {"keepdims": 0}, opset=13),
        Case("large", "ReduceLogSumExp", (20 * X, np.array([1, 2])), opset=18, tolerance=1e-5),
        Case("last", "ArgMax", (np.array([[1, 3, 3], [2, 2, 0]], F),), {"axis": -1, "select_last_index": 1}),
        Case("last", "ArgMin", (np.array([[1, 3, 1], [2, 2, 0]], F),), {"axis": 0, "select_last_index": 1, "keepdims": 0}),
    ],
    ids=str,
)  # fmt: skip
def test_lowered(case: Case, newest_opset: int) -> None:
    check_lowered(case, newest_opset)


@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("axes", [(1,), (0, 2), None])
@pytest.mark.parametrize("opset", [7, 11, 13])
@pytest.mark.parametrize("kind", KINDS)
def test_raised(kind: str, opset: int, axes: tuple[int, ...] | None, keepdims: int, newest_opset: int) -> None:
    if kind == "ReduceSum" and opset == 13:
        opset = 12
    attributes = {"keepdims": keepdims} | ({"axes": axes} if axes is not None else {})
    check_raised(Case("", kind, (X,), attributes, opset=opset, tolerance=1e-5), newest_opset)


def test_logarithms_of_integers_are_those_of_their_definition(newest_opset: int) -> None:
    """Opset 28 has floats only; ONNX's definition of 18 casts the result back, which is what the raised model does."""
    x = np.array([[1, 5, 3], [0, 9, 2]], np.int64)
    for kind, exact in (("ReduceLogSum", np.log(x.sum(axis=1))), ("ReduceLogSumExp", np.log(np.exp(x).sum(axis=1)))):
        value = exact.astype(np.int64)
        case = Case("", kind, (x, np.array([1])), {"keepdims": 0}, opset=18)
        model = model_of(case)
        declare(model, [value])
        proto = to_proto(load(model), opset=min(newest_opset, 28))
        np.testing.assert_array_equal(run(proto, feeds_of(case))[0], value, strict=True)
        np.testing.assert_array_equal(ReferenceEvaluator(proto).run(None, feeds_of(case))[0], value, strict=True)


@pytest.mark.parametrize("opset", [11, 13, 17])
def test_root_mean_square_over_axes_counted_from_the_rank(opset: int) -> None:
    """ONNX Runtime folds these axes, takes the branch of each If, and fuses what it finds then."""
    model = parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 18]> m (float[2, 3, 4] x, float[4] w) => (float[2, 3, 4] y) {
            rank = Size(shape)
            first = Add(rank, minus)
            axes = Range(first, rank, one)
            squares = Mul(x, x)
            mean = ReduceMean(squares, axes)
            padded = Add(mean, small)
            root = Sqrt(padded)
            normal = Div(x, root)
            y = Mul(normal, w)
        }"""
    )
    for name, value in (("minus", np.array(-1)), ("one", np.array(1)), ("small", np.array(1e-5, F))):
        model.graph.initializer.append(numpy_helper.from_array(value, name))
    model.graph.node.insert(0, helper.make_node("Shape", ["x"], ["shape"]))
    feeds = {"x": X, "w": np.arange(4, dtype=F)}
    compare(run(to_proto(load(model), opset=opset), feeds), run(model, feeds), 1e-6, "")
