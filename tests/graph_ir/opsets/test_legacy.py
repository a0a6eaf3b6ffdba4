"""Opsets 1 to 6, which no runtime of today runs: against numpy, whose broadcasting, tiling and reshaping they describe."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from dragoman.converters.onnx.exporter import to_proto
from dragoman.converters.onnx.importer import load
from dragoman.graph_ir.errors import UnsupportedOperator

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 3, 4, 5)).astype(np.float32)
CHANNELS = RNG.standard_normal(3).astype(np.float32)
LAST = RNG.standard_normal(5).astype(np.float32)
MIDDLE = RNG.standard_normal((3, 4)).astype(np.float32)
ONE = np.array(1.5, np.float32)
SELU_X = 1.0507 * np.where(X > 0, X, 1.6732 * (np.exp(X) - 1))


def model(op: str, inputs: list[np.ndarray], opset: int, attributes: dict[str, Any], rank: int) -> onnx.ModelProto:
    names = [f"in{i}" for i in range(len(inputs))]
    kinds = [helper.np_dtype_to_tensor_dtype(v.dtype) for v in inputs]
    declared = [helper.make_tensor_value_info(n, k, v.shape) for n, k, v in zip(names, kinds, inputs, strict=True)]
    weights = [numpy_helper.from_array(v, n) for n, v in zip(names[1:], inputs[1:], strict=True)]
    y = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [None] * rank)
    graph = helper.make_graph([helper.make_node(op, names, ["y"], **attributes)], "g", declared, [y], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=3)


CASES = {
    **{
        f"{op}-{opset}-axis1": (op, [X, CHANNELS], opset, {"broadcast": 1, "axis": 1}, function(X, CHANNELS[:, None, None]))
        for op, function in (("Add", np.add), ("Sub", np.subtract), ("Mul", np.multiply), ("Div", np.divide))
        for opset in (1, 6)
    },
    "Add-middle": ("Add", [X, MIDDLE], 6, {"broadcast": 1, "axis": 1}, X + MIDDLE[..., None]),
    "Add-negative-axis": ("Add", [X, MIDDLE], 6, {"broadcast": 1, "axis": -3}, X + MIDDLE[..., None]),
    "Add-last": ("Add", [X, LAST], 6, {"broadcast": 1}, X + LAST),
    "Add-scalar": ("Add", [X, ONE], 6, {"broadcast": 1, "axis": 0}, X + ONE),
    "Pow": ("Pow", [np.abs(X), CHANNELS], 1, {"broadcast": 1, "axis": 1}, np.abs(X) ** CHANNELS[:, None, None]),
    "PRelu": ("PRelu", [X, CHANNELS], 6, {}, np.where(X < 0, X * CHANNELS[:, None, None], X)),
    "PRelu-shared": ("PRelu", [X, CHANNELS[:1]], 1, {"consumed_inputs": [0, 0]}, np.where(X < 0, X * CHANNELS[0], X)),
    "Relu": ("Relu", [X], 1, {"consumed_inputs": [1]}, np.maximum(X, 0)),
    "Selu": ("Selu", [X], 1, {}, SELU_X),
    "Cast": ("Cast", [X.astype(np.int32)], 1, {"to": "FLOAT"}, X.astype(np.int32).astype(np.float32)),
    "Reshape": ("Reshape", [X], 1, {"shape": [0, -1]}, X.reshape(2, -1)),
    "Concat": ("Concat", [X, X], 1, {}, np.concatenate([X, X], 1)),
    "Tile": ("Tile", [X, np.array([3.0], np.float32), np.array([2.0], np.float32)], 1, {}, np.concatenate([X] * 3, 2)),
    "Pad": ("Pad", [X], 1, {"paddings": [0, 0, 1, 2, 0, 0, 0, 1]}, np.pad(X, ((0, 0), (0, 0), (1, 0), (2, 1)))),
    "Upsample": ("Upsample", [X], 1, {"height_scale": 2.0, "width_scale": 3.0}, X.repeat(2, 2).repeat(3, 3)),
    "GlobalLpPool": ("GlobalLpPool", [X], 1, {"p": 2.0}, np.sqrt(np.square(X).sum((2, 3), keepdims=True))),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("opset", [11, 13, 18])
def test_means_what_it_meant(name: str, opset: int) -> None:
    op, inputs, old, attributes, expected = CASES[name]
    proto = to_proto(load(model(op, inputs, old, attributes, expected.ndim)), opset=opset)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(None, {"in0": inputs[0]})[0], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("op", "inputs", "opset", "attributes", "word"),
    [
        ("BatchNormalization", [X, *[CHANNELS] * 4], 6, {}, "training"),
        ("Dropout", [X], 6, {"ratio": 0.5}, "training"),
        ("LpPool", [X], 1, {"p": 1.5, "kernel_shape": [2, 2]}, "order 1.5"),
        ("Cast", [X], 1, {"to": "complex512"}, "COMPLEX512"),
    ],
)
def test_what_has_no_meaning_now(op: str, inputs: list[np.ndarray], opset: int, attributes: dict, word: str) -> None:
    with pytest.raises(UnsupportedOperator, match=word):
        load(model(op, inputs, opset, attributes, 4))
