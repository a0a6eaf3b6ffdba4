"""Pooling between opsets: dilations, ceil_mode and small integers, by ONNX Runtime at the model's own opset."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from dragoman.converters.onnx.importer import load

from .moved_operator import computes_the_same, model_of, reason_at, run

OPSETS = (11, 12, 13, 17, 18, 19, 21)


def signal(*size: int) -> np.ndarray:
    return np.random.default_rng(sum(size)).standard_normal((2, 3, *size)).astype(np.float32)


@pytest.mark.parametrize("dynamic", [(), ("x",)], ids=["static", "dynamic"])
@pytest.mark.parametrize(
    "op", ["AveragePool", "AveragePool-padding", "LpPool-1", "LpPool-2", "LpPool-3", "MaxPool", "MaxPool-indices"]
)
@pytest.mark.parametrize(
    ("size", "how"),
    [
        ((9,), {"kernel_shape": [3], "strides": [2], "dilations": [2], "pads": [1, 2], "ceil_mode": 1}),
        ((8, 7), {"kernel_shape": [3, 2], "strides": [2, 3], "dilations": [2, 1], "pads": [1, 0, 2, 1], "ceil_mode": 1}),
        ((8, 7), {"kernel_shape": [2, 3], "dilations": [3, 2]}),
        ((7, 6), {"kernel_shape": [2, 2], "strides": [2, 2], "pads": [1, 1, 1, 1], "ceil_mode": 1}),
        ((7, 6), {"kernel_shape": [2, 3], "strides": [4, 3], "pads": [1, 1, 1, 1], "ceil_mode": 1}),
        ((5, 4), {"kernel_shape": [3, 1], "strides": [3, 2], "pads": [0, 0, 2, 0], "ceil_mode": 1, "dilations": [2, 1]}),
        ((4, 5, 3), {"kernel_shape": [2, 2, 2], "strides": [2, 2, 2], "dilations": [1, 2, 1], "ceil_mode": 1}),
    ],
)
def test_windows(newest_opset, size, how, op, dynamic) -> None:
    op, _, kind = op.partition("-")
    extra = {"padding": {"count_include_pad": 1}, "indices": {}, "": {}}.get(kind)
    extra = {"p": int(kind)} if extra is None else extra
    x, rank = signal(*size), len(size) + 2
    outputs = [(np.float32, rank), (np.int64, rank)] if kind == "indices" else [(np.float32, rank)]
    computes_the_same(
        newest_opset, model_of(op, 22, {"x": x}, outputs=outputs, dynamic=dynamic, **how, **extra), {"x": x}, OPSETS
    )


def test_automatic_padding_that_leaves_elements_out(newest_opset) -> None:
    x = signal(9, 6)
    how = {"kernel_shape": [3, 2], "strides": [3, 3], "auto_pad": "SAME_LOWER", "count_include_pad": 1}
    computes_the_same(newest_opset, model_of("AveragePool", 22, {"x": x}, **how), {"x": x}, OPSETS)


@pytest.mark.parametrize("op", ["AveragePool", "LpPool"])
def test_automatic_padding_of_dilated_windows(op) -> None:
    """ONNX Runtime and the standard pad differently."""
    model = model_of(op, 22, {"x": signal(8, 8)}, kernel_shape=[2, 2], dilations=[2, 2], auto_pad="SAME_UPPER")
    assert "automatic padding of dilated windows" in reason_at(model, 17)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_small_integers(newest_opset, dtype) -> None:
    x = np.random.default_rng(0).integers(np.iinfo(dtype).min, np.iinfo(dtype).max, (1, 2, 5, 5)).astype(dtype)
    model = model_of("MaxPool", 12, {"x": x}, outputs=[(dtype, 4), (np.int64, 4)], kernel_shape=[2, 2], strides=[2, 2])
    computes_the_same(newest_opset, model, {"x": x}, (11, 13), tolerance=0)


@pytest.mark.parametrize("op", ["AveragePool", "MaxPool", "LpPool"])
@pytest.mark.parametrize("opset", [8, 10, 11, 12, 19])
@pytest.mark.parametrize("pad", ["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"])
def test_models_of_old_opsets(newest_opset, op, opset, pad) -> None:
    x = signal(8, 6)
    model = model_of(op, opset, {"x": x}, kernel_shape=[3, 2], strides=[2, 1], auto_pad=pad)
    computes_the_same(newest_opset, model, {"x": x}, (11, 13, 17, 21, 24))


@pytest.mark.parametrize("pad", ["SAME_UPPER", "SAME_LOWER"])
@pytest.mark.parametrize("stride", [3, 4])
@pytest.mark.parametrize("how", [{"count_include_pad": 0}, {"count_include_pad": 1}])
@pytest.mark.parametrize("dynamic", [(), ("x",)], ids=["static", "dynamic"])
def test_automatic_padding_may_be_negative(newest_opset, pad, stride, how, dynamic) -> None:
    """Windows that leave elements out between them leave out some at the ends too; below 19 ONNX Runtime doesn't run that."""
    for size in range(5, 12):
        x = signal(size, 4)
        model = model_of("AveragePool", 22, {"x": x}, kernel_shape=[1, 3], strides=[stride, 1], auto_pad=pad, dynamic=dynamic, **how)
        computes_the_same(newest_opset, model, {"x": x}, OPSETS)


@pytest.mark.parametrize("op", ["AveragePool", "MaxPool", "LpPool"])
def test_a_window_larger_than_everything(newest_opset, op) -> None:
    """By less than its stride: there is one."""
    x = signal(1, 5)
    computes_the_same(newest_opset, model_of(op, 22, {"x": x}, kernel_shape=[4, 2], strides=[4, 1]), {"x": x}, OPSETS)


@pytest.mark.parametrize("opset", [7, 12, 18, 19])
@pytest.mark.parametrize("how", [{"auto_pad": "VALID"}, {"pads": [1, 0, 0, 0]}, {}])
def test_an_average_of_a_window_larger_than_everything(newest_opset, opset, how) -> None:
    """Of old models it counts all of the window, if it counts padding."""
    x = signal(1, 5)
    model = model_of("AveragePool", opset, {"x": x}, kernel_shape=[4, 2], strides=[4, 1], count_include_pad=1, **how)
    computes_the_same(newest_opset, model, {"x": x}, OPSETS)


@pytest.mark.parametrize("op", ["AveragePool", "MaxPool"])
@pytest.mark.parametrize("opset", [12, 19])
def test_shapes_that_count_dropped_windows_are_forgotten(newest_opset, op, opset) -> None:
    """onnx's inference counts windows, before 22, that no runtime has: also those that a model declares, and what follows from them."""
    x = signal(5, 5)
    model = model_of(op, opset, {"x": x}, kernel_shape=[2, 2], strides=[3, 3], pads=[1] * 4, ceil_mode=1)
    model.graph.node.append(onnx.helper.make_node("Relu", ["out0"], ["after"]))
    model.graph.output[0].name = "after"
    model = onnx.shape_inference.infer_shapes(model)
    assert [d.dim_value for d in model.graph.output[0].type.tensor_type.shape.dim][2:] == [3, 3]
    assert run(model, {"x": x})[0].shape[2:] == (2, 2)
    computes_the_same(newest_opset, model, {"x": x}, (11, 17, 21, 22))
    assert list(load(model).ir.graph.outputs[0].shape[2:]) == [2, 2]
