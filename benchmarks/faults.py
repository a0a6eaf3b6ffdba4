"""Faults as converters make them: each changes a correct ONNX file, or the prototxt that is converted, in one respect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper, numpy_helper

Graph = onnx.GraphProto
Edit = Callable[[Graph], None]


@dataclass(frozen=True)
class Fault:
    """``edit`` changes the ONNX graph; ``text`` the prototxt before it is converted, old to new. ``network`` of the zoo, or
    of NETS.
    """

    name: str
    network: str
    edit: Edit | None = None
    text: tuple[str, str] = ("", "")


def _head(name: str) -> str:
    shape = "dim: 1 dim: 3 dim: 12 dim: 12"
    return f'name: "{name}"\nlayer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ {shape} }} }} }}\n'


def _layer(kind: str, bottom: str, top: str, fields: str = "") -> str:
    bottoms = " ".join(f'bottom: "{b}"' for b in bottom.split())
    return f'layer {{ name: "{top}_{kind}" type: "{kind}" {bottoms} top: "{top}" {fields} }}\n'


def _net(name: str, *layers: str) -> str:
    convolution = _layer("Convolution", "data", "x", "convolution_param { num_output: 6 kernel_size: 3 pad: 1 }")
    return _head(name) + convolution + "".join(layers)


NETS = {
    "average": _net("average", _layer("Pooling", "x", "y", "pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 }")),
    "leaky": _net("leaky", _layer("ReLU", "x", "y", "relu_param { negative_slope: 0.1 }")),
    "prelu": _net("prelu", _layer("PReLU", "x", "y")),
    "elu": _net("elu", _layer("ELU", "x", "y", "elu_param { alpha: 1 }")),
    "mvn": _net("mvn", _layer("MVN", "x", "y", "mvn_param { normalize_variance: false }")),
    "sigmoid": _net("sigmoid", _layer("Sigmoid", "x", "y")),
    "power": _head("power")
    + _layer("Power", "data", "s", "power_param { scale: 0.0078125 shift: -1 }")
    + _layer("Convolution", "s", "y", "convolution_param { num_output: 6 kernel_size: 3 }"),
    "dilated": _head("dilated")
    + _layer("Convolution", "data", "y", "convolution_param { num_output: 6 kernel_size: 3 pad: 2 dilation: 2 }"),
    "heads": _net(
        "heads",
        _layer("ReLU", "x", "x"),
        *(_layer("InnerProduct", "x", top, "inner_product_param { num_output: 5 }") for top in ("left", "right")),
    ),
    "minus": _net(
        "minus",
        _layer("TanH", "x", "t"),
        _layer("Eltwise", "x t", "y", "eltwise_param { operation: SUM coeff: 1 coeff: -0.5 }"),
    ),
}
"""Small networks for what the classic ones lack; their weights are seeded normal values."""


def find(graph: Graph, kind: str, index: int = 0) -> onnx.NodeProto:
    """The node of operator ``kind`` at ``index``."""
    return [n for n in graph.node if n.op_type == kind][index]


def attribute(graph: Graph, kind: str, name: str, change: Callable[[object], object], index: int = 0) -> None:
    """Change an attribute."""
    node = find(graph, kind, index)
    old = next((helper.get_attribute_value(a) for a in node.attribute if a.name == name), None)
    kept = [a for a in node.attribute if a.name != name]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute(name, change(old))])


def tensor(graph: Graph, kind: str, place: int, change: Callable[[np.ndarray], np.ndarray], index: int = 0) -> None:
    """Change the initializer that is input ``place`` of the node of ``kind`` at ``index``."""
    name = find(graph, kind, index).input[place]
    old = next(t for t in graph.initializer if t.name == name)
    old.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(change(numpy_helper.to_array(old).copy())), name))


def every(graph: Graph, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Change all float weights."""
    for old in graph.initializer:
        if old.data_type == onnx.TensorProto.FLOAT:
            old.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(old)).astype(np.float32), old.name))


def replace(graph: Graph, kind: str, other: str, index: int = 0, **attributes: object) -> None:
    """Another operator in the node's place."""
    node = find(graph, kind, index)
    node.op_type = other
    del node.attribute[:]
    node.attribute.extend(helper.make_attribute(k, v) for k, v in attributes.items())


def insert(graph: Graph, kind: str, op: str, values: list[float], index: int = 0) -> None:
    """``op`` with a constant after the node."""
    node = find(graph, kind, index)
    top = node.output[0]
    node.output[0] = f"{top}/before"
    graph.initializer.extend(
        numpy_helper.from_array(np.array(v, np.float32), f"{top}/constant{i}") for i, v in enumerate(values)
    )
    made = helper.make_node(op, [node.output[0], *(f"{top}/constant{i}" for i in range(len(values)))], [top])
    graph.node.insert(list(graph.node).index(node) + 1, made)


