"""Settings that an operator doesn't take, and labels that inference doesn't read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import dragoman
from dragoman.graph_ir import Model
from dragoman.graph_ir.errors import DragomanError


def load(folder: Path, nodes: list[dict[str, Any]], **options: Any) -> Model:
    path = folder / "net-symbol.json"
    variables = [index for index, node in enumerate(nodes) if node["op"] == "null"]
    path.write_text(json.dumps({"nodes": nodes, "arg_nodes": variables, "heads": [[len(nodes) - 1, 0, 0]]}))
    return dragoman.load(path, **options)


def variable(name: str) -> dict[str, Any]:
    return {"op": "null", "name": name, "inputs": []}


@pytest.mark.parametrize(
    ("op", "settings"),
    [
        ("_plus_scalar", {"scalar": "abc"}),
        ("clip", {"a_min": "0"}),
        ("Cast", {"dtype": "complex64"}),
        ("LeakyReLU", {"act_type": "swish"}),
        ("_contrib_arange_like", {"repeat": "0"}),
        ("_npi_around", {"decimals": "400"}),
        ("Dropout", {"mode": "always", "p": "0.5"}),
        ("softmax", {"axis": "2"}),
        ("_arange", {"start": "nan"}),
        ("_arange", {"start": "1e18"}),
        ("_arange", {"start": "0", "stop": "inf"}),
        ("_arange", {"start": "0", "infer_range": "True"}),
        ("_zeros", {"shape": "(100000,100000,100000)"}),
        ("_eye", {"N": "1000000"}),
        ("_npi_eye", {"N": "-3"}),
        ("_npi_identity", {"shape": "()"}),
        ("_npi_indices", {"dimensions": "(100000,100000)"}),
        ("_npi_blackman", {"M": "-3"}),
        ("_linspace", {"start": "0", "stop": "1", "num": "-3"}),
    ],
)
def test_impossible_settings_are_errors_that_name_the_layer(op: str, settings: dict[str, str], tmp_path: Path) -> None:
    alone = op.startswith(("_arange", "_zeros", "_eye", "_npi_eye", "_npi_id", "_npi_ind", "_npi_bl", "_lin"))
    node = {"op": op, "name": "layer7", "attrs": settings, "inputs": [] if alone else [[0, 0, 0]]}
    with pytest.raises(DragomanError, match="layer7"):
        load(tmp_path, [node] if alone else [variable("x"), node], inputs={} if alone else {"x": (2, 3)})


@pytest.mark.parametrize("op", ["Reshape", "of_no_library"])
def test_what_makes_a_label_is_not_read(op: str, tmp_path: Path) -> None:
    shaped = {"op": op, "name": "r", "attrs": {"shape": "(-1,)"}, "inputs": [[1, 0, 0]]}
    loss = {"op": "SoftmaxOutput", "name": "softmax", "inputs": [[0, 0, 0], [2, 0, 0]]}
    model = load(tmp_path, [variable("data"), variable("label"), shaped, loss], inputs={"data": ("batch", 3)})
    assert [value.name for value in model.graph.inputs] == ["data"]
    assert [node.op_type for node in model.graph] == ["Softmax"]
