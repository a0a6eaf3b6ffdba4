"""Names, order and types of inputs and outputs are the symbol's own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

import dragoman

from .params_file import write_params
from .symbols import Net

X = np.random.default_rng(2).standard_normal((2, 3)).astype(np.float32)


def session(path: Path) -> onnxruntime.InferenceSession:
    onnx.checker.check_model(onnx.load(path), full_check=True)
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def converted(net: Net, folder: Path, *heads: int | tuple[int, int], optimize: bool = True, **shapes: tuple[int | str, ...]) -> Path:
    symbol = net.save(folder, *heads)
    return dragoman.convert(symbol, folder / "net.onnx", inputs=shapes, optimize=optimize, verify=False).path


def test_inputs_come_in_the_order_of_the_symbol(tmp_path: Path) -> None:
    net = Net()
    late = net.op("elemwise_mul", "m", (net.var("z"), net.var("a")))  # a's shape is inferred from what is read after it
    net.op("elemwise_add", "s", (late, net.var("m_first")))
    found = session(converted(net, tmp_path, len(net.nodes) - 1, m_first=(2, 3)))
    assert [(value.name, value.shape) for value in found.get_inputs()] == [(name, [2, 3]) for name in ("z", "a", "m_first")]


def test_groups_keep_their_order(tmp_path: Path) -> None:
    net = Net()
    relu = net.op("relu", "r", (net.var("x"),))
    tanh = net.op("tanh", "t", (relu,))
    for optimize in (True, False):
        found = session(converted(net, tmp_path, tanh, relu, optimize=optimize, x=("batch", 3)))
        assert [value.name for value in found.get_outputs()] == ["t_output", "r_output"]
        assert found.get_inputs()[0].shape == ["batch", 3]
        np.testing.assert_array_equal(found.run(None, {"x": X})[1], np.maximum(X, 0))


def test_an_input_that_is_an_output(tmp_path: Path) -> None:
    net = Net()
    data = net.var("x")
    relu = net.op("relu", "r", (data,))
    for optimize in (True, False):
        found = session(converted(net, tmp_path, data, relu, optimize=optimize, x=(2, 3)))
        assert [value.name for value in found.get_outputs()] == ["x", "r_output"]
        np.testing.assert_array_equal(found.run(["x"], {"x": X})[0], X)


def test_inputs_past_the_outputs_are_left_out(tmp_path: Path) -> None:
    net = Net()
    tanh = net.op("tanh", "t", (net.var("x"),))
    symbol = net.save(tmp_path, net.op("elemwise_add", "s", (tanh, net.var("label"))))
    for outputs, names in ((["t_output"], ["x"]), (["s_output"], ["x", "label"]), (["label"], ["label"])):
        model = dragoman.load(symbol, inputs={"x": (2, 3)}, outputs=outputs)
        assert [value.name for value in model.graph.inputs] == names


def test_one_output_twice(tmp_path: Path) -> None:
    net = Net()
    relu = net.op("relu", "r", (net.var("x"),))
    symbol = net.save(tmp_path, relu, relu)
    result = dragoman.convert(symbol, tmp_path / "net.onnx", inputs={"x": (2, 3)}, verify=False)
    found = session(result.path)
    assert [value.name for value in found.get_outputs()] == ["r_output", "r_output_1"]
    assert result.model.notes == ["two outputs are called r_output; one of them is r_output_1 now"]
    np.testing.assert_array_equal(*found.run(None, {"x": X}))


def test_two_layers_of_one_name(tmp_path: Path) -> None:
    net = Net()
    relu = net.op("relu", "r", (net.var("x"),))
    other = net.op("negative", "r", (relu,))
    found = session(converted(net, tmp_path, relu, other, x=(2, 3)))
    positive, negative = found.run(None, {"x": X})
    np.testing.assert_array_equal(positive, np.maximum(X, 0))
    np.testing.assert_array_equal(negative, -np.maximum(X, 0))


def test_an_input_that_no_number_depends_on_stays(tmp_path: Path) -> None:
    net = Net()
    zeros = net.op("zeros_like", "z", (net.var("unread"),))
    net.op("elemwise_add", "s", (net.var("x"), zeros))
    found = session(converted(net, tmp_path, len(net.nodes) - 1, x=(2, 3), unread=(2, 3)))
    assert [value.name for value in found.get_inputs()] == ["x", "unread"]


def test_labels_are_no_inputs_and_weights_none_either(tmp_path: Path) -> None:
    net = Net()
    net.op("SoftmaxOutput", "softmax", (net.dense("fc", net.var("x"), 4), net.var("softmax_label")))
    weights = {"fc_weight": np.ones((4, 3), np.float16), "fc_bias": np.ones(4, np.float16)}
    write_params(tmp_path / "net-0000.params", weights)
    found = session(converted(net, tmp_path, len(net.nodes) - 1, x=("n", 3)))
    assert [(value.name, value.type) for value in found.get_inputs()] == [("x", "tensor(float16)")]  # as its weights are
    assert [(value.name, value.shape) for value in found.get_outputs()] == [("softmax_output", ["n", 4])]


def test_zeros_whose_shape_is_inferred_and_empty_ones(tmp_path: Path) -> None:
    net = Net()
    zeros = net.op("_zeros", "z", (), shape="(0, 3)", dtype="float32")
    symbol = net.save(tmp_path, net.op("elemwise_add", "s", (net.var("x"), zeros)))
    assert list(dragoman.load(symbol, inputs={"x": (2, 3)}).graph.outputs[0].shape) == [2, 3]
    document = json.loads(symbol.read_text())
    document["attrs"]["is_np_shape"] = ["int", 1]
    symbol.write_text(json.dumps(document))
    assert list(dragoman.load(symbol, inputs={"x": (0, 3)}).graph.outputs[0].shape) == [0, 3]


def test_internal_outputs_on_request(tmp_path: Path) -> None:
    net = Net()
    parts = net.op("SliceChannel", "s", (net.var("x"),), num_outputs="3")
    symbol = net.save(tmp_path, (parts, 0))
    model = dragoman.load(symbol, inputs={"x": (2, 3)}, outputs=["s_output2", "s_output0"])
    assert [value.name for value in model.graph.outputs] == ["s_output2", "s_output0"]


def test_types_that_the_files_do_not_say(tmp_path: Path) -> None:
    net = Net()
    net.op("relu", "r", (net.var("x"),))
    model = dragoman.load(net.save(tmp_path, 1), inputs={"x": (2, 3)}, input_dtype=["x:float64"])
    assert model.graph.outputs[0].dtype.name == "DOUBLE"
