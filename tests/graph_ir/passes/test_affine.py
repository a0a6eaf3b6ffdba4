"""Folding and merging of per-channel maps: what folds, what mustn't, and that the numbers stay."""

# ruff: noqa: E501  # a case is a line

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir
import pytest

from dragoman.graph_ir import Builder, Model, Source
from dragoman.graph_ir.passes import PASSES, optimize
from dragoman.graph_ir.passes.dead_code import remove_dead_code
from dragoman.graph_ir.passes.fold_affine import fold_affine
from dragoman.graph_ir.passes.merge_affine import merge_affine
from dragoman.graph_ir.tensors import DerivedTensor


def floats(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


X = {"x": floats(2, 4, 7, 6)}


def batch_norm(g: Builder, x: ir.Value, channels: int, seed: int = 1) -> ir.Value:
    parameters = [floats(channels, seed=seed + i) for i in range(3)] + [np.abs(floats(channels, seed=seed + 3)) + 0.1]
    return g.op("BatchNormalization", x, *(g.const(p) for p in parameters), epsilon=1e-3)


LINEAR: dict[str, tuple[Callable[..., ir.Value], int]] = {
    "conv": (lambda g, x, b: g.op("Conv", x, g.const(floats(6, 4, 3, 3)), b(6), pads=[1, 1, 1, 1]), 6),
    "conv-groups": (lambda g, x, b: g.op("Conv", x, g.const(floats(6, 2, 3, 3)), b(6), group=2), 6),
    "conv-transpose": (lambda g, x, b: g.op("ConvTranspose", x, g.const(floats(4, 6, 3, 3)), b(6), strides=[2, 2]), 6),
    "conv-transpose-groups": (lambda g, x, b: g.op("ConvTranspose", x, g.const(floats(4, 3, 3, 3)), b(6), group=2), 6),
}
AFTER: dict[str, Callable[[Builder, ir.Value, int], ir.Value]] = {
    "batch-norm": batch_norm,
    "mul": lambda g, y, c: g.op("Mul", y, g.const(floats(c, 1, 1))),
    "mul-scalar": lambda g, y, c: g.op("Mul", g.const(3.0), y),
    "add": lambda g, y, c: g.op("Add", g.const(floats(1, c, 1, 1)), y),
    "sub": lambda g, y, c: g.op("Sub", y, g.const(floats(c, 1, 1))),
    "sub-from": lambda g, y, c: g.op("Sub", g.const(floats(c, 1, 1)), y),
    "div": lambda g, y, c: g.op("Div", y, g.const(floats(c, 1, 1))),
    "norm-scale-shift": lambda g, y, c: g.op("Add", g.op("Mul", batch_norm(g, y, c), g.const(floats(c, 1, 1))), g.const(floats(c, 1, 1, seed=9))),
}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("after", AFTER)
@pytest.mark.parametrize("linear", LINEAR)
def test_maps_fold_into_convolutions(apply, linear: str, after: str, bias: bool) -> None:
    emit, channels = LINEAR[linear]

    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        y = emit(g, x, lambda size: g.const(floats(size, seed=5)) if bias else None)
        return {"y": g.op("Relu", AFTER[after](g, y, channels))}

    assert apply(build, X, fold_affine)[1:] == ["Relu"]


@pytest.mark.parametrize(
    "attributes", [{}, {"transB": 1}, {"alpha": 0.5, "beta": 2.0}, {"transA": 1, "beta": 0.5}], ids=lambda a: "-".join(a) or "plain"
)
@pytest.mark.parametrize("bias", [(3,), (1, 3), (1,), (), None], ids=str)
@pytest.mark.parametrize("after", ["mul", "add", "norm"])
def test_maps_fold_into_gemm(apply, attributes: dict[str, float], bias: tuple[int, ...] | None, after: str) -> None:
    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        weight = floats(3, 5) if attributes.get("transB") else floats(5, 3)
        y = g.op("Gemm", x, g.const(weight), None if bias is None else g.const(floats(*bias)), **attributes)
        factor = g.const(floats(3, seed=4))
        return {"y": batch_norm(g, y, 3) if after == "norm" else g.op(after.title(), y, factor)}

    x = floats(5, 2) if attributes.get("transA") else floats(2, 5)
    assert apply(build, {"x": x}, fold_affine) == ["Gemm"]


@pytest.mark.parametrize(
    ("shape", "after", "left"),
    [
        ((2, 5), "Mul", ["MatMul"]),
        ((2, 5), "Add", ["Gemm"]),
        ((2, 4, 5), "Mul", ["MatMul"]),
        ((2, 4, 5), "Add", ["MatMul", "Add"]),
    ],
)
def test_maps_fold_into_matmul(apply, shape: tuple[int, ...], after: str, left: list[str]) -> None:
    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        return {"y": g.op(after, g.op("MatMul", x, g.const(floats(5, 3))), g.const(floats(3, seed=4)))}

    assert apply(build, {"x": floats(*shape)}, fold_affine) == left


def conv(g: Builder, x: ir.Value, weight: ir.Value | None = None) -> ir.Value:
    return g.op("Conv", x, g.const(floats(6, 4, 3, 3)) if weight is None else weight)


REFUSED: dict[str, Callable[[Builder, ir.Value], dict[str, ir.Value]]] = {
    "also read elsewhere": lambda g, x: {"y": g.op("Mul", y := conv(g, x), g.const(2.0)), "z": g.op("Relu", y)},
    "also an output": lambda g, x: {"z": (y := conv(g, x)), "y": g.op("Mul", y, g.const(2.0))},
    "twice by the same": lambda g, x: {"y": g.op("Mul", y := conv(g, x), y)},
    "per column": lambda g, x: {"y": g.op("Mul", conv(g, x), g.const(floats(4)))},
    "per sample": lambda g, x: {"y": g.op("Mul", conv(g, x), g.const(floats(2, 1, 1, 1)))},
    "per channel and column": lambda g, x: {"y": g.op("Mul", conv(g, x), g.const(floats(6, 1, 4)))},
    "broadcasts up": lambda g, x: {"y": g.op("Mul", conv(g, x), g.const(floats(1, 1, 1, 1, 1)))},
    "one channel to many": lambda g, x: {"y": g.op("Mul", conv(g, x, g.const(floats(1, 4, 3, 3))), g.const(floats(5, 1, 1)))},
    "not constant": lambda g, x: {"y": g.op("Mul", conv(g, x), g.op("ReduceMax", x, keepdims=0))},
    "divided by zero": lambda g, x: {"y": g.op("Div", conv(g, x), g.const(np.float32([[[1]], [[0]], [[2]], [[3]], [[4]], [[5]]])))},
    "divides": lambda g, x: {"y": g.op("Div", g.const(2.0), conv(g, x))},
    "weights computed": lambda g, x: {"y": g.op("Mul", conv(g, x, g.op("Mul", g.const(floats(6, 4, 3, 3)), g.op("ReduceMax", x, keepdims=0))), g.const(2.0))},
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_change_meaning_stays(apply, name: str) -> None:
    before: list[str] = []

    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        outputs = REFUSED[name](g, x)
        before.extend(node.op_type for node in g.graph)
        return outputs

    assert apply(build, X, fold_affine) == before


def test_shared_weights_become_two(apply) -> None:
    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        weight = g.const(floats(6, 4, 3, 3), name="shared")
        return {"y": g.op("Mul", conv(g, x, weight), g.const(2.0)), "z": conv(g, x, weight)}

    assert apply(build, X, fold_affine) == ["Conv", "Conv"]


def test_weights_keep_their_names_and_are_computed_when_asked_for() -> None:
    g = Builder("g")
    x = g.input("x", ir.DataType.FLOAT, (1, 4, 7, 6))
    weight, bias = floats(6, 4, 3, 3), floats(6)
    y = g.op("Conv", x, g.initializer(ir.Tensor(weight), "conv1.weight"), g.initializer(ir.Tensor(bias), "conv1.bias"))
    g.output(batch_norm(g, g.op("Div", y, g.const(3.0)), 6), "y")
    result = optimize(Model(g.model(), Source("test")))
    tensors = {name: value.const_value for name, value in result.graph.initializers.items()}
    assert set(tensors) == {"conv1.weight", "conv1.bias"}
    assert all(isinstance(tensor, DerivedTensor) for tensor in tensors.values())
    scale, shift, mean, variance = (v.astype(np.float64) for v in [floats(6, seed=i) for i in (1, 2, 3)] + [np.abs(floats(6, seed=4)) + np.float32(0.1)])
    factor = scale / np.sqrt(variance + np.float32(1e-3)) / 3
    expected = (weight.astype(np.float64) * factor[:, None, None, None]).astype(np.float32)
    np.testing.assert_array_max_ulp(tensors["conv1.weight"].numpy(), expected, 1)
    np.testing.assert_allclose(tensors["conv1.bias"].numpy(), bias * factor + shift - mean * factor * 3, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("norm-mul-add", ["BatchNormalization"]),
        ("mul-norm", ["BatchNormalization"]),
        ("norm-norm", ["BatchNormalization"]),
        ("scalars", ["Mul", "Add"]),
        ("muls", ["Mul"]),
        ("adds", ["Add"]),
        ("mul-add", ["Mul", "Add"]),
        ("norm", ["BatchNormalization"]),
        ("mul-add-mul-channels", ["Mul", "Add"]),
    ],
)
def test_chains_without_weights_merge(apply, name: str, left: list[str]) -> None:
    def per_channel(g: Builder, seed: int) -> ir.Value:
        return g.const(floats(4, 1, 1, seed=seed))

    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        chains: dict[str, Callable[[], ir.Value]] = {
            "norm-mul-add": lambda: g.op("Add", g.op("Mul", batch_norm(g, x, 4), per_channel(g, 1)), per_channel(g, 2)),
            "mul-norm": lambda: batch_norm(g, g.op("Mul", x, g.const(3.0)), 4),
            "norm-norm": lambda: batch_norm(g, batch_norm(g, x, 4), 4, seed=7),
            "scalars": lambda: g.op("Add", g.op("Mul", g.op("Sub", x, g.const(3.0)), g.const(0.1)), g.const(1.0)),
            "muls": lambda: g.op("Div", g.op("Mul", x, per_channel(g, 1)), g.const(2.0)),
            "adds": lambda: g.op("Sub", g.op("Add", x, per_channel(g, 1)), g.const(2.0)),
            "mul-add": lambda: g.op("Add", g.op("Mul", x, g.const(2.0)), g.const(3.0)),
            "norm": lambda: batch_norm(g, x, 4),
            "mul-add-mul-channels": lambda: g.op("Mul", g.op("Add", g.op("Mul", x, per_channel(g, 1)), per_channel(g, 2)), per_channel(g, 3)),
        }
        return {"y": g.op("Relu", chains[name]())}

    assert apply(build, X, merge_affine) == [*left, "Relu"]


def test_a_chain_at_the_output_keeps_the_name(apply) -> None:
    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        return {"y": g.op("Mul", g.op("Mul", x, g.const(2.0)), g.const(3.0))}

    assert apply(build, X, *PASSES, remove_dead_code) == ["Mul"]


@pytest.mark.parametrize("shape", [(), (3,)])
def test_scalars_and_vectors_merge_too(apply, shape: tuple[int, ...]) -> None:
    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        return {"y": g.op("Mul", g.op("Mul", x, g.const(2.0)), g.const(3.0))}

    assert apply(build, {"x": np.asarray(floats(*shape))}, merge_affine) == ["Mul"]
