"""The public functions and commands, on one small network."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import dragoman
from dragoman.cli import COMMANDS, invoke
from dragoman.converters.caffe import zoo


@pytest.fixture(scope="module")
def lenet(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return zoo.write("lenet", tmp_path_factory.mktemp("lenet"), width=0.5)


@pytest.fixture(scope="module")
def converted(lenet: tuple[Path, Path]) -> Path:
    prototxt, weights = lenet
    return dragoman.convert(prototxt, prototxt.with_suffix(".onnx"), weights=weights, verify=False).path


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    """What a command prints with --json, which must be all that it prints."""
    capsys.readouterr()
    code = invoke([*arguments, "--json"])
    captured = capsys.readouterr()
    assert captured.err == ""
    return json.loads(captured.out) | {"status": code}


def test_every_name_is_there() -> None:
    for name in dragoman.__all__:
        assert getattr(dragoman, name) is not None
    with pytest.raises(AttributeError):
        getattr(dragoman, "nothing")  # noqa: B009


def test_load_then_save_is_convert(lenet: tuple[Path, Path], converted: Path, tmp_path: Path) -> None:
    model = dragoman.load(lenet[0], weights=lenet[1])
    assert [v.name for v in model.graph.inputs] == ["data"]
    saved = dragoman.save(model, tmp_path / "saved.onnx")
    image = {"data": np.ones((1, 1, 28, 28), np.float32)}
    np.testing.assert_allclose(dragoman.run(saved, image)["prob"], dragoman.run(converted, image)["prob"], rtol=1e-5)


def test_intermediate_outputs(lenet: tuple[Path, Path], tmp_path: Path) -> None:
    dragoman.convert(lenet[0], tmp_path / "net.onnx", weights=lenet[1], outputs=["pool1", "ip1"], verify=False)
    assert [o.name for o in onnx.load(tmp_path / "net.onnx").graph.output] == ["pool1", "ip1"]


def test_dynamic_input(lenet: tuple[Path, Path]) -> None:
    model = dragoman.load(lenet[0], weights=lenet[1], inputs={"data": ("batch", 1, 28, 28)})
    assert str(model.graph.inputs[0].shape) == "[batch,1,28,28]"
    assert str(model.graph.outputs[0].shape) == "[batch,10]"


def test_run_in_both_runtimes(lenet: tuple[Path, Path], converted: Path) -> None:
    image = {"data": np.random.default_rng(0).standard_normal((1, 1, 28, 28)).astype(np.float32)}
    original = dragoman.run(lenet[0], image, weights=lenet[1], outputs=["pool2", "prob"])
    result = dragoman.run(converted, image, outputs=["pool2", "prob"])
    assert list(original) == list(result) == ["pool2", "prob"]
    for name in original:
        np.testing.assert_allclose(original[name], result[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("feeds", "word"),
    [
        ({}, "data"),
        ({"data": np.zeros((1, 1, 28, 27), np.float32)}, "data"),
        ({"data": np.zeros((1, 1, 28, 28))}, "float64"),
        ({"data": np.zeros((1, 1, 28, 28), np.float32), "more": np.zeros(1, np.float32)}, "more"),
    ],
)
def test_feeds_that_do_not_fit(converted: Path, feeds: dict, word: str) -> None:
    with pytest.raises(dragoman.ContractMismatch, match=word):
        dragoman.run(converted, feeds)


def test_unknown_option(lenet: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(dragoman.UsageError, match="opsett"):
        dragoman.convert(lenet[0], tmp_path / "net.onnx", weights=lenet[1], opsett=13)


def test_samples_of_the_user_come_first(lenet: tuple[Path, Path], converted: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "batch.npz", data=np.full((1, 1, 28, 28), 0.5, np.float32))
    report = dragoman.verify(lenet[0], converted, weights=lenet[1], samples=tmp_path / "batch.npz")
    assert report.passed
    assert report.samples[0].name == "batch.npz"
    with pytest.raises(dragoman.UsageError, match="unpickled"):
        np.save(tmp_path / "objects.npy", np.array([{}], object), allow_pickle=True)
        dragoman.verify(lenet[0], converted, weights=lenet[1], samples=tmp_path / "objects.npy")


def test_a_fault_is_found_and_located(lenet: tuple[Path, Path], converted: Path, tmp_path: Path) -> None:
    model = onnx.load(converted)
    bias = next(i for i in model.graph.initializer if i.name == "conv2.bias")
    bias.raw_data = b"\0" * len(bias.raw_data)
    onnx.save(model, tmp_path / "bad.onnx")
    report = dragoman.verify(lenet[0], tmp_path / "bad.onnx", weights=lenet[1])
    assert not report.passed
    assert report.exit_code == 1
    assert report.localisation is not None
    assert report.localisation.departure is not None
    assert report.localisation.departure.layer == "conv2"


def test_convert_prints_one_document(lenet: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys, "convert", str(lenet[0]), str(tmp_path / "net.onnx"), "-w", str(lenet[1]))
    assert found["status"] == 0
    assert found["report"]["verdict"] == "passed"
    assert Path(found["path"]).stat().st_size == found["bytes"]


def test_other_documents(lenet: tuple[Path, Path], converted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = ["-w", str(lenet[1])]
    verified = document(capsys, "verify", str(lenet[0]), str(converted), *weights)
    assert (verified["status"], verified["passed"], len(verified["samples"])) == (0, True, 9)
    assert document(capsys, "check", str(lenet[0]), *weights)["passed"] is True
    shown = document(capsys, "inspect", str(converted), "--graph")
    assert shown["parameters"] == document(capsys, "inspect", str(lenet[0]), *weights)["parameters"] > 100_000
    assert shown["macs"] > 500_000
    assert {f["name"] for f in document(capsys, "formats")["formats"]} >= {"caffe", "onnx"}
    assert document(capsys, "run", str(converted))["outputs"][0]["shape"] == [1, 10]
    assert any(r["name"] == "onnxruntime" and r["works"] for r in document(capsys, "doctor")["runtimes"])


def test_check_lists_every_gap(lenet: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = "".join(f'layer {{ name: "o{i}" type: "Odd{i}" bottom: "prob" top: "o{i}" }}' for i in range(3))
    path = tmp_path / "odd.prototxt"
    path.write_text(lenet[0].read_text() + odd)
    found = document(capsys, "check", str(path), "-w", str(lenet[1]))
    assert found["status"] == 4
    assert [(g["operator"], g["layers"]) for g in found["reading"]] == [(f"Odd{i}", [f"o{i}"]) for i in range(3)]


def test_run_saves_its_outputs(converted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["run", str(converted), "--seed", "3", "--save", str(tmp_path / "out.npz")]) == 0
    with np.load(tmp_path / "out.npz") as stored:
        assert stored["prob"].shape == (1, 10)


def test_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["demo", "--dir", str(tmp_path / "demo"), "--network", "lenet"]) == 0
    out = capsys.readouterr().out
    assert "PASSED" in out
    assert (tmp_path / "demo" / "lenet.onnx").exists()


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke([name, "--help"]) == 0
    assert "Usage: dragoman" in capsys.readouterr().out


def test_reader_that_closes_the_pipe_early(converted: Path) -> None:
    done = subprocess.run(
        f"{sys.executable} -m dragoman inspect {converted} --graph | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr


def test_no_progress_in_a_pipe(lenet: tuple[Path, Path], tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "dragoman",
        "convert",
        str(lenet[0]),
        str(tmp_path / "net.onnx"),
        "-w",
        str(lenet[1]),
        "--no-verify",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_inputs_that_nothing_can_be_made_up_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Text and sequences: what was converted stays, and the verdict says what is missing."""
    text = helper.make_tensor_value_info("x", TensorProto.STRING, [2])
    sequence = helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, None)
    for value, word in ((text, "give your own"), (sequence, "only tensors")):
        result = onnx.ValueInfoProto(name="y", type=value.type)
        graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [value], [result])
        path = tmp_path / "in.onnx"
        path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10).SerializeToString())
        (tmp_path / "out.onnx").unlink(missing_ok=True)
        assert invoke(["convert", str(path), str(tmp_path / "out.onnx")]) == 7
        assert word in capsys.readouterr().out
        assert (tmp_path / "out.onnx").exists()


