"""Activations, the softmax family, dropout and matrix products between opsets."""

# ruff: noqa: E501  # a case is a line

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest

from dragoman.converters.onnx.exporter import check, to_proto
from dragoman.converters.onnx.importer import load
from dragoman.graph_ir.opsets import NEWEST, convert_opset

Cases = dict[str, tuple[str, list[np.ndarray], dict[str, object]]]


def floats(*shape: int, seed: int = 0, dtype: type = np.float32) -> np.ndarray:
    return 3 * np.random.default_rng(seed).standard_normal(shape).astype(dtype)


X = floats(2, 3, 4)
EDGES = np.array([-np.inf, -3, -1, -0.0, 0, 0.5, 1, 3, 6, np.inf, np.nan], np.float32)
HALF = floats(2, 3, dtype=np.float16)

ACTIVATIONS: Cases = {
    **{f"{op}-edges": (op, [EDGES], {}) for op in ("Relu", "Elu", "Selu", "LeakyRelu", "HardSigmoid", "ThresholdedRelu", "Sigmoid", "Tanh", "Softsign", "Softplus")},
    **{f"{op}-half": (op, [HALF], {}) for op in ("Relu", "Elu", "Selu", "LeakyRelu", "HardSigmoid", "HardSwish", "Mish", "Gelu", "Softplus", "Softsign", "ThresholdedRelu", "Celu")},
    "Elu": ("Elu", [X], {"alpha": 0.7}),
    "Selu": ("Selu", [X], {"alpha": 1.5, "gamma": 1.1}),
    "LeakyRelu": ("LeakyRelu", [X], {"alpha": 0.2}),
    "HardSigmoid": ("HardSigmoid", [X], {"alpha": 0.3, "beta": 0.4}),
    "HardSwish": ("HardSwish", [EDGES[1:-2]], {}),
    "ThresholdedRelu": ("ThresholdedRelu", [X], {"alpha": 0.4}),
    "Mish": ("Mish", [X], {}),
    "Gelu": ("Gelu", [X], {}),
    "Gelu-tanh": ("Gelu", [X], {"approximate": "tanh"}),
    "Celu": ("Celu", [X], {"alpha": 0.7}),
    "Celu-double": ("Celu", [floats(5, dtype=np.float64)], {"alpha": 1.3}),
    "Celu-half": ("Celu", [HALF], {"alpha": 1.3}),
    "PRelu": ("PRelu", [X, floats(3, 1)], {}),
    "PRelu-scalar": ("PRelu", [X, floats(1)], {}),
    "PRelu-half": ("PRelu", [HALF, floats(3, dtype=np.float16)], {}),
    "Shrink": ("Shrink", [X], {"lambd": 0.6, "bias": 0.1}),
    "Relu-integers": ("Relu", [np.arange(-4, 4, dtype=np.int32)], {}),
    **{f"{op}-{axis}": (op, [X], {"axis": axis}) for op in ("Softmax", "LogSoftmax", "Hardmax") for axis in (0, 1, 2, -1, -2)},
    "Softmax-vector": ("Softmax", [floats(5)], {}),
    "Softmax-5d": ("Softmax", [floats(2, 1, 3, 2, 2)], {"axis": 2}),
    "Softmax-double": ("Softmax", [floats(3, 4, dtype=np.float64)], {"axis": 0}),
    "Softmax-ones-after": ("Softmax", [floats(2, 5, 1, 1)], {"axis": 1}),
}  # fmt: skip

PRODUCTS: Cases = {
    "MatMul": ("MatMul", [floats(2, 1, 3, 4), floats(3, 4, 5, seed=1)], {}),
    "MatMul-integers": ("MatMul", [np.arange(6, dtype=np.int32).reshape(2, 3), np.arange(6, dtype=np.int32).reshape(3, 2)], {}),
    "MatMul-vectors": ("MatMul", [floats(4), floats(4, seed=1)], {}),
    "Gemm": ("Gemm", [floats(3, 4), floats(4, 5, seed=1)], {}),
    "Gemm-bias": ("Gemm", [floats(3, 4), floats(4, 5, seed=1), floats(5, seed=2)], {"alpha": 0.5, "beta": 2.0}),
    "Gemm-transposed": ("Gemm", [floats(4, 3), floats(5, 4, seed=1), floats(3, 1, seed=2)], {"transA": 1, "transB": 1}),
    "Gemm-half": ("Gemm", [floats(3, 4, dtype=np.float16) / 4, floats(4, 5, dtype=np.float16) / 4], {}),
}  # fmt: skip


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in (ACTIVATIONS | PRODUCTS).items()])
def test_lowered(case: tuple[str, list[np.ndarray], dict[str, object]], dynamic: bool, same_below: Callable[..., None]) -> None:
    op_type, inputs, attributes = case
    same_below(op_type, inputs, dynamic=dynamic, **attributes)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64])
