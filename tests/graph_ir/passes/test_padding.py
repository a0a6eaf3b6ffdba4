"""Padding into pooling and into Pad, and auto_pad as numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir
import pytest

from dragoman.graph_ir import Builder
from dragoman.graph_ir.passes.explicit_padding import make_padding_explicit
from dragoman.graph_ir.passes.padding import fold_padding


def floats(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


X = {"x": floats(2, 3, 8, 7)}
LOW = -np.inf
LEAST = float(np.finfo(np.float32).min)


@pytest.mark.parametrize(
    ("before", "value", "pads", "pool", "folds"),
    [
        ("Neg", LOW, [1, 0, 1, 1], {}, True),
        ("Neg", LEAST, [1, 0, 1, 1], {"strides": [2, 2]}, True),
        ("Neg", 0.0, [1, 0, 1, 1], {}, False),
        ("Neg", -1.0, [1, 0, 1, 1], {}, False),
        ("Relu", 0.0, [1, 1, 1, 1], {"strides": [2, 2]}, True),
        ("Sigmoid", None, [1, 2, 1, 0], {}, True),
        ("Softmax", None, [1, 2, 1, 0], {}, True),
        ("LeakyRelu", 0.0, [1, 1, 1, 1], {}, False),
        ("Relu", 0.5, [1, 1, 1, 1], {}, False),
        ("Relu", 0.0, [3, 1, 1, 1], {}, False),
        ("Relu", 0.0, [1, 1, 1, 1], {"pads": [1, 1, 0, 0]}, True),
        ("Relu", 0.0, [2, 1, 1, 1], {"pads": [1, 1, 0, 0]}, False),
        ("Relu", 0.0, [1, 1, 1, 1], {"ceil_mode": 1, "strides": [2, 2]}, False),
        ("Relu", 0.0, [1, 1, 1, 1], {"dilations": [2, 2]}, False),
        ("Relu", 0.0, [1, 1, 1, 1], {"auto_pad": "SAME_UPPER"}, False),
        ("Relu", 0.0, [1, 1, 1, 1], {"auto_pad": "VALID"}, True),
    ],
)
def test_padding_and_max_pool(apply, before: str, value: float | None, pads: list[int], pool: dict, folds: bool) -> None:
    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        fill = None if value is None else g.const(value)
        y = g.op("Pad", g.op(before, x), g.const(pads), fill, g.const([2, 3]))
        return {"y": g.op("MaxPool", y, kernel_shape=[3, 3], **pool)}

    assert apply(build, X, fold_padding) == [before, *([] if folds else ["Pad"]), "MaxPool"]


@pytest.mark.parametrize("includes", [0, 1])
@pytest.mark.parametrize(
    ("pads", "value", "own", "folds"),
    [
        ([1, 0, 2, 1], 0.0, None, (True, True)),
        ([1, 0, 2, 1], 1.0, None, (False, False)),
        ([1, 0, 2, 1], None, [0, 1, 0, 0], (False, True)),
        ([1, 0, 3, 1], None, None, (False, False)),
    ],
)
def test_padding_and_average_pool(apply, pads, value, own, folds: tuple[bool, bool], includes: int) -> None:
    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        y = g.op("Pad", x, g.const(pads), None if value is None else g.const(value), g.const([2, 3]))
        return {"y": g.op("AveragePool", y, kernel_shape=[3, 3], strides=[2, 1], pads=own, count_include_pad=includes)}

    assert apply(build, X, fold_padding) == [*([] if folds[includes] else ["Pad"]), "AveragePool"]


def test_padding_goes_to_all_of_its_readers_or_none(apply) -> None:
    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        y = g.op("Pad", g.op("Relu", x), g.const([0, 0, 1, 1, 0, 0, 1, 1]))
        z = g.op("Pad", x, g.const([0, 0, 1, 1, 0, 0, 1, 1]))
        return {
            "a": g.op("Conv", y, g.const(floats(2, 3, 3, 3))),
            "b": g.op("MaxPool", y, kernel_shape=[2, 2]),
            "c": g.op("Conv", z, g.const(floats(2, 3, 3, 3))),
            "d": g.op("Exp", z),
        }

    assert apply(build, X, fold_padding) == ["Relu", "Pad", "Conv", "MaxPool", "Conv", "Exp"]


PADS: dict[str, tuple[Callable[[Builder, ir.Value], ir.Value], int]] = {
    "zeros": (lambda g, x: g.op("Pad", g.op("Pad", x, g.const([0, 0, 1, 2] * 2)), g.const([1, 3]), g.const(0.0), g.const([1])), 1),
    "values": (lambda g, x: g.op("Pad", g.op("Pad", x, g.const([1] * 8), g.const(2.0)), g.const([0, 1] * 4), g.const(2.0)), 1),
    "unlike": (lambda g, x: g.op("Pad", g.op("Pad", x, g.const([1] * 8), g.const(2.0)), g.const([0, 1] * 4), g.const(1.0)), 2),
    "edges": (lambda g, x: g.op("Pad", g.op("Pad", x, g.const([1] * 8), mode="edge"), g.const([0, 1] * 4), mode="edge"), 1),
    "reflections": (
        lambda g, x: g.op("Pad", g.op("Pad", x, g.const([1] * 8), mode="reflect"), g.const([0, 1] * 4), mode="reflect"),
        2,
    ),
    "modes": (lambda g, x: g.op("Pad", g.op("Pad", x, g.const([1] * 8), mode="edge"), g.const([0, 1] * 4)), 2),
    "cropped": (lambda g, x: g.op("Pad", g.op("Pad", x, g.const([1] * 8)), g.const([0, -2] * 4)), 2),
}


@pytest.mark.parametrize("name", PADS)
def test_padding_of_padding(apply, name: str) -> None:
    build, left = PADS[name]
    assert apply(lambda g, x: {"y": build(g, x)}, X, fold_padding) == ["Pad"] * left


@pytest.mark.parametrize("mode", ["SAME_UPPER", "SAME_LOWER", "VALID"])
@pytest.mark.parametrize("strides", [[1, 1], [2, 3], [3, 2]])
@pytest.mark.parametrize("window", [[1, 1], [2, 3], [4, 2]])
@pytest.mark.parametrize("op", ["Conv", "MaxPool", "AveragePool"])
def test_auto_pad_becomes_numbers(apply, op: str, window: list[int], strides: list[int], mode: str) -> None:
    if op == "MaxPool" and window[0] < strides[0]:
        window = strides  # ONNX Runtime finds negative padding here, and stops

    def build(g: Builder, x: ir.Value) -> dict[str, ir.Value]:
        weight = [g.const(floats(2, 3, *window))] if op == "Conv" else []
        shape = None if op == "Conv" else window
        y = g.op(op, x, *weight, kernel_shape=shape, strides=strides, auto_pad=mode)
        nodes.append(y.producer())
        return {"y": y}

    nodes: list[ir.Node] = []
    apply(build, X, make_padding_explicit)
    assert "auto_pad" not in nodes[0].attributes


def test_auto_pad_of_unknown_sizes_stays() -> None:
    g = Builder("g")
    x = g.input("x", ir.DataType.FLOAT, (1, 3, "h", 7))
    g.output(g.op("Conv", x, g.const(floats(2, 3, 3, 3)), auto_pad="SAME_UPPER"), "y")
    assert not make_padding_explicit(g.model())
