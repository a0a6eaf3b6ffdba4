"""Models that are Python functions, and a small Caffe network with its ONNX twin."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from dragoman.validators.runners.base import Description, RunnerBase, TensorSpec
from dragoman.validators.runners.opencv_limits import SourceLayer


class FunctionRunner(RunnerBase):
    """A model that is a function from feeds to outputs; it may have tensors to tap."""

    def __init__(self, function, inputs, outputs, *, ordered=True, taps=None):
        self.function = function
        self.taps = taps or {}
        self.description = Description("function", "1", tuple(inputs), tuple(outputs), ordered=ordered)

    def describe(self):
        return self.description

    def run(self, feeds, taps=()):
        outputs = {name: np.asarray(value) for name, value in self.function(**feeds).items()}
        return {**outputs, **{name: self.taps[name](**feeds) for name in taps}}


@pytest.fixture
def function_runner():
    """A runner of ``function(x) -> {name: array}`` whose outputs are described by what a call gives, unless told."""

    def make(function, *, x=(2, 4), outputs=None, taps=None, ordered=True):
        if outputs is None:
            trial = function(x=np.ones(x, np.float32))
            outputs = [TensorSpec(n, np.asarray(v).dtype.name, tuple(np.shape(v))) for n, v in trial.items()]
        return FunctionRunner(function, [TensorSpec("x", "float32", x)], outputs, taps=taps, ordered=ordered)

    return make


@pytest.fixture(scope="session")
def caffe_python():
    """An interpreter with real Caffe."""
    interpreter = os.environ.get("DRAGOMAN_CAFFE_PYTHON")
    if not interpreter:
        pytest.skip("real Caffe isn't at hand: DRAGOMAN_CAFFE_PYTHON names no interpreter that has it")
    return interpreter


# --- a Caffe network: convolution, batch norm, scale, clamp, ceil-mode pooling, global average, inner product, softmax ---

PROTOTXT = """
name: "small"
input: "data" input_shape {{ dim: 1 dim: 3 dim: 10 dim: 10 }}
layer {{ name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param {{ num_output: 6 kernel_size: 3 pad: 1 }} }}
layer {{ name: "bn" type: "BatchNorm" bottom: "conv" top: "conv" }}
layer {{ name: "scale" type: "Scale" bottom: "conv" top: "conv" scale_param {{ bias_term: true }} }}
layer {{ name: "clamp" bottom: "conv" top: "conv" {clamp} }}
layer {{ name: "pool" type: "Pooling" bottom: "conv" top: "pool" pooling_param {{ pool: MAX kernel_size: 3 stride: 2 }} }}
layer {{ name: "mean" type: "Pooling" bottom: "pool" top: "mean" pooling_param {{ pool: AVE global_pooling: true }} }}
layer {{ name: "fc" type: "InnerProduct" bottom: "mean" top: "fc" inner_product_param {{ num_output: 5 }} }}
layer {{ name: "prob" type: "Softmax" bottom: "fc" top: "prob" }}
"""

LAYERS = (
    SourceLayer("data", "Input", (), ("data",)),
    SourceLayer(
        "conv", "Convolution", ("data",), ("conv",), {"convolution_param": {"num_output": 6, "kernel_size": 3, "pad": 1}}
    ),
    SourceLayer("bn", "BatchNorm", ("conv",), ("conv",)),
    SourceLayer("scale", "Scale", ("conv",), ("conv",), {"scale_param": {"bias_term": True}}),
    SourceLayer("clamp", "ReLU6", ("conv",), ("conv",)),
    SourceLayer("pool", "Pooling", ("conv",), ("pool",), {"pooling_param": {"pool": "MAX", "kernel_size": 3, "stride": 2}}),
    SourceLayer("mean", "Pooling", ("pool",), ("mean",), {"pooling_param": {"pool": "AVE", "global_pooling": True}}),
    SourceLayer("fc", "InnerProduct", ("mean",), ("fc",), {"inner_product_param": {"num_output": 5}}),
    SourceLayer("prob", "Softmax", ("fc",), ("prob",)),
)


def _weights():
    g = np.random.default_rng(7)
    conv, bias = 0.3 * g.standard_normal((6, 3, 3, 3)), g.standard_normal(6)
    mean, variance = g.standard_normal(6), g.uniform(0.02, 0.5, 6)
    gamma, beta = g.uniform(0.5, 1.5, 6), g.standard_normal(6)
    fc, fc_bias = 0.5 * g.standard_normal((5, 6)), g.standard_normal(5)
    arrays = {"conv": [conv, bias], "bn": [mean, variance, np.ones(1)], "scale": [gamma, beta], "fc": [fc, fc_bias]}
    return {name: [a.astype(np.float32) for a in blobs] for name, blobs in arrays.items()}


def _field(number, content):
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def caffemodel(weights):
    """A binary ``NetParameter``: layers (100) of name (1), type (2) and blobs (7) of shape (7) and data (5)."""
    net = b""
    for name, blobs in weights.items():
        content = _field(1, name.encode())
        for blob in blobs:
            dims = b"".join(_varint(d) for d in blob.shape)
            content += _field(7, _field(7, _field(1, dims)) + _field(5, struct.pack(f"<{blob.size}f", *blob.ravel())))
        net += _field(100, content)
    return net


@pytest.fixture
def caffe_files(tmp_path):
    """Write the prototxt, with the given clamp layer, and its weights."""

    def write(clamp='type: "ReLU6"') -> tuple[Path, Path]:
        prototxt, weights = tmp_path / "net.prototxt", tmp_path / "net.caffemodel"
        prototxt.write_text(PROTOTXT.format(clamp=clamp))
        weights.write_bytes(caffemodel(_weights()))
        return prototxt, weights

    return write


FAULTS = ("bgr", "no bias", "epsilon", "scale", "no clamp", "floor", "permuted classes")
GUILTY = dict(zip(FAULTS, ("conv", "conv", "bn", "scale", "clamp", "pool", "fc"), strict=True))


def twin(fault=None):
    """The network as ONNX, with one fault on request."""
    w = _weights()
    (conv, bias), (mean, variance, _), (gamma, beta), (fc, fc_bias) = (w[k] for k in ("conv", "bn", "scale", "fc"))
    if fault == "bgr":
        conv = conv[:, ::-1].copy()
    if fault == "no bias":
        bias = np.zeros_like(bias)
    if fault == "scale":
        gamma = np.ones_like(gamma)
    if fault == "permuted classes":
        fc, fc_bias = np.roll(fc, 1, 0), np.roll(fc_bias, 1)
    constants = {
        "w": conv, "b": bias, "m": mean, "v": variance, "one": np.ones(6, np.float32), "zero": np.zeros(6, np.float32),
        "g": gamma.reshape(1, 6, 1, 1), "be": beta.reshape(1, 6, 1, 1), "f": fc, "fb": fc_bias,
        "low": np.float32(0), "high": np.float32(1e9 if fault == "no clamp" else 6),
    }  # fmt: skip
    nodes = [
        helper.make_node("Conv", ["data", "w", "b"], ["conv.conv"], pads=[1, 1, 1, 1]),
        helper.make_node(
            "BatchNormalization",
            ["conv.conv", "one", "zero", "m", "v"],
            ["conv.bn"],
            epsilon=1e-3 if fault == "epsilon" else 1e-5,
        ),
        helper.make_node("Mul", ["conv.bn", "g"], ["scaled"]),
        helper.make_node("Add", ["scaled", "be"], ["conv.scale"]),
        helper.make_node("Clip", ["conv.scale", "low", "high"], ["conv"]),
        helper.make_node("MaxPool", ["conv"], ["pool"], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=int(fault != "floor")),
        helper.make_node("GlobalAveragePool", ["pool"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Gemm", ["flat", "f", "fb"], ["fc"], transB=1),
        helper.make_node("Softmax", ["fc"], ["prob"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, ["batch", 3, 10, 10])],
        [helper.make_tensor_value_info("prob", TensorProto.FLOAT, ["batch", 5])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture
def onnx_file(tmp_path):
    """Write the ONNX twin, with one fault on request."""

    def write(fault=None) -> Path:
        path = tmp_path / "net.onnx"
        onnx.save(twin(fault), path)
        return path

    return write


@pytest.fixture
def caffe_layers():
    """The small network's layers, as a reader would tell them."""
    return LAYERS


def pytest_generate_tests(metafunc):
    if "injected" in metafunc.fixturenames:
        metafunc.parametrize("injected", FAULTS)


@pytest.fixture
def guilty(injected):
    """The layer in which the fault lies."""
    return GUILTY[injected]
