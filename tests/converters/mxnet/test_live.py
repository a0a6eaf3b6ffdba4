"""Networks in memory: converted, and compared with what MXNet computes in this process. Needs an environment with both."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

import dragoman
from dragoman.converters.mxnet.symbol import parse_symbol
from dragoman.converters.mxnet.weights import variable_names
from dragoman.graph_ir.errors import MalformedModel, UsageError
from dragoman.graph_ir.tensors import DerivedTensor
from dragoman.validators.worker import MXNet

if find_spec("mxnet") is None:
    pytest.skip("mxnet isn't installed in this environment", allow_module_level=True)
MXNet.prepare()
mx: Any = import_module("mxnet")
X = np.random.default_rng(0).standard_normal((2, 3, 6, 6)).astype(np.float32)
Y = np.random.default_rng(1).standard_normal((2, 7)).astype(np.float32)


class TwoPaths(mx.gluon.HybridBlock):
    """Two inputs, and outputs in a list within a tuple."""

    def __init__(self) -> None:
        super().__init__()
        with self.name_scope():
            self.image = mx.gluon.nn.Conv2D(4, 3, activation="relu")
            self.dense = mx.gluon.nn.Dense(5)
            self.other = mx.gluon.nn.Dense(6)

    def hybrid_forward(self, F: Any, x: Any, y: Any) -> Any:
        return self.dense(self.image(x)), [self.other(y)]


def two_paths() -> Any:
    mx.random.seed(3)
    net = TwoPaths()
    net.initialize(mx.init.Normal(0.5))
    return net


@pytest.mark.parametrize("hybridized", [False, True])
@pytest.mark.parametrize("shapes", [None, {"data0": ("batch", 3, 6, 6), "data1": ("batch", 7)}])
def test_blocks(hybridized: bool, shapes: Any, tmp_path: Path) -> None:
    net = two_paths()
    if hybridized:
        net.hybridize()
    result = dragoman.convert(net, tmp_path / "net.onnx", example_inputs=[mx.nd.array(X), Y], inputs=shapes)
    assert result.report.passed
    assert result.report.original.runtime == "MXNet"
    found = dragoman.run(result.path, {"data0": X, "data1": Y})
    wanted = net(mx.nd.array(X), mx.nd.array(Y))
    for value, output in zip(found.values(), (wanted[0], wanted[1][0]), strict=True):
        np.testing.assert_allclose(value, output.asnumpy(), rtol=1e-4, atol=1e-5)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net.onnx"]


def test_a_block_is_left_as_it_was(tmp_path: Path) -> None:
    net = two_paths()
    before = dict(net.__dict__)
    dragoman.convert(net, tmp_path / "net.onnx", example_inputs=[X, Y], verify=False)
    assert [name for name in net.__dict__ if net.__dict__[name] is not before.get(name)] == []


def test_types_are_the_examples(tmp_path: Path) -> None:
    net = mx.gluon.nn.Dense(3, in_units=7)
    net.initialize(mx.init.Normal(1))
    net.cast("float16")
    result = dragoman.convert(net, tmp_path / "net.onnx", example_inputs=Y.astype(np.float16), verify=False)
    assert [value.dtype.name for value in (*result.model.graph.inputs, *result.model.graph.outputs)] == ["FLOAT16"] * 2


def symbol() -> Any:
    return mx.sym.FullyConnected(mx.sym.var("x"), num_hidden=3, name="fc")


def test_symbols_and_their_arrays(tmp_path: Path) -> None:
    weights = {"arg:fc_weight": mx.nd.array(Y[:1].repeat(3, 0)), "fc_bias": np.arange(3, dtype=np.float32)}
    result = dragoman.convert(symbol(), tmp_path / "net.onnx", weights=weights, inputs={"x": ("batch", 7)})
    assert result.report.passed, result.report.reasons
    assert [value.name for value in result.model.graph.outputs] == ["fc_output"]


def test_modules_and_symbol_blocks(tmp_path: Path) -> None:
    module = mx.mod.Module(symbol(), data_names=["x"], label_names=None)
    with pytest.raises(UsageError, match="bind it"):
        dragoman.load(module)
    module.bind([("x", (2, 7))], for_training=False)
    module.init_params(mx.init.Normal(1))
    assert dragoman.convert(module, tmp_path / "net.onnx").report.passed
    block = mx.gluon.SymbolBlock(symbol(), [mx.sym.var("x")])
    block.initialize(mx.init.Normal(1))
    assert dragoman.convert(block, tmp_path / "net.onnx", example_inputs=Y).report.passed


def test_verdicts_are_of_the_block_itself(tmp_path: Path) -> None:
    net = two_paths()
    model = dragoman.load(net, example_inputs=[X, Y])
    path = dragoman.save(model, tmp_path / "net.onnx")
    net.dense.bias.set_data(net.dense.bias.data() + 0.01)
    report = dragoman.verify(net, path, example_inputs=[X, Y])
    assert not report.passed
    assert report.localisation.departure.layer.endswith("dense0_fwd")


@pytest.mark.parametrize("name", ["resnet18_v1", "resnet50_v2", "densenet121", "inceptionv3", "mobilenetv2_0.25", "vgg11_bn"])
def test_saved_parameters_find_their_variables(name: str) -> None:
    net = mx.gluon.model_zoo.vision.get_model(name)
    graph = net(mx.sym.var("data"))
    sizes = graph.infer_shape(data=(1, 3, 299, 299) if name == "inceptionv3" else (1, 3, 224, 224))
    shapes = dict(zip([*graph.list_arguments(), *graph.list_auxiliary_states()], [*sizes[0], *sizes[2]], strict=True))
    wanted = {structured: parameter.name for structured, parameter in net._collect_params_with_prefix().items()}
    arrays = {s: DerivedTensor(lambda: np.empty(0), ir.DataType.FLOAT, shapes[own], name=s) for s, own in wanted.items()}
    assert variable_names(arrays, parse_symbol(graph.tojson()), Path("net.params")) == wanted


@pytest.mark.parametrize(
    ("source", "options", "error", "words"),
    [
        (two_paths, {}, UsageError, "give example_inputs"),
        (two_paths, {"example_inputs": [X]}, MalformedModel, "can't be called"),
        (symbol, {"inputs": {"x": (2, 7)}}, MalformedModel, "fc_weight, fc_bias"),
        (object, {}, UsageError, "builtins.object.*HybridBlock"),
    ],
)
def test_what_cannot_be_converted(source: Any, options: Any, error: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(error, match=words):
        dragoman.convert(source(), tmp_path / "net.onnx", **options)
