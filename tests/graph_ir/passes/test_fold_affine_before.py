"""Folding of the maps in front of linear operators; other types than float32; subgraphs; and what must not fold."""

# ruff: noqa: E501  # a case is a line

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest

from dragoman.graph_ir import Builder
from dragoman.graph_ir.passes.fold_affine import fold_affine
from dragoman.graph_ir.passes.merge_affine import merge_affine


def floats(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


X = {"x": floats(2, 4, 7, 6)}


def norm(g: Builder, x: ir.Value, seed: int = 1) -> ir.Value:
    parameters = [floats(4, seed=seed + i) for i in range(3)] + [np.abs(floats(4, seed=seed + 3)) + 0.1]
    return g.op("BatchNormalization", x, *(g.const(p) for p in parameters), epsilon=1e-3)


BEFORE: dict[str, Callable[[Builder, ir.Value], ir.Value]] = {
    "scalar": lambda g, x: g.op("Div", x, g.const(255.0)),
    "channels": lambda g, x: g.op("Mul", x, g.const(floats(4, 1, 1))),
    "shift": lambda g, x: g.op("Sub", x, g.const(floats(1, 4, 1, 1))),
    "from": lambda g, x: g.op("Sub", g.const(floats(4, 1, 1)), x),
    "mean-deviation": lambda g, x: g.op("Div", g.op("Sub", x, g.const(floats(4, 1, 1))), g.const(floats(4, 1, 1, seed=2))),
    "norm": norm,
}
SHIFTS = {"shift", "from", "mean-deviation", "norm"}
LINEAR: dict[str, Callable[[Builder, ir.Value, ir.Value | None], ir.Value]] = {
    "conv": lambda g, x, b: g.op("Conv", x, g.const(floats(6, 4, 3, 3)), b, strides=[2, 1]),
    "conv-valid": lambda g, x, b: g.op("Conv", x, g.const(floats(6, 4, 3, 3)), b, auto_pad="VALID"),
    "conv-groups": lambda g, x, b: g.op("Conv", x, g.const(floats(6, 2, 3, 2)), b, group=2),
    "conv-depthwise": lambda g, x, b: g.op("Conv", x, g.const(floats(8, 1, 3, 3)), g.const(floats(8)) if b is not None else None, group=4),
    "conv-padded": lambda g, x, b: g.op("Conv", x, g.const(floats(6, 4, 3, 3)), b, pads=[1, 0, 0, 0]),
    "conv-same": lambda g, x, b: g.op("Conv", x, g.const(floats(6, 4, 3, 3)), b, auto_pad="SAME_UPPER"),
    "transpose": lambda g, x, b: g.op("ConvTranspose", x, g.const(floats(4, 6, 3, 3)), b),
    "transpose-groups": lambda g, x, b: g.op("ConvTranspose", x, g.const(floats(4, 3, 3, 3)), b, group=2),
}  # fmt: skip


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("linear", LINEAR)
def test_maps_fold_into_what_reads_them_alone(apply, linear: str, before: str, bias: bool) -> None:
    nodes: list[int] = []

    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        y = LINEAR[linear](g, BEFORE[before](g, x), g.const(floats(6, seed=5)) if bias else None)
        nodes.append(len(list(g.graph)))
        return {"y": g.op("Relu", y)}

    left = len(apply(build, X, fold_affine)) - 1
    if before not in SHIFTS or linear in ("conv", "conv-valid", "conv-groups", "conv-depthwise"):
        assert left == 1
    else:
        assert left == nodes[0] - (before == "mean-deviation"), "the scale behind the shift folds, the shift doesn't"


@pytest.mark.parametrize("attributes", [{}, {"transB": 1}, {"alpha": 0.5, "beta": 2.0}], ids=lambda a: "-".join(a) or "plain")
@pytest.mark.parametrize("bias", [(3,), (1,), None], ids=str)
@pytest.mark.parametrize("before", ["Mul", "Add", "Sub"])
def test_maps_before_gemm(apply, attributes: dict[str, float], bias: tuple[int, ...] | None, before: str) -> None:
    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        weight = floats(3, 5) if attributes.get("transB") else floats(5, 3)
        x = g.op(before, x, g.const(floats(5, seed=4)))
        return {"y": g.op("Gemm", x, g.const(weight), None if bias is None else g.const(floats(*bias)), **attributes)}

    assert apply(build, {"x": floats(2, 5)}, fold_affine) == ["Gemm"]


@pytest.mark.parametrize(
    ("shape", "chain", "left"),
    [
        ((2, 5), ["Mul"], ["MatMul"]),
        ((2, 5), ["Add"], ["Gemm"]),
        ((2, 4, 5), ["Mul"], ["MatMul"]),
        ((2, 4, 5), ["Add"], ["Add", "MatMul"]),
        ((2, 4, 5), ["Add", "Mul"], ["Add", "MatMul"]),
        ((2, 4, 5), ["Mul", "Add"], ["Mul", "Add", "MatMul"]),
    ],
)
def test_maps_before_matmul(apply, shape: tuple[int, ...], chain: list[str], left: list[str]) -> None:
    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        for seed, op in enumerate(chain):
            x = g.op(op, x, g.const(floats(5, seed=seed)))
        return {"y": g.op("MatMul", x, g.const(floats(5, 3)))}

    assert apply(build, {"x": floats(*shape)}, fold_affine) == left


def test_a_scale_folds_into_matmul_though_a_shift_follows(apply) -> None:
    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        y = g.op("Mul", g.op("MatMul", x, g.const(floats(5, 3))), g.const(0.125))
        return {"y": g.op("Add", y, g.const(floats(3)))}

    assert apply(build, {"x": floats(2, 4, 5)}, fold_affine) == ["MatMul", "Add"]


CONV = floats(6, 4, 3, 3)
REFUSED: dict[str, Callable[[Builder, ir.Value], dict[str, ir.Value]]] = {
    "also read elsewhere": lambda g, x: {"y": g.op("Conv", y := g.op("Mul", x, g.const(2.0)), g.const(CONV)), "z": g.op("Relu", y)},
    "also an output": lambda g, x: {"z": (y := g.op("Mul", x, g.const(2.0))), "y": g.op("Conv", y, g.const(CONV))},
    "per column": lambda g, x: {"y": g.op("Conv", g.op("Mul", x, g.const(floats(6))), g.const(CONV))},
    "divides": lambda g, x: {"y": g.op("Conv", g.op("Div", g.const(2.0), x), g.const(CONV))},
    "broadcasts": lambda g, x: {"y": g.op("Conv", g.op("Mul", g.op("ReduceMax", x, g.const([1])), g.const(floats(4, 1, 1))), g.const(CONV))},
    "as the weight": lambda g, x: {"y": g.op("Conv", g.const(floats(2, 4, 9, 9)), g.op("Mul", x, g.const(2.0)))},
    "rounds": lambda g, x: {"y": g.op("Conv", g.op("Sub", g.op("Add", x, g.const(12582912.0)), g.const(12582912.0)), g.const(CONV))},
    "along the other axis of Gemm": lambda g, x: {"y": g.op("Gemm", g.op("Mul", g.op("Flatten", x), g.const(floats(2, 1))), g.const(floats(168, 3)))},
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("step", [fold_affine, merge_affine])
def test_what_would_change_meaning_stays(apply, name: str, step: Callable[[ir.Model], bool]) -> None:
    before: list[str] = []

    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        outputs = REFUSED[name](g, x)
        before.extend(node.op_type for node in g.graph)
        return outputs

    assert apply(build, X, step) == before


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
@pytest.mark.parametrize("after", [True, False])
def test_other_types_are_computed_in_float64_and_rounded_once(dtype: type, after: bool) -> None:
    g = Builder("g")
    x = g.input("x", ir.DataType.from_numpy(np.dtype(dtype)), (2, 5))
    weight, factor, shift = (floats(*shape, seed=1).astype(dtype) for shape in ((5, 5), (5,), (5,)))

    def maps(y: ir.Value) -> ir.Value:
        return g.op("Add", g.op("Mul", y, g.const(factor)), g.const(shift))

    y = maps(g.op("MatMul", x, g.const(weight))) if after else g.op("MatMul", maps(x), g.const(weight))
    g.output(y, "y")
    model = g.model()
    assert fold_affine(model)
    (node,) = model.graph
    wide = [a.astype(np.float64) for a in (weight, factor, shift)]
    scaled = wide[0] * wide[1] if after else wide[0] * wide[1][:, None]
    moved = wide[2] if after else wide[2] @ wide[0]
    np.testing.assert_array_equal(node.inputs[1].const_value.numpy(), scaled.astype(dtype))
    np.testing.assert_array_equal(node.inputs[2].const_value.numpy(), moved.astype(dtype))


def test_maps_fold_inside_subgraphs_whose_weights_are_outside() -> None:
    g = Builder("g")
    x = g.input("x", ir.DataType.FLOAT, (1, 4, 7, 6))
    shared, factor = g.const(floats(6, 4, 3, 3), name="outer"), g.const(floats(6, 1, 1))
    positive = g.op("Greater", g.op("ReduceSum", x, keepdims=0), g.const(0.0))
    branches = []
    for name in ("then", "else"):
        with g.subgraph(name) as body:
            body.outputs.append(g.op("Mul", g.op("Conv", x, shared), factor) if name == "then" else g.op("Conv", x, shared))
            branches.append(body)
    chosen = g.op("If", positive, then_branch=branches[0], else_branch=branches[1])
    g.output(chosen, "y")
    model, results = g.model(), []
    for change in (False, True):
        if change:
            assert fold_affine(model)
            assert not fold_affine(model)
        session = onnxruntime.InferenceSession(ir.serde.serialize_model(model).SerializeToString(), providers=["CPUExecutionProvider"])
        results.append([session.run(None, {"x": sign * np.abs(floats(1, 4, 7, 6))})[0] for sign in (1, -1)])
    assert [[node.op_type for node in body] for body in branches] == [["Conv"], ["Conv"]]
    np.testing.assert_allclose(results[1], results[0], rtol=1e-4, atol=1e-5)
