"""Verdicts with real MXNet in another interpreter, and what is said where there is none."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

import dragoman
from dragoman.cli import invoke
from dragoman.converters.mxnet.params import read_params
from dragoman.graph_ir.errors import ContractMismatch, MissingRuntime
from tests.converters.mxnet.params_file import write_params
from tests.converters.mxnet.symbols import Net

RNG = np.random.default_rng(3)
X = RNG.standard_normal((2, 3, 8, 8)).astype(np.float32)


@pytest.fixture(scope="module")
def python() -> str:
    if not (found := os.environ.get("DRAGOMAN_MXNET_PYTHON")):
        pytest.skip("real MXNet isn't at hand: DRAGOMAN_MXNET_PYTHON names no interpreter that has it")
    return found


def network(folder: Path, *, eps: str = "0.001", slope: str = "0.25") -> Path:
    """Convolution, batch normalisation of small variances, a leaky unit, a dense layer."""
    net = Net()
    weights = net.var("conv0_weight"), net.var("conv0_bias")
    conv = net.op("Convolution", "conv0", (net.var("data"), *weights), num_filter="4", kernel="(3, 3)")
    states = [net.var(f"bn_{name}") for name in ("gamma", "beta", "moving_mean", "moving_var")]
    norm = net.op("BatchNorm", "bn", (conv, *states), fix_gamma="False", eps=eps)
    leaky = net.op("LeakyReLU", "leaky", (norm,), act_type="leaky", slope=slope)
    dense = net.dense("fc", leaky, 5)
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(4)
    shapes = {"arg:conv0_weight": (4, 3, 3, 3), "arg:conv0_bias": (4,), "arg:fc_weight": (5, 144), "arg:fc_bias": (5,)}
    arrays = {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    arrays |= {f"arg:bn_{name}": random.uniform(0.5, 1.5, 4).astype(np.float32) for name in ("gamma", "beta")}
    arrays |= {"aux:bn_moving_mean": np.zeros(4, np.float32), "aux:bn_moving_var": np.full(4, 0.05, np.float32)}
    write_params(folder / "net-0000.params", arrays)
    return net.save(folder, dense)


def test_runs_and_taps(python: str, tmp_path: Path) -> None:
    symbol = network(tmp_path)
    settings = {"inputs": {"data": ("batch", 3, 8, 8)}, "source_python": python}
    found = dragoman.run(symbol, {"data": X}, outputs=["bn_output", "fc_output"], **settings)
    model = dragoman.load(symbol, inputs={"data": (2, 3, 8, 8)}, outputs=["bn_output", "fc_output"])
    ours = dragoman.run(dragoman.save(model, tmp_path / "net.onnx"), {"data": X})
    for name, value in ours.items():
        np.testing.assert_allclose(value, found[name], rtol=1e-4, atol=1e-4)
    with pytest.raises(ContractMismatch, match="data is float32"):
        dragoman.run(symbol, {"data": X.astype(np.float64)}, **settings)
    with pytest.raises(MissingRuntime, match="no tensor 'odd'"):
        dragoman.run(symbol, {"data": X}, outputs=["odd"], **settings)


@pytest.mark.parametrize(("fault", "layer"), [({"eps": "0.01"}, "bn"), ({"slope": "0.2"}, "leaky")])
def test_a_fault_is_found_in_its_layer(fault: dict[str, str], layer: str, python: str, tmp_path: Path) -> None:
    right, wrong = network(tmp_path / "right"), network(tmp_path / "wrong", **fault)
    inputs = {"data": (2, 3, 8, 8)}
    target = dragoman.convert(wrong, tmp_path / "net.onnx", inputs=inputs, optimize=False, verify=False).path
    report = dragoman.verify(right, target, inputs=inputs, source_python=python)
    assert not report.passed
    assert report.localisation is not None
    assert report.localisation.departure is not None
    assert report.localisation.departure.layer == layer
    assert report.localisation.departure.inputs_agreed
    passed = dragoman.verify(wrong, target, inputs=inputs, source_python=python, layerwise=True)
    assert passed.passed
    assert passed.localisation is not None
    assert passed.localisation.departure is None
    assert passed.localisation.compared == 4


@pytest.mark.parametrize("outputs", [["bn_output"], ["fc_output", "conv0_output"], ["leaky_output", "bn_output"]])
def test_other_outputs_are_verified(outputs: list[str], python: str, tmp_path: Path) -> None:
    settings = {"inputs": {"data": ("batch", 3, 8, 8)}, "outputs": outputs, "source_python": python}
    report = dragoman.convert(network(tmp_path), tmp_path / "net.onnx", **settings).report
    assert report is not None
    assert report.passed, report.reasons
    assert [output.name for output in report.outputs] == outputs


def aged(text: str, key: str) -> str:
    """A symbol as MXNet 0.8 (``param``, no states) or 0.9 to 0.12 (``attr``) wrote it: pairs for references, training's attributes."""
    document = json.loads(text)
    nodes = document["nodes"]
    kept = [i for i, node in enumerate(nodes) if key != "param" or "moving" not in node["name"]]
    place = {old: new for new, old in enumerate(kept)}
    for node in nodes:
        node["inputs"] = [[place[ref[0]], ref[1]] for ref in node["inputs"] if ref[0] in place]
        node[key] = node.pop("attrs", {})
        node["backward_source_id"] = -1
        if node["op"] == "Convolution":
            node[key]["workspace"] = "512"
            hints = {"ctx_group": "stage1", "weight_lr_mult": "0.1"} if key != "attrs" else {"__ctx_group__": "stage1"}
            node.setdefault("attr" if key == "param" else key, {}).update(hints)
    heads = [[place[head[0]], head[1]] for head in document["heads"]]
    return json.dumps({"nodes": [nodes[i] for i in kept], "arg_nodes": [], "heads": heads})


