"""``dragoman inspect``: what it says of models whose contents are known."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from dragoman.cli import invoke
from dragoman.converters.caffe import zoo
from dragoman.graph_ir.text import parse_model

MIXED = """<ir_version: 10, opset_import: ["": 17, "l": 1, "odd": 1], producer_name: "pytorch", producer_version: "2.9",
  doc_string: "What it
   is for", metadata_props: ["stride": "32", "classes": "cat"]>
g (float[N,4] x, bool c, seq(float[?,4]) s, string[2] txt, optional(seq(int64[])) o, float[4,4] w)
  => (float[N,4] y, float[N,4] z, float[M] q)
<float[2] w2 = {1, 2}, string[2] st = {"ab", "c"}, float16[3] h = {0, 0, 0}>
{
  n = Constant <value: tensor = int64 {5}> ()
  y = Loop <body = b (int64 i, bool k, float[N,4] a) => (bool m, float[N,4] t) { m = Identity (k) t = MatMul (a, w) }> (n, c, x)
  z = l.f (x, w)
  q = odd.Thing (x)
}
<domain: "l", opset_import: ["": 17]> f (a, b) => (o) { h = MatMul (a, b) o = Relu (h) }
"""


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mixed") / "mixed.onnx"
    onnx.save(onnx.parser.parse_model(MIXED), path)
    return path


def shown(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    capsys.readouterr()
    assert invoke(["inspect", *map(str, arguments)]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> dict:
    return json.loads(shown(capsys, *arguments, "--json"))


def test_everything_that_is_in_it(mixed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = as_json(capsys, mixed)
    assert (found["format"], found["bytes"], found["ir_version"]) == ("onnx", mixed.stat().st_size, 10)
    assert (found["opset"], found["opsets"]) == (17, {"ai.onnx": 17, "l": 1, "odd": 1})  # the model's own, not the graph's
    assert (found["producer"], found["metadata"]) == ("pytorch 2.9", {"stride": "32", "classes": "cat"})
    assert [(t["name"], t["kind"], t["dtype"], t["shape"]) for t in found["inputs"]] == [
        ("x", "tensor", "float32", ["N", 4]),
        ("c", "tensor", "bool", []),
        ("s", "sequence", "float32", [None, 4]),
        ("txt", "tensor", "string", [2]),
        ("o", "optional sequence", "int64", None),
        ("w", "tensor", "float32", [4, 4]),
    ]
    assert [t["name"] for t in found["outputs"]] == ["y", "z", "q"]
    assert (found["parameters"], found["parameter_bytes"]) == (2 + 2 + 3 + 1, 8 + 3 + 6 + 8)
    assert {w["dtype"]: (w["tensors"], w["parameters"], w["bytes"]) for w in found["weights"]} == {
        "float32": (1, 2, 8), "int64": (1, 1, 8), "float16": (1, 3, 6), "string": (1, 2, 3),
    }  # fmt: skip
    assert (found["macs"], found["macs_by_operator"], found["assumed"]) == (5 * 16 + 16, {"MatMul": 96}, ["N"])
    assert (found["nodes"], found["nodes_in_subgraphs"], found["nodes_in_functions"]) == (4, 2, 2)
    assert found["operators"] == {"MatMul": 2, "Constant": 1, "Identity": 1, "Loop": 1, "Relu": 1, "l.f": 1, "odd.Thing": 1}
    assert found["functions"] == {"l.f": 1}
    assert found["graph"] == []


def test_the_page(mixed: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    page = shown(capsys, mixed)
    lines = [" ".join(line.split()) for line in page.splitlines()]
    for wanted in (
        "format onnx, " + f"{mixed.stat().st_size} B, IR version 10, by pytorch 2.9",
        "about What it is for",
        "opsets ai.onnx 17, l 1, odd 1",
        "input x float32 N×4",
        "c bool scalar",
        "s sequence of float32 ?×4",
        "o optional sequence of int64 shape unknown",
        "multiply-adds 96 in MatMul; with N taken as 1 (set sizes with --input x:1,4 …)",
        "graph 4 nodes, 2 in subgraphs, 2 in functions",
        "functions l.f × 1",
        "metadata stride: 32",
    ):
        assert wanted in lines


@pytest.mark.parametrize("columns", [40, 60, 200])
def test_lines_fit_the_terminal(
    columns: int, mixed: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    page = shown(capsys, mixed).splitlines()[1:]
    assert max(map(len, page)) <= columns
    assert not any(line.split()[0] == "×" for line in page)  # a count stays with its operator


def test_sizes_can_be_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = '<ir_version: 10, opset_import: ["": 21]> g (float[N,4] x, float[4,5] w) => (float[N,5] y) { y = MatMul (x, w) }'
    onnx.save(onnx.parser.parse_model(text), tmp_path / "net.onnx")
    found = as_json(capsys, tmp_path / "net.onnx", "--input", "x:10,4")
    assert (found["macs"], found["assumed"], found["dynamic"]) == (200, [], False)


def test_a_network_of_another_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """LeNet as the file has it: 20 and 48 kernels of 5×5, 500 and 10 neurons, 24×24 and 8×8 places, 4×4 left at the end."""
    prototxt, weights = zoo.write("lenet", tmp_path)
    found = as_json(capsys, prototxt, "-w", weights)
    assert found["format"] == "caffe"
    assert found["bytes"] == prototxt.stat().st_size + weights.stat().st_size
    floats = next(w for w in found["weights"] if w["dtype"] == "float32")
    assert floats["parameters"] == 20 * 25 + 20 + 48 * 20 * 25 + 48 + 48 * 16 * 500 + 500 + 500 * 10 + 10
    assert found["macs"] == 24 * 24 * 20 * 25 + 8 * 8 * 48 * 20 * 25 + 48 * 16 * 500 + 500 * 10
    assert found["source_layers"] == 8
    assert as_json(capsys, prototxt)["parameters"] == found["parameters"]  # without the weights, too


def test_graph_is_text_that_reads_back(tmp_path: Path, mixed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = parse_model(shown(capsys, mixed, "--graph"))
    assert [node.op_type for node in model.graph] == ["Constant", "Loop", "f", "Thing"]
    assert as_json(capsys, mixed, "--graph")["graph"] == shown(capsys, mixed, "--graph").splitlines()
    prototxt, weights = zoo.write("lenet", tmp_path)
    text = shown(capsys, prototxt, "--graph")
    assert 'float[10] "ip2.bias" = ["from": "weights"]' in text  # nobody gave them, so nothing is said of them
    assert 'float[10] "ip2.bias" = {' in shown(capsys, prototxt, "--graph", "-w", weights)
    assert '"sha256"' in shown(capsys, prototxt, "--hash", "-w", weights)
    assert invoke(["inspect", str(prototxt), "--hash"]) == 4  # there is nothing to hash
    assert 'from conv1 (Convolution) at "lenet.prototxt":' in text
    assert str(tmp_path) not in text  # the same wherever the file is


def test_graph_shows_changes_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def written(name: str, weight: float, last: str) -> Path:
        nodes = [helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node(last, ["h"], ["y"])]
        x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 8]) for n in "xy")
        array = np.full((8, 8), weight, np.float32)
        graph = helper.make_graph(nodes, "g", [x], [y], [numpy_helper.from_array(array, "w")])
        onnx.save(helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 21)]), tmp_path / name)
        return tmp_path / name

    def changes(a: Path, b: Path, *options: str) -> int:
        one, other = (shown(capsys, path, "--graph", *options).splitlines() for path in (a, b))
        return sum(left != right for left, right in zip(one, other, strict=True))

    first, heavier, other = written("a.onnx", 1, "Relu"), written("b.onnx", 2, "Relu"), written("c.onnx", 1, "Tanh")
    assert changes(first, other) == 1
    assert changes(first, heavier) == 0
    assert changes(first, heavier, "--hash") == 1


def test_a_model_that_does_not_fit_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Sixty inputs, names that would steer a terminal, metadata of a megabyte."""
    inputs = [helper.make_tensor_value_info(f"past.{i}.key", TensorProto.FLOAT16, ["batch", 8, None, 64]) for i in range(60)]
    nodes = [helper.make_node("Evil\x1b[31m", [v.name for v in inputs], ["y"], domain="odd\n")]
    graph = helper.make_graph(nodes, "g", inputs, [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])])
    imports = [helper.make_opsetid("", 21), helper.make_opsetid("odd\n", 1)]
    model: ModelProto = helper.make_model(graph, opset_imports=imports, ir_version=10)
    model.metadata_props.add(key="vocab\x1b", value="a b\n" * 250_000)
    onnx.save(model, tmp_path / "many.onnx")
    page = shown(capsys, tmp_path / "many.onnx")
    assert len(page) < 4000
    assert "\x1b" not in page
    assert "… and 49 more" in page
    assert "(999,999 characters)" in page
    assert "\x1b" not in shown(capsys, tmp_path / "many.onnx", "--graph")
    assert len(as_json(capsys, tmp_path / "many.onnx")["inputs"]) == 60


def test_numpy_is_not_needed_to_ask_for_help() -> None:
    code = (
        "import sys\nfrom dragoman.cli import invoke\ninvoke(['inspect', '--help'])\ninvoke(['check', '--help'])\n"
        "assert not [m for m in ('numpy', 'onnx', 'onnx_ir') if m in sys.modules]"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