def inputs(graph: Graph, kind: str, change: Callable[[list[str]], list[str]], index: int = 0) -> None:
    """Other inputs of the node."""
    node = find(graph, kind, index)
    new = change(list(node.input))
    del node.input[:]
    node.input.extend(new)


def swap_outputs(graph: Graph) -> None:
    """The first two outputs under each other's name."""
    a, b = graph.output[0].name, graph.output[1].name
    names = {a: b, b: a}
    for node in graph.node:
        node.output[:] = [names.get(o, o) for o in node.output]


def _zero_filter(w: np.ndarray) -> np.ndarray:
    w[1] = 0
    return w


def _one_weight(w: np.ndarray) -> np.ndarray:
    w.flat[w.size // 2] = 0
    return w


def _noisy(w: np.ndarray) -> np.ndarray:
    return (w * (1 + 1e-3 * np.random.default_rng(0).standard_normal(w.shape))).astype(np.float32)


def _rounded(w: np.ndarray, bits: int) -> np.ndarray:
    mask = np.uint32(0xFFFFFFFF << (23 - bits) & 0xFFFFFFFF)
    return ((w.view(np.uint32) + np.uint32(1 << (22 - bits))) & mask).view(np.float32)


def _flattened_channels_last(w: np.ndarray) -> np.ndarray:
    n, k = w.shape
    side = 4 if k % 16 == 0 else 2
    return w.reshape(n, -1, side, side).transpose(0, 2, 3, 1).reshape(n, k)


def _halves(w: np.ndarray) -> np.ndarray:
    return np.concatenate([w[w.shape[0] // 2 :], w[: w.shape[0] // 2]])


def _pads(old: object) -> list[int]:
    top, left, bottom, right = old or [0, 0, 0, 0]
    return [top + 1, left, bottom - 1, right]


FAULTS = (
    Fault("kernels transposed (H and W)", "lenet", lambda g: tensor(g, "Conv", 1, lambda w: w.swapaxes(2, 3))),
    Fault("BGR for RGB", "squeezenet", lambda g: tensor(g, "Conv", 1, lambda w: w[:, ::-1])),
    Fault("BGR for RGB", "resnet18", lambda g: tensor(g, "Conv", 1, lambda w: w[:, ::-1])),
    Fault("bias of the first layer lost", "vgg16", lambda g: tensor(g, "Conv", 2, lambda b: 0 * b)),
    Fault("bias of the last layer lost", "lenet", lambda g: tensor(g, "Gemm", 2, lambda b: 0 * b, -1)),
    Fault("bias of the tenth layer lost", "vgg16", lambda g: tensor(g, "Conv", 2, lambda b: 0 * b, 9)),
    Fault("one filter zero", "googlenet", lambda g: tensor(g, "Conv", 1, _zero_filter, 8)),
    Fault("one filter zero", "mobilenet", lambda g: tensor(g, "Conv", 1, _zero_filter, 6)),
    Fault("one weight zero", "lenet", lambda g: tensor(g, "Gemm", 1, _one_weight)),
    Fault("weights of one layer off by 1e-3", "resnet50", lambda g: tensor(g, "Conv", 1, _noisy, 20)),
    Fault("weights of one layer off by 1e-3", "vgg16", lambda g: tensor(g, "Conv", 1, _noisy, 5)),
    Fault("weights of one layer off by 1e-3", "lenet", lambda g: tensor(g, "Gemm", 1, _noisy)),
    Fault("weights rounded to float16", "squeezenet", lambda g: every(g, lambda w: w.astype(np.float16))),
    Fault("weights rounded to float16", "resnet18", lambda g: every(g, lambda w: w.astype(np.float16))),
    Fault("weights rounded to float16", "lenet", lambda g: every(g, lambda w: w.astype(np.float16))),
    Fault("weights rounded to bfloat16", "mobilenet", lambda g: every(g, lambda w: _rounded(w, 7))),
    Fault("weights rounded to 16 bits of fraction", "lenet", lambda g: every(g, lambda w: _rounded(w, 16))),
    Fault("weights rounded to 16 bits of fraction", "resnet18", lambda g: every(g, lambda w: _rounded(w, 16))),
    Fault("LRN alpha not divided by the size", "alexnet", lambda g: attribute(g, "LRN", "alpha", lambda a: a * 5)),
    Fault("LRN alpha divided twice", "googlenet", lambda g: attribute(g, "LRN", "alpha", lambda a: a / 5)),
    Fault("LRN size + 2", "alexnet", lambda g: attribute(g, "LRN", "size", lambda n: n + 2)),
    Fault("LRN k = 2", "alexnet", lambda g: attribute(g, "LRN", "bias", lambda b: 2.0)),
    Fault("LRN beta 0.5", "googlenet", lambda g: attribute(g, "LRN", "beta", lambda b: 0.5)),
    Fault("padding moved by one", "vgg16", lambda g: attribute(g, "Conv", "pads", _pads, 2)),
    Fault("padding moved by one", "squeezenet", lambda g: attribute(g, "Conv", "pads", _pads, 3)),
    Fault("window of pooling 3 for 2", "lenet", text=("kernel_size: 2", "kernel_size: 3")),
    Fault("average for maximum", "vgg16", text=("pool: MAX", "pool: AVE")),
    Fault("padding not counted", "average", lambda g: attribute(g, "AveragePool", "count_include_pad", lambda c: 1 - (c or 0))),
    Fault("BatchNorm epsilon 1e-3", "resnet18", text=("use_global_stats: true", "use_global_stats: true eps: 1e-3")),
    Fault("BatchNorm epsilon 2e-5", "resnet50", text=("use_global_stats: true", "use_global_stats: true eps: 2e-5")),
    Fault("BatchNorm epsilon 1e-4", "mobilenet", text=("use_global_stats: true", "use_global_stats: true eps: 1e-4")),
    Fault("a ReLU lost", "resnet18", lambda g: replace(g, "Relu", "Identity", 5)),
    Fault("a ReLU leaks 0.01", "squeezenet", lambda g: replace(g, "Relu", "LeakyRelu", 4, alpha=0.01)),
    Fault("a clamp at 6 added", "mobilenet", lambda g: insert(g, "Relu", "Clip", [0, 6], 3)),
    Fault("a clamp at 6 added", "lenet", lambda g: insert(g, "Relu", "Clip", [0, 6])),
    Fault("negative slope 0.01 for 0.1", "leaky", lambda g: attribute(g, "LeakyRelu", "alpha", lambda a: 0.01)),
    Fault("one slope for all channels", "prelu", lambda g: tensor(g, "PRelu", 1, lambda s: np.full_like(s, s.flat[0]))),
    Fault("ELU alpha 0.5", "elu", lambda g: attribute(g, "Elu", "alpha", lambda a: 0.5)),
    Fault("scale 1/255 for 1/128", "power", text=("scale: 0.0078125", "scale: 0.00392157")),
    Fault("mean of one grey level lost", "power", text=("shift: -1", "shift: -0.9921875")),
    Fault("variance normalised too", "mvn", text=("normalize_variance: false", "normalize_variance: true")),
    Fault("dilation lost", "dilated", text=("pad: 2 dilation: 2", "pad: 1")),
    Fault("HardSigmoid for Sigmoid", "sigmoid", lambda g: replace(g, "Sigmoid", "HardSigmoid", alpha=0.25, beta=0.5)),
    Fault("two outputs swapped", "heads", swap_outputs),
    Fault("coefficient of a sum lost", "minus", text=("coeff: -0.5", "coeff: 0.5")),
    Fault("Softmax over the wrong axis", "squeezenet", lambda g: attribute(g, "Softmax", "axis", lambda a: -1)),
    Fault("Softmax twice", "lenet", lambda g: insert(g, "Gemm", "Softmax", [], -1)),
    Fault("concatenated in the wrong order", "squeezenet", lambda g: inputs(g, "Concat", lambda n: n[::-1], 2)),
    Fault("concatenated in the wrong order", "googlenet", lambda g: inputs(g, "Concat", lambda n: [n[1], n[0], *n[2:]] , 7)),
    Fault("shortcut lost", "resnet50", lambda g: inputs(g, "Add", lambda n: [n[0], n[0]], 3)),
    Fault("crop off by one", "fcn8s", text=("offset: 9", "offset: 8")),
    Fault("nearest for bilinear filters", "fcn8s", lambda g: tensor(g, "ConvTranspose", 1, lambda w: (w > 0.4).astype(np.float32))),
    Fault("groups swapped", "alexnet", lambda g: tensor(g, "Conv", 1, _halves, 1)),
    Fault("flattened channels last", "lenet", lambda g: tensor(g, "Gemm", 1, _flattened_channels_last)),
    Fault("Dropout scales at test", "alexnet", lambda g: insert(g, "Gemm", "Mul", [0.5], 0)),
    Fault("global maximum for average", "squeezenet", lambda g: replace(g, "GlobalAveragePool", "GlobalMaxPool")),
    Fault("logarithm of the Softmax", "lenet", lambda g: replace(g, "Softmax", "LogSoftmax", axis=1)),
)  # fmt: skip