@pytest.mark.parametrize("given", [{}, {"alpha": 0.6}], ids=["plain", "alpha"])
@pytest.mark.parametrize("op_type", ["Swish", "SwiGLU"])
def test_swish(op_type: str, given: dict[str, float], dtype: type, same_below: Callable[..., None]) -> None:
    """ONNX Runtime has no kernel for Swish, only its function, which it doesn't always open."""
    inputs = [floats(2, 3, dtype=dtype), floats(2, 3, seed=1, dtype=dtype)]
    same_below(op_type, inputs[: 1 if op_type == "Swish" else 2], by_reference=True, **given)


OLD: Cases = {
    **{f"{op}-{opset}-{axis}": (op, [X], {"opset": opset, "axis": axis}) for op in ("Softmax", "LogSoftmax", "Hardmax") for opset, axis in ((7, 0), (10, 1), (11, -2), (12, 2), (12, -1))},
    **{f"{op}-default": (op, [X], {"opset": 11}) for op in ("Softmax", "LogSoftmax", "Hardmax")},
    "Softmax-of-a-matrix": ("Softmax", [floats(3, 4)], {"opset": 9, "axis": 1}),
    "Softmax-of-channels": ("Softmax", [floats(2, 5, 1, 1)], {"opset": 9, "axis": 1}),
    "Softmax-of-all": ("Softmax", [floats(3, 4)], {"opset": 11, "axis": 0}),
    "Dropout-7": ("Dropout", [X], {"opset": 7, "ratio": 0.3}),
    "Dropout-11": ("Dropout", [X], {"opset": 11}),
    "Dropout-7-mask": ("Dropout", [X], {"opset": 7, "outputs": ("y", "mask")}),
    "Dropout-7-mask-half": ("Dropout", [HALF], {"opset": 7, "outputs": ("y", "mask")}),
    "Dropout-10-mask": ("Dropout", [X], {"opset": 10, "outputs": ("y", "mask")}),
    "PRelu-7": ("PRelu", [X, floats(3, 1)], {"opset": 7}),
    "Gemm-7": ("Gemm", [floats(3, 4), floats(4, 5), floats(5)], {"opset": 7}),
    "Gemm-10": ("Gemm", [floats(3, 4), floats(4, 5), floats(1, 5)], {"opset": 10, "beta": 0.5}),
    "MatMul-8": ("MatMul", [floats(2, 3, 4), floats(4, 5)], {"opset": 8}),
    "Celu-12": ("Celu", [X], {"opset": 12, "alpha": 0.7}),
    "HardSwish-14": ("HardSwish", [X], {"opset": 14}),
    "Elu-7": ("Elu", [X], {"opset": 7, "alpha": 0.7}),
    "Relu-7": ("Relu", [EDGES], {"opset": 7}),
    "ThresholdedRelu-7": ("ThresholdedRelu", [X], {"opset": 7, "alpha": 0.4}),
    "ThresholdedRelu-9": ("ThresholdedRelu", [X], {"opset": 9}),
    "ThresholdedRelu-10": ("ThresholdedRelu", [X], {"opset": 10, "alpha": 0.4}),
}  # fmt: skip


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@pytest.mark.parametrize("name", OLD)
def test_raised(name: str, dynamic: bool, same_raised: Callable[..., None]) -> None:
    op_type, inputs, attributes = OLD[name]
    same_raised(op_type, inputs, dynamic=dynamic, **attributes)


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@pytest.mark.parametrize("outputs", [("y",), ("y", "mask")], ids=["y", "mask"])
@pytest.mark.parametrize("rest", [[], [np.float32(0.3)], [np.float16(0.3)]], ids=["no-ratio", "ratio", "half-ratio"])
def test_dropout(rest: list[np.ndarray], outputs: tuple[str, ...], dynamic: bool, same_below: Callable[..., None]) -> None:
    """A ratio that the network computes says nothing in a network that isn't being trained."""
    same_below("Dropout", [X, *map(np.asarray, rest)], outputs=outputs, dynamic=dynamic)


@pytest.mark.parametrize("opset", [7, 10, 11])
def test_a_mask_that_nobody_reads_costs_nothing(opset: int) -> None:
    """Old exporters name it always."""
    x, y, mask = (
        ir.Value(name=name, type=ir.TensorType(ir.DataType.FLOAT), shape=ir.Shape([2, 3])) for name in ("x", "y", "m")
    )
    node = ir.Node("", "Dropout", [x], outputs=[y, mask])
    model = ir.Model(ir.Graph([x], [y], nodes=[node], opset_imports={"": opset}), ir_version=8)
    assert convert_opset(model, NEWEST) == []
    assert [(n.op_type, len(n.outputs)) for n in model.graph] == [("Dropout", 1)]