@pytest.mark.parametrize(("key", "params"), [("param", 0), ("attr", 1), ("attr", 2), ("attrs", 3)])
def test_files_of_old_versions(key: str, params: int, python: str, tmp_path: Path) -> None:
    symbol = network(tmp_path)
    symbol.write_text(aged(symbol.read_text(), key))
    weights = tmp_path / "net-0000.params"
    arrays = {name: tensor.numpy().copy() for name, tensor in read_params(weights).items()}
    write_params(weights, arrays, version=params)
    result = dragoman.convert(symbol, tmp_path / "net.onnx", inputs={"data": ("batch", 3, 8, 8)}, source_python=python)
    assert result.report is not None
    assert result.report.passed, result.report.reasons


@pytest.mark.parametrize("suffix", ["params", "npz"])
def test_weights_by_structure(suffix: str, python: str, tmp_path: Path) -> None:
    symbol = network(tmp_path)
    weights = tmp_path / "net-0000.params"
    arrays = {name.partition(":")[2]: tensor.numpy().copy() for name, tensor in read_params(weights).items()}
    weights.unlink()
    blocks = {"conv0": "features.0", "bn": "features.1", "fc": "output"}
    parts = {name: name.partition("_") for name in arrays}
    named = {f"{blocks[parts[n][0]]}.{parts[n][2].replace('moving', 'running')}": array for n, array in arrays.items()}
    given = tmp_path / f"any.{suffix}"
    np.savez(given, **named) if suffix == "npz" else write_params(given, named)
    inputs = {"data": ("batch", 3, 8, 8)}
    result = dragoman.convert(symbol, tmp_path / "net.onnx", weights=given, inputs=inputs, source_python=python)
    assert result.report is not None
    assert result.report.passed, result.report.reasons


def test_the_command_line(python: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    symbol = network(tmp_path)
    arguments = ["convert", str(symbol), str(tmp_path / "net.onnx"), "--input", "data:batch,3,8,8", "--source-python", python]
    assert invoke(arguments) == 0
    assert "MXNet 1.9" in capsys.readouterr().out


def test_without_mxnet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    symbol = network(tmp_path)
    arguments = ["convert", str(symbol), str(tmp_path / "net.onnx"), "--input", "data:batch,3,8,8", "--source-python", "/nowhere/python"]
    assert invoke(arguments) == 5
    assert "/nowhere/python" in "".join(capsys.readouterr())
    assert (tmp_path / "net.onnx").exists()
