"""Attribute sweeps and old opsets, against ONNX Runtime: in double where it has a double kernel, else in float."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from onnx import TensorProto, helper

from dragoman.validators.evaluator import Evaluator


def _rng() -> np.random.Generator:
    return np.random.default_rng(7)


def _model(
    op: str, inputs: Sequence[np.ndarray | None], opset: int, outputs: int, attributes: dict[str, Any]
) -> onnx.ModelProto:
    """One node: the first input is fed, the others are weights."""
    names = ["" if value is None else f"input_{k}" for k, value in enumerate(inputs)]
    results = [f"output_{k}" for k in range(outputs)]
    kind = helper.np_dtype_to_tensor_dtype(inputs[0].dtype)
    weights = [onnx.numpy_helper.from_array(v, n) for v, n in zip(inputs[1:], names[1:], strict=True) if v is not None]
    graph = helper.make_graph(
        [helper.make_node(op, names, results, **attributes)],
        "node",
        [helper.make_tensor_value_info(names[0], kind, inputs[0].shape)],
        [onnx.ValueInfoProto(name=name) for name in results],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return onnx.shape_inference.infer_shapes(model)


def _check(
    op: str, inputs: Sequence[np.ndarray | None], attributes: dict[str, Any], opset: int, outputs: int, dtype: type
) -> None:
    wide = [v.astype(dtype) if v is not None and v.dtype == np.float32 else v for v in inputs]
    model = _model(op, wide, opset, outputs, attributes)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    expected = session.run(None, {"input_0": wide[0]})
    actual = Evaluator(ir.from_proto(model), np.float64).run({"input_0": wide[0]})
    rtol, atol = (1e-10, 1e-12) if dtype is np.float64 else (2e-5, 2e-6)
    for name, value in zip((o.name for o in model.graph.output), expected, strict=True):
        assert actual[name].shape == value.shape
        np.testing.assert_allclose(actual[name], value, rtol=rtol, atol=atol)


def _x(*shape: int) -> np.ndarray:
    return _rng().standard_normal(shape).astype(np.float32)


def _w(*shape: int) -> np.ndarray:
    return np.random.default_rng(11).standard_normal(shape).astype(np.float32)


CONVOLUTIONS = [
    ("1-D", _x(2, 4, 11), _w(6, 4, 3), {"strides": [2], "pads": [1, 2]}),
    ("3-D", _x(1, 2, 5, 6, 7), _w(4, 2, 2, 3, 2), {"strides": [1, 2, 2], "pads": [1, 0, 1, 0, 1, 0]}),
    ("groups", _x(2, 6, 9, 8), _w(9, 2, 3, 3), {"group": 3, "pads": [1, 1, 1, 1]}),
    ("depthwise", _x(2, 5, 9, 8), _w(5, 1, 3, 3), {"group": 5, "strides": [2, 1], "pads": [1, 0, 2, 1]}),
    ("depthwise multiplied", _x(1, 3, 7, 7), _w(6, 1, 3, 3), {"group": 3, "dilations": [2, 1]}),
    ("dilated", _x(1, 3, 12, 13), _w(4, 3, 3, 2), {"dilations": [2, 3], "pads": [2, 1, 2, 1]}),
    ("1x1", _x(2, 8, 5, 5), _w(3, 8, 1, 1), {}),
    ("1x1 strided", _x(2, 8, 5, 5), _w(3, 8, 1, 1), {"strides": [2, 2]}),
    ("same upper", _x(1, 3, 10, 11), _w(2, 3, 4, 3), {"auto_pad": "SAME_UPPER", "strides": [2, 3]}),
    ("same lower", _x(1, 3, 10, 11), _w(2, 3, 4, 3), {"auto_pad": "SAME_LOWER", "strides": [2, 3]}),
    ("valid", _x(1, 3, 10, 11), _w(2, 3, 4, 3), {"auto_pad": "VALID"}),
    ("more rows than fit at once", _x(1, 64, 70, 70), _w(4, 64, 5, 5) * 0.02, {}),
]
TRANSPOSED = [
    ("1-D", _x(2, 4, 6), _w(4, 3, 3), {"strides": [2], "pads": [1, 0]}),
    ("3-D", _x(1, 2, 3, 4, 3), _w(2, 3, 2, 3, 2), {"strides": [2, 1, 2]}),
    ("groups", _x(2, 4, 5, 6), _w(4, 3, 4, 4), {"group": 2, "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    ("depthwise", _x(1, 3, 5, 6), _w(3, 1, 4, 4), {"group": 3, "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    ("dilated", _x(1, 2, 5, 6), _w(2, 3, 3, 2), {"dilations": [2, 3], "pads": [1, 0, 2, 1]}),
    ("output padding", _x(1, 2, 5, 6), _w(2, 3, 3, 3), {"strides": [3, 2], "output_padding": [2, 1], "pads": [1, 1, 1, 1]}),
    ("output shape", _x(1, 2, 5, 6), _w(2, 3, 3, 3), {"strides": [2, 2], "output_shape": [10, 12]}),
    (
        "output shape upper",
        _x(1, 2, 5, 6),
        _w(2, 3, 3, 3),
        {"strides": [2, 2], "output_shape": [10, 12], "auto_pad": "SAME_UPPER"},
    ),
    ("same upper", _x(1, 2, 5, 6), _w(2, 3, 3, 3), {"strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    ("same lower", _x(1, 2, 5, 6), _w(2, 3, 3, 3), {"strides": [2, 2], "auto_pad": "SAME_LOWER"}),
]


@pytest.mark.parametrize(("x", "w", "attributes"), [pytest.param(*c[1:], id=c[0]) for c in CONVOLUTIONS])
def test_conv(x: np.ndarray, w: np.ndarray, attributes: dict[str, Any]) -> None:
    _check("Conv", [x, w, _w(w.shape[0])], attributes, 17, 1, np.float32)


@pytest.mark.parametrize(("x", "w", "attributes"), [pytest.param(*c[1:], id=c[0]) for c in TRANSPOSED])
def test_conv_transpose(x: np.ndarray, w: np.ndarray, attributes: dict[str, Any]) -> None:
    _check("ConvTranspose", [x, w, _w(w.shape[1] * attributes.get("group", 1))], attributes, 17, 1, np.float32)


POOLS = [
    ({"kernel_shape": [3]}, (2, 3, 9)),
    ({"kernel_shape": [2, 3], "strides": [2, 2]}, (2, 3, 9, 8)),
    ({"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}, (1, 2, 8, 9)),
    ({"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}, (1, 2, 8, 9)),
    ({"kernel_shape": [2, 2], "strides": [3, 3], "pads": [0, 0, 1, 1], "ceil_mode": 1}, (1, 2, 7, 8)),
    ({"kernel_shape": [3, 2], "pads": [1, 0, 2, 1], "strides": [1, 2]}, (1, 2, 8, 9)),
    ({"kernel_shape": [3, 3], "auto_pad": "SAME_UPPER", "strides": [2, 2]}, (1, 2, 8, 9)),
    ({"kernel_shape": [3, 4], "auto_pad": "SAME_LOWER", "strides": [2, 3]}, (1, 2, 8, 9)),
    ({"kernel_shape": [3, 3], "auto_pad": "VALID"}, (1, 2, 8, 9)),
    ({"kernel_shape": [2, 2], "dilations": [2, 3]}, (1, 2, 8, 9)),
    ({"kernel_shape": [2, 2, 2], "strides": [2, 1, 2], "pads": [1, 0, 0, 0, 1, 0]}, (1, 2, 5, 6, 7)),
]


@pytest.mark.parametrize(("attributes", "shape"), POOLS)
@pytest.mark.parametrize("order", [0, 1])
def test_max_pool_with_indices(attributes: dict[str, Any], shape: tuple[int, ...], order: int) -> None:
    x = np.round(_x(*shape) * 2)  # many ties: the first occurrence wins
    _check("MaxPool", [x], attributes | {"storage_order": order}, 12, 2, np.float64)


@pytest.mark.parametrize(("attributes", "shape"), POOLS)
def test_max_pool_alone(attributes: dict[str, Any], shape: tuple[int, ...]) -> None:
    _check("MaxPool", [_x(*shape)], attributes, 12, 1, np.float64)


@pytest.mark.parametrize(("attributes", "shape"), POOLS)
@pytest.mark.parametrize("include", [0, 1])
def test_average_pool(attributes: dict[str, Any], shape: tuple[int, ...], include: int) -> None:
    _check("AveragePool", [_x(*shape)], attributes | {"count_include_pad": include}, 19, 1, np.float32)


@pytest.mark.parametrize("p", [1, 2, 3])
@pytest.mark.parametrize(("attributes", "shape"), [c for c in POOLS if "dilations" not in c[0] and "ceil_mode" not in c[0]])
def test_lp_pool(attributes: dict[str, Any], shape: tuple[int, ...], p: int) -> None:
    _check("LpPool", [_x(*shape)], attributes | {"p": p}, 11, 1, np.float32)


def _i(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def _f(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


DOUBLE = [
    ("Gemm", [_x(3, 5), _w(4, 5), _w(4)], {"transB": 1, "alpha": 0.5, "beta": 2.0}, 13),
    ("Gemm", [_x(5, 3), _w(5, 4)], {"transA": 1}, 13),
    ("MatMul", [_x(2, 1, 3, 5), _w(4, 5, 6)], {}, 13),
    ("Softmax", [_x(2, 3, 4)], {}, 13),
    ("Softmax", [_x(2, 3, 4)], {}, 11),
    ("Softmax", [_x(2, 3, 4)], {"axis": 2}, 11),
    ("LogSoftmax", [_x(2, 3, 4)], {"axis": 1}, 13),
    ("BatchNormalization", [_x(2, 3, 4), _w(3), _w(3), _w(3), np.abs(_w(3))], {"epsilon": 0.01}, 15),
    ("BatchNormalization", [_x(2, 3, 4), _w(3), _w(3), _w(3), np.abs(_w(3))], {}, 8),
    ("LayerNormalization", [_x(2, 3, 4), _w(3, 4), _w(3, 4)], {"axis": 1}, 17),
    ("ReduceMean", [_x(2, 3, 4)], {"axes": [0, -1], "keepdims": 0}, 13),
    ("ReduceSum", [_x(2, 3, 4)], {"axes": [1]}, 11),
    ("ReduceSum", [_x(2, 3, 4), _i(1, 2)], {}, 13),
    ("ReduceLogSumExp", [_x(2, 3, 4) * 300], {"axes": [2]}, 13),
    ("ReduceL2", [_x(2, 3, 4)], {"axes": [1]}, 13),
    ("CumSum", [_x(3, 4), np.array(1, np.int32)], {"exclusive": 1, "reverse": 1}, 14),
    ("Clip", [_x(3, 4), np.array(-0.5, np.float32), np.array(0.25, np.float32)], {}, 13),
    ("Pow", [np.abs(_x(3, 4)), _w(4)], {}, 15),
    ("TopK", [_x(3, 7), _i(3)], {"axis": 1, "largest": 0}, 11),
    ("Pad", [_x(2, 3, 4), _i(0, 1, 2, 0, 0, 1), np.array(0.5, np.float32)], {}, 13),
    ("Pad", [_x(2, 3, 4), _i(0, 2, 1, 0, 1, 2)], {"mode": "reflect"}, 13),
    ("Slice", [_x(5, 6), _i(-1, 1), _i(-100, 100), _i(0, 1), _i(-2, 3)], {}, 13),
    ("DepthToSpace", [_x(1, 8, 2, 3)], {"blocksize": 2, "mode": "CRD"}, 13),
    ("SpaceToDepth", [_x(1, 2, 4, 6)], {"blocksize": 2}, 13),
    ("Einsum", [_x(2, 3, 4), _w(2, 4, 5)], {"equation": "bij,bjk->bik"}, 12),
    ("Erf", [_x(50) * 2], {}, 13),
]
SINGLE = [
    ("LRN", [_x(1, 7, 3, 3)], {"size": 3, "alpha": 0.5, "beta": 0.6, "bias": 1.5}, 13),
    ("LRN", [_x(1, 7, 3, 3)], {"size": 5}, 13),
    ("InstanceNormalization", [_x(2, 3, 4, 5), _w(3), _w(3)], {}, 6),
    ("MeanVarianceNormalization", [_x(2, 3, 4, 5)], {"axes": [2, 3]}, 13),
    ("LpNormalization", [_x(2, 3, 4)], {"axis": 1, "p": 1}, 13),
    ("Clip", [_x(3, 4)], {"min": -0.5, "max": 0.25}, 6),
    ("Slice", [_x(5, 6)], {"starts": [1, -3], "ends": [100, -1], "axes": [0, 1]}, 9),
    ("Pad", [_x(2, 3)], {"pads": [1, 0, 0, 2], "mode": "edge"}, 10),
    ("Unsqueeze", [_x(2, 3)], {"axes": [0, 3]}, 11),
    ("Split", [_x(2, 6)], {"axis": 1, "split": [2, 4]}, 11),
    ("TopK", [_x(3, 7)], {"k": 2}, 9),
    ("Upsample", [_x(1, 2, 3, 4), _f(1, 1, 2, 3)], {"mode": "nearest"}, 9),
    ("Upsample", [_x(1, 2, 3, 4), _f(1, 1, 2, 3)], {"mode": "linear"}, 9),
    ("Resize", [_x(1, 2, 3, 4), _f(1, 1, 2, 1.5)], {"mode": "linear"}, 10),
    (
        "Resize",
        [_x(1, 1, 2, 4), None, _f(1, 1, 0.6, 0.6)],
        {"mode": "linear", "coordinate_transformation_mode": "align_corners"},
        13,
    ),
    (
        "Resize",
        [_x(1, 1, 4, 4), None, _f(1, 1, 0.8, 0.8)],
        {"mode": "cubic", "coordinate_transformation_mode": "align_corners"},
        13,
    ),
    (
        "Resize",
        [_x(1, 1, 4, 5), None, None, _i(1, 1, 7, 9)],
        {"mode": "linear", "coordinate_transformation_mode": "align_corners"},
        13,
    ),
    ("Resize", [_x(1, 1, 6, 7), None, None, _i(1, 1, 3, 4)], {"mode": "linear", "antialias": 1}, 18),
    ("Resize", [_x(1, 1, 5, 7), None, None, _i(1, 1, 3, 9)], {"mode": "nearest", "nearest_mode": "ceil"}, 13),
    (
        "MaxUnpool",
        [_x(1, 1, 2, 2), np.array([[[[6, 8], [16, 18]]]]), _i(1, 1, 5, 5)],
        {"kernel_shape": [2, 2], "strides": [2, 2]},
        11,
    ),
    (
        "MaxRoiPool",
        [_x(1, 2, 9, 11), _f(0, 1, 2, 8, 7, 0, 3, 0, 20, 8).reshape(2, 5)],
        {"pooled_shape": [3, 4], "spatial_scale": 0.75},
        1,
    ),
    (
        "RoiAlign",
        [_x(2, 2, 9, 11), _f(1, 2, 8, 7, -3, 0, 20, 8).reshape(2, 4), _i(0, 1)],
        {"output_height": 3, "output_width": 2},
        16,
    ),
    (
        "RoiAlign",
        [_x(2, 2, 9, 11), _f(1, 2, 8, 7, 3, 0, 3, 8).reshape(2, 4), _i(1, 0)],
        {"output_height": 3, "output_width": 2, "spatial_scale": 0.5, "sampling_ratio": 3, "mode": "max"},
        10,
    ),
    ("GridSample", [_x(2, 3, 5, 6), _w(2, 4, 3, 2)], {"mode": "bicubic", "padding_mode": "reflection"}, 16),
    ("GridSample", [_x(2, 3, 5, 6), _w(2, 4, 3, 2)], {"mode": "bilinear", "padding_mode": "border", "align_corners": 1}, 16),
    ("GridSample", [_x(2, 3, 5, 6), _w(2, 4, 3, 2) * 0.3], {"mode": "nearest"}, 16),
    ("Gelu", [_x(3, 4)], {}, 20),
    ("Gelu", [_x(3, 4)], {"approximate": "tanh"}, 20),
    ("HardSwish", [_x(3, 4) * 4], {}, 14),
    ("PRelu", [_x(2, 3, 4), _w(3, 1)], {}, 16),
    ("Shrink", [_x(3, 4)], {"lambd": 0.4, "bias": 0.1}, 9),
]


def _named(table: list[tuple[Any, ...]]) -> list[Any]:
    return [pytest.param(*row, id=f"{row[0]}-{row[3]}-{k}") for k, row in enumerate(table)]


OUTPUTS = {"TopK": 2, "Split": 2, "LayerNormalization": 1}


@pytest.mark.parametrize(("op", "inputs", "attributes", "opset"), _named(DOUBLE))
def test_in_double(op: str, inputs: list[np.ndarray | None], attributes: dict[str, Any], opset: int) -> None:
    dtype = np.float32 if op in ("Erf", "ReduceL2", "LayerNormalization") else np.float64
    _check(op, inputs, attributes, opset, OUTPUTS.get(op, 1), dtype)


@pytest.mark.parametrize(("op", "inputs", "attributes", "opset"), _named(SINGLE))
def test_in_single(op: str, inputs: list[np.ndarray | None], attributes: dict[str, Any], opset: int) -> None:
    _check(op, inputs, attributes, opset, OUTPUTS.get(op, 1), np.float32)


LENGTHS = np.array([4, 2, 3], np.int32)
RECURRENT = [
    ("LSTM", 4, 3, {}),
    ("LSTM", 4, 3, {"direction": "bidirectional"}),
    ("LSTM", 4, 3, {"direction": "reverse", "clip": 0.4}),
    (
        "LSTM",
        4,
        3,
        {
            "activations": ["HardSigmoid", "Softsign", "ScaledTanh"],
            "activation_alpha": [0.3, 1.5],
            "activation_beta": [0.4, 0.7],
        },
    ),
    ("GRU", 3, 2, {}),
    ("GRU", 3, 2, {"direction": "bidirectional", "linear_before_reset": 1}),
    ("GRU", 3, 2, {"direction": "reverse"}),
    ("GRU", 3, 2, {"clip": 0.4}),
    ("GRU", 3, 2, {"clip": 0.4, "linear_before_reset": 1}),
    ("RNN", 1, 2, {"clip": 0.4}),
    ("LSTM", 4, 3, {"input_forget": 1}),
    ("RNN", 1, 2, {}),
    ("RNN", 1, 2, {"direction": "bidirectional", "activations": ["Relu", "LeakyRelu"], "activation_alpha": [0.1]}),
]


@pytest.mark.parametrize(("op", "gates", "outputs", "attributes"), RECURRENT)
@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_recurrent(op: str, gates: int, outputs: int, attributes: dict[str, Any], lengths: np.ndarray | None) -> None:
    ways, hidden = 2 if attributes.get("direction") == "bidirectional" else 1, 5
    inputs = [
        _x(4, 3, 6),
        _w(ways, gates * hidden, 6),
        _x(ways, gates * hidden, hidden) * 0.5,
        _w(ways, 2 * gates * hidden),
        lengths,
    ]
    inputs.append(_w(ways, 3, hidden))
    if op == "LSTM":
        inputs += [_x(ways, 3, hidden), _w(ways, 3 * hidden)]
    _check(op, inputs, attributes | {"hidden_size": hidden}, 14, outputs, np.float32)


def test_old_broadcasting_by_axis() -> None:
    model = _model("Add", [_x(2, 3, 4), _w(3)], 6, 1, {"axis": 1, "broadcast": 1})
    x = _x(2, 3, 4)
    found = Evaluator(ir.from_proto(model), np.float32).run({"input_0": x})["output_0"]
    np.testing.assert_array_equal(found, x + _w(3)[:, None])


def test_integer_division_truncates() -> None:
    a = np.array([7, -7, 7, -7, 6], np.int64)
    graph = helper.make_graph(
        [helper.make_node("Div", ["a", "b"], ["y"])],
        "g",
        [helper.make_tensor_value_info(n, TensorProto.INT64, [5]) for n in "ab"],
        [helper.make_tensor_value_info("y", TensorProto.INT64, [5])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    feeds = {"a": a, "b": np.array([2, 2, -2, -2, -3], np.int64)}
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    np.testing.assert_array_equal(Evaluator(ir.from_proto(model)).run(feeds)["y"], session.run(None, feeds)[0])