def dropout(ratio: float, training: bool | None, *, shape: tuple[int, int] = (2, 3), mask: bool = False) -> onnx.ModelProto:
    """Dropout with a constant ratio and a mode that is a constant or, if None, an input."""
    x, y = (onnx.helper.make_tensor_value_info(name, 1, shape) for name in "xy")
    outputs = [y, onnx.helper.make_tensor_value_info("mask", onnx.TensorProto.BOOL, shape)] if mask else [y]
    constants = [onnx.numpy_helper.from_array(np.float32(ratio), "ratio")]
    if training is not None:
        constants.append(onnx.numpy_helper.from_array(np.bool_(training), "training"))
    mode = [] if training is not None else [onnx.helper.make_tensor_value_info("training", onnx.TensorProto.BOOL, [])]
    node = onnx.helper.make_node("Dropout", ["x", "ratio", "training"], [output.name for output in outputs])
    graph = onnx.helper.make_graph([node], "g", [x, *mode], outputs, constants)
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)])


@pytest.mark.parametrize(("ratio", "training"), [(0.5, False), (0.0, True), (0.0, None)])
def test_dropout_that_drops_nothing(ratio: float, training: bool | None) -> None:
    onnx.checker.check_model(to_proto(load(dropout(ratio, training)), opset=11), full_check=True)


@pytest.mark.parametrize("training", [True, None], ids=["always", "by-input"])
@pytest.mark.parametrize("ratio", [0.0, 0.25, 1.0])
def test_dropout_in_training(training: bool | None, ratio: float) -> None:
    """What isn't dropped is larger; about as much is dropped as is asked for, and other elements each time."""
    proto = dropout(ratio, training, shape=(100, 100), mask=True)
    written = to_proto(load(proto), opset=11)
    onnx.checker.check_model(written, full_check=True)
    session = onnxruntime.InferenceSession(written.SerializeToString())
    x = np.arange(1, 10001, dtype=np.float32).reshape(100, 100)
    results = [session.run(None, {"x": x} if training else {"x": x, "training": np.array(True)}) for _ in range(2)]
    for y, mask in results:
        np.testing.assert_allclose(y, np.where(mask, x / (1 - ratio) if ratio < 1 else 0, 0), rtol=1e-6)
        assert abs(mask.mean() - (1 - ratio)) < 0.03
    assert ratio != 0.25 or not np.array_equal(results[0][1], results[1][1])
    if training is None:
        y, mask = session.run(None, {"x": x, "training": np.array(False)})
        assert mask.all()
        np.testing.assert_array_equal(y, x)


@pytest.mark.parametrize("op_type", ["Softmax", "LogSoftmax", "Hardmax"])
def test_softmax_of_unknown_rank(op_type: str) -> None:
    """Flatten, which knows no rank either, does for raising; lowering can't know which axes follow."""
    x, y = (ir.Value(name=name, type=ir.TensorType(ir.DataType.FLOAT)) for name in "xy")
    node = ir.Node("", op_type, [x], outputs=[y])
    model = ir.Model(ir.Graph([x], [y], nodes=[node], opset_imports={"": 11}), ir_version=8)
    assert convert_opset(model, NEWEST) == []
    assert [n.op_type for n in model.graph] == ["Flatten", op_type, "Shape", "Reshape"]
    (gap,) = convert_opset(model, 11)
    assert "rank" in gap.reason


@pytest.mark.parametrize("op_type", ["Elu", "Selu", "HardSigmoid", "HardSwish", "Mish", "Softplus", "Softsign", "ThresholdedRelu", "LeakyRelu", "Celu", "Gelu"])  # fmt: skip
def test_bfloat16_is_cast_where_the_operator_came_to_it_later(op_type: str) -> None:
    """Opset 13 has the type; opset 11 hasn't, and says so."""
    x, y = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.BFLOAT16, [2, 3]) for name in "xy")
    graph = onnx.helper.make_graph([onnx.helper.make_node(op_type, ["x"], ["y"])], "g", [x], [y])
    model = load(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", NEWEST)]))
    for opset in (13, 15, 18, 21):
        onnx.checker.check_model(to_proto(model, opset=opset), full_check=True)
    gaps = check(model, opset=11)
    assert gaps
    assert all("bfloat16" in gap.reason for gap in gaps)


def test_mish_in_double_precision() -> None:
    """ONNX Runtime has no Softplus of it; far from 0 nothing overflows."""
    x = np.concatenate([X.astype(np.float64).ravel(), [800.0, -800.0, 40.0, -40.0]])
    values = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.DOUBLE, x.shape) for name in "xy"]
    graph = onnx.helper.make_graph([onnx.helper.make_node("Mish", ["x"], ["y"])], "g", values[:1], values[1:])
    written = to_proto(load(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)])), opset=17)
    got = onnxruntime.InferenceSession(written.SerializeToString()).run(None, {"x": x})[0]
    np.testing.assert_allclose(got, x * np.tanh(np.logaddexp(0, x)), rtol=1e-12, atol=1e-15)