def test_what_was_written_is_said_of_the_files(lenet: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The nodes of the file at its opset, and the bytes of all files; what an ONNX source had too."""
    source = tmp_path / "gelu.onnx"
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [4, 512]) for name in "xy")
    weight = onnx.numpy_helper.from_array(np.ones((512, 512), np.float32), "w")
    nodes = [helper.make_node("Identity", ["x"], ["a"]), helper.make_node("MatMul", ["a", "w"], ["b"])]
    graph = helper.make_graph([*nodes, helper.make_node("Gelu", ["b"], ["y"])], "g", [x], [y], [weight])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9), source)
    for opset in (17, 20):
        target = tmp_path / f"{opset}.onnx"
        arguments = ["convert", str(source), str(target), "--no-verify", "--opset", str(opset), "--external-data"]
        found = document(capsys, *arguments)
        assert (found["nodes"], found["source_nodes"]) == (len(onnx.load(target).graph.node), 3)
        assert found["files"] == [str(target), f"{target}.data"]
        assert found["bytes"] == sum(Path(file).stat().st_size for file in found["files"]) > 4 * 512 * 512
        assert invoke(arguments) == 0
        assert f"wrote {target} and {target}.data  1.0 MB, {found['nodes']} nodes (3 before)\n" in capsys.readouterr().out
    found = document(capsys, "convert", str(lenet[0]), str(tmp_path / "net.onnx"), "-w", str(lenet[1]), "--no-verify")
    assert (found["nodes"], found["source_nodes"]) == (len(onnx.load(tmp_path / "net.onnx").graph.node), None)


def test_a_symbol_and_its_parameters_are_said_to_be_written(
    lenet: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "net-symbol.json"
    found = document(capsys, "convert", str(lenet[0]), str(target), "-w", str(lenet[1]), "--no-verify")
    assert found["files"] == [str(target), str(tmp_path / "net-0000.params")]
    operators = [node["op"] for node in json.loads(target.read_text())["nodes"]]
    assert found["nodes"] == len(operators) - operators.count("null") > 5


@pytest.mark.parametrize("inputs", [None, {"x": (2, 12)}, {"x": ("k", 12)}])
def test_a_result_may_have_the_sizes_that_were_asked_for_or_are_certain(
    tmp_path: Path, inputs: dict[str, tuple[int | str, ...]] | None
) -> None:
    """What the file calls rows and columns is (2·n, 6) by its operators."""
    source = tmp_path / "in.onnx"
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 12])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", "columns"])
    nodes = [helper.make_node("Reshape", ["x", "s"], ["a"]), helper.make_node("Exp", ["a"], ["y"])]
    shape = onnx.numpy_helper.from_array(np.array([-1, 6]), "s")
    onnx.save(helper.make_model(helper.make_graph(nodes, "g", [x], [y], [shape]), ir_version=9), source)
    report = dragoman.convert(source, tmp_path / "out.onnx", inputs=inputs).report
    assert report is not None
    assert report.passed, report.reasons


def test_another_number_breaks_the_contract(lenet: tuple[Path, Path], tmp_path: Path) -> None:
    paths = [
        dragoman.convert(lenet[0], tmp_path / f"{n}.onnx", weights=lenet[1], inputs={"data": (n, 1, 28, 28)}, verify=False).path
        for n in (1, 2, "n")
    ]
    assert dragoman.verify(paths[0], paths[1]).exit_code == 3
    assert dragoman.verify(paths[2], paths[1]).exit_code == 3
    assert dragoman.verify(paths[2], paths[1], inputs={"data": (2, 1, 28, 28)}).passed
    assert dragoman.verify(paths[1], paths[2]).passed


def test_layers_that_agree_are_no_fault(lenet: tuple[Path, Path], converted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert invoke(["verify", str(lenet[0]), str(converted), "-w", str(lenet[1]), "--layerwise"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  layers ")]
    assert line.endswith(" tensors compared: every mapped tensor agrees")
