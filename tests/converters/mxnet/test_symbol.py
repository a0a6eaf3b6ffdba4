"""Symbols of every version as text; what isn't one is one error with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

import dragoman
from dragoman.converters.mxnet.symbol import parse_symbol
from dragoman.graph_ir.errors import DragomanError, MalformedModel, UnsupportedAttribute, UnsupportedOperator, UsageError

from .params_file import write_params

RNG = np.random.default_rng(1)
W, B = RNG.standard_normal((3, 4)).astype(np.float32), RNG.standard_normal(3).astype(np.float32)
X = RNG.standard_normal((2, 4)).astype(np.float32)


def symbol(key: str = "attrs", reference: int = 3, *, variables: bool = True, version: int | None = 10901) -> dict[str, Any]:
    """A fully connected layer and an activation, as different versions wrote them."""

    def refs(*nodes: int) -> list[list[int]]:
        return [[node, 0, 0][:reference] for node in nodes]

    names = ["data", "fc_weight", "fc_bias"] if variables else ["data"]
    nodes: list[dict[str, Any]] = [{"op": "null", "name": name, "inputs": []} for name in names]
    nodes.append({"op": "FullyConnected", "name": "fc", key: {"num_hidden": "3"}, "inputs": refs(*range(len(names)))})
    nodes.append({"op": "Activation", "name": "act", key: {"act_type": "relu"}, "inputs": refs(len(names))})
    made = {"nodes": nodes, "arg_nodes": list(range(len(names))), "heads": refs(len(nodes) - 1)}
    return made if version is None else {**made, "attrs": {"mxnet_version": ["int", version]}}


def write(document: Any, folder: Path) -> Path:
    path = folder / "net-symbol.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def output(document: Any, folder: Path) -> np.ndarray:
    write_params(folder / "net-0000.params", {"arg:fc_weight": W, "arg:fc_bias": B})
    out = dragoman.convert(write(document, folder), folder / "out.onnx", inputs={"data": ("batch", 4)}, verify=False).path
    return onnxruntime.InferenceSession(out, providers=["CPUExecutionProvider"]).run(["act_output"], {"data": X})[0]


VERSIONS = {
    "1.9": symbol(),
    "0.12": symbol("attr", version=1200),
    "0.9": symbol("param", reference=2, version=None),
    "0.8, no variables of parameters": symbol("param", reference=2, variables=False, version=None),
    "training attributes": {
        **symbol(),
        "nodes": [{**n, "attrs": {**n.get("attrs", {}), "__lr_mult__": "2.0", "ctx_group": "dev1"}} for n in symbol()["nodes"]],
    },
}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version(version: str, tmp_path: Path) -> None:
    np.testing.assert_allclose(output(VERSIONS[version], tmp_path), np.maximum(X @ W.T + B, 0), rtol=1e-5, atol=1e-6)


def test_weights_beside_the_symbol(tmp_path: Path) -> None:
    write(symbol(), tmp_path)
    own = write_params(tmp_path / "net-0012.params", {"arg:fc_weight": W, "arg:fc_bias": B})
    write_params(tmp_path / "other-0099.params", {"arg:fc_weight": W * 9, "arg:fc_bias": B})
    assert dragoman.load(tmp_path / "net-symbol.json", inputs={"data": (2, 4)}).source.weights == own
    write_params(tmp_path / "net-0003.params", {"arg:fc_weight": W * 2, "arg:fc_bias": B})
    with pytest.raises(MalformedModel, match=r"net-0003\.params, net-0012\.params.*--weights"):
        dragoman.load(tmp_path / "net-symbol.json", inputs={"data": (2, 4)})
    model = dragoman.load(tmp_path / "net-symbol.json", weights=tmp_path / "net-0003.params", inputs={"data": (2, 4)})
    np.testing.assert_array_equal(model.graph.initializers["fc_weight"].const_value.numpy(), W * 2)


def test_the_prefix_of_a_checkpoint(tmp_path: Path) -> None:
    write(symbol(), tmp_path)
    weights = write_params(tmp_path / "net-0001.params", {"arg:fc_weight": W, "arg:fc_bias": B})
    source = dragoman.load(tmp_path / "net", inputs={"data": (2, 4)}).source
    assert (source.path, source.weights) == (tmp_path / "net-symbol.json", weights)
    with pytest.raises(MalformedModel, match=r"no such file: .*nothing$"):
        dragoman.load(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ("", "isn't a symbol"),
        ("{", "isn't a symbol"),
        ("[" * 100000, "nests too deep"),
        ('{"nodes": 1}', "no list of nodes"),
        ({**symbol(), "heads": []}, "no heads"),
        ({**symbol(), "heads": [[99, 0, 0]]}, "a head is node 99"),
        ({**symbol(), "nodes": [{"op": "relu", "name": "r", "inputs": [[0, 0, 0]]}], "heads": [[0, 0, 0]]}, "in a circle: r → r"),
        ({**symbol(), "nodes": [{"op": "null"}]}, "no op and name"),
        ({**symbol(), "nodes": [{"op": "null", "name": "x", "attrs": {"a": 1}}]}, "isn't a table of text"),
        ({**symbol(), "nodes": [{"op": "relu", "name": "x", "inputs": [["a"]]}]}, "isn't \\[node, output"),
        ("\ud800", "surrogates|UTF-8|isn't a symbol"),
    ],
)
def test_what_is_no_symbol(change: Any, word: str) -> None:
    with pytest.raises(MalformedModel, match=word):
        parse_symbol(change if isinstance(change, str) else json.dumps(change))


def with_attrs(**attrs: str) -> dict[str, Any]:
    document = symbol()
    document["nodes"][3]["attrs"] = {"num_hidden": "3", **attrs}
    return document


def with_last(op: str) -> dict[str, Any]:
    document = symbol()
    document["nodes"][-1]["op"] = op
    return document


@pytest.mark.parametrize(
    ("document", "error", "words"),
    [
        (with_attrs(new_setting="4"), UnsupportedAttribute, "fc .FullyConnected..*new_setting"),
        (with_attrs(flatten="maybe"), UnsupportedAttribute, "flatten 'maybe'.*True or False"),
        (with_attrs(no_bias="True"), MalformedModel, "no_bias"),
        (with_last("Odd"), UnsupportedOperator, "Odd × 1: act"),
    ],
)
def test_what_is_not_understood_names_its_node(document: Any, error: type[DragomanError], words: str, tmp_path: Path) -> None:
    with pytest.raises(error, match=words):
        output(document, tmp_path)


def test_a_shape_that_nothing_says(tmp_path: Path) -> None:
    activation = {"op": "Activation", "name": "a", "attrs": {"act_type": "relu"}, "inputs": [[0, 0, 0]]}
    document = {"nodes": [{"op": "null", "name": "x", "inputs": []}, activation], "heads": [[1, 0, 0]]}
    with pytest.raises(MalformedModel, match="--input x:"):
        dragoman.load(write(document, tmp_path))


def test_weights_that_are_missing(tmp_path: Path) -> None:
    write_params(tmp_path / "net-0000.params", {"arg:fc_weight": W})
    with pytest.raises(MalformedModel, match=r"no values for fc_bias: net-0000\.params"):
        dragoman.load(write(symbol(), tmp_path), inputs={"data": (2, 4)})


def test_an_input_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no input daat; it has data"):
        write_params(tmp_path / "net-0000.params", {"arg:fc_weight": W, "arg:fc_bias": B})
        dragoman.load(write(symbol(), tmp_path), inputs={"daat": (2, 4)})


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        *(("_Plus", "elemwise_add"), ("_PlusScalar", "_plus_scalar"), ("_sparse_relu", "relu"), ("Softmax", "SoftmaxOutput")),
        ("_sparse_retain", "_sparse_retain"),
    ],
)
def test_other_names_of_operators(alias: str, name: str) -> None:
    document = {"nodes": [{"op": "null", "name": "x", "inputs": []}, {"op": alias, "name": "y", "inputs": [[0, 0]]}], "heads": [[1, 0]]}
    assert parse_symbol(json.dumps(document)).nodes[1].op == name
