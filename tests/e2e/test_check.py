"""``dragoman check``: what each target lacks, and which opsets would do."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest

from dragoman.cli import invoke

NEW = """<ir_version: 12, opset_import: ["": 24, "odd": 1]>
g (float[N,4,8] x, float[8] w) => (float[N,4,8] y, float[N,4,8] z) {
  ["norm 1"] a = LayerNormalization <axis = -1> (x, w)
  [one] b = Attention <q_num_heads = 2, kv_num_heads = 2> (a, a, a)
  [two] c = Attention <q_num_heads = 2, kv_num_heads = 2> (b, b, b)
  y = Gelu (c)
  z = odd.Thing (y)
}"""


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("new") / "new.onnx"
    onnx.save(onnx.parser.parse_model(NEW), path)
    return path


def said(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str]:
    capsys.readouterr()
    code = invoke(["check", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out + captured.err


def test_which_opsets_would_do(new: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The oldest that is said to work is written by ``convert``, and the one before it is refused for the reason given."""
    code, text = said(capsys, new, "--json", "--to", "onnx")
    found = json.loads(text)
    assert code == 0
    assert found["writing"] == {"onnx": []}
    oldest = found["opsets"]["onnx"]["oldest"]
    target = str(new.with_name("out.onnx"))
    assert invoke(["convert", str(new), target, "--no-verify", "--no-optimize", "--opset", str(oldest)]) == 0
    if oldest > 11:
        assert invoke(["convert", str(new), target, "--no-verify", "--no-optimize", "--opset", str(oldest - 1)]) == 4
        assert found["opsets"]["onnx"]["gaps"][0]["operator"] in capsys.readouterr().err
    assert found["foreign"] == {"odd.Thing": 1}
    code, text = said(capsys, new)
    assert f"any opset from {oldest} to " in text
    assert "kept as they are, for a runtime that knows them: odd.Thing × 1" in text


@pytest.mark.parametrize("opset", [11, 13, 17, 22, 23])
def test_one_opset_agrees_with_convert(opset: int, new: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = said(capsys, new, "--to", "onnx", "--opset", str(opset), "--json")
    gaps = json.loads(text)["writing"]["onnx"]
    target = str(new.with_name("out.onnx"))
    assert invoke(["convert", str(new), target, "--no-verify", "--no-optimize", "--opset", str(opset)]) == code
    error = capsys.readouterr().err
    assert (code == 4) == bool(gaps)
    for gap in gaps:
        assert f"{gap['operator']} × {len(gap['layers'])}" in error
        assert gap["reason"]


def test_wrong_requests(new: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, new, "--opset", "5")[0] == 2
    code, text = said(capsys, new, "--to", "caffe")
    assert (code, text.strip()) == (2, "error: Dragoman doesn't write Caffe yet")
    code, text = said(capsys, new, "--to", "foo")
    assert code == 2
    assert "unknown format 'foo'" in text
    code, text = said(capsys, "nowhere.onnx")
    assert code == 4
    assert "no such file" in text


@pytest.mark.parametrize("columns", [40, 100])
def test_lines_fit_the_terminal(
    columns: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    path = tmp_path / "odd.prototxt"
    layers = "".join(f'layer {{ name: "layer{i}" type: "Odd" bottom: "data" top: "t{i}" }}\n' for i in range(9))
    path.write_text('layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2 } } }\n' + layers)
    code, text = said(capsys, path)
    assert code == 4
    assert "Odd × 9: layer0, layer1" in text
    assert all(len(line) <= columns for line in text.splitlines()[1:])


def test_one_target_that_takes_it_will_do(new: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without ``--to`` the question is whether there is a way out; MXNet has no operator of another's domain."""
    code, text = said(capsys, new, "--json")
    found = json.loads(text)
    assert code == 0
    assert found["passed"]
    assert found["writing"]["onnx"] == []
    assert found["writing"]["mxnet"]
    assert said(capsys, new, "--to", "mxnet")[0] == 4
