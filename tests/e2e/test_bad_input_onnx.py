"""Bad ONNX models, and places that can't be read or written: one message, exit code 4 or 6, what was there unharmed."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from dragoman.cli import invoke
from dragoman.graph_ir.protobuf import delimited, varint

BEFORE = b"what was there before"
W = np.random.default_rng(0).standard_normal((64, 3, 5, 5)).astype(np.float32)


def network() -> ModelProto:
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"], name="conv1"), helper.make_node("Relu", ["c"], ["y"], name="relu1")]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 8, 8])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 64, 4, 4])
    graph = helper.make_graph(nodes, "g", [x], [y], [numpy_helper.from_array(W, "w")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder in a folder, with a network and an older result."""
    inner = tmp_path / "models"
    inner.mkdir()
    (inner / "in.onnx").write_bytes(network().SerializeToString())
    (inner / "out.onnx").write_bytes(BEFORE)
    return inner


def convert(folder: Path, *extra: str, source: str = "in.onnx", target: str = "out.onnx") -> list[str]:
    return ["convert", str(folder / source), str(folder / target), "--from", "onnx", "--no-verify", *extra]


def check_failure(folder: Path, arguments: list[str], code: int, *words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The command fails with ``code`` and one message that has ``words``; the folder is as it was."""
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    capsys.readouterr()
    found = invoke(arguments)
    captured = capsys.readouterr()
    assert (found, captured.out) == (code, ""), captured.err
    assert captured.err.lstrip().startswith("error: ")
    assert "Traceback" not in captured.err
    assert len(captured.err) < 700
    for word in words:
        assert word in captured.err, captured.err
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before


def test_the_network_itself_converts(folder: Path) -> None:
    assert invoke(convert(folder)) == 0
    assert (folder / "out.onnx").read_bytes() != BEFORE


# -- contents -------------------------------------------------------------------------------------------


def edited(change: Callable[[ModelProto], object]) -> bytes:
    proto = network()
    change(proto)
    return proto.SerializeToString()


def nested(depth: int) -> bytes:
    graph = b""
    for _ in range(depth):  # GraphProto.node is field 1, NodeProto.attribute 5, AttributeProto.g 6
        for field in (6, 5, 1):
            graph = delimited(field, graph)
    return b"\x08\x0a" + delimited(7, graph)


def functions(*bodies: tuple[str, list[str]]) -> bytes:
    """Functions that call others, and a node that calls the first."""
    proto = network()
    proto.opset_import.add(domain="my", version=1)
    for name, calls in bodies:
        values = [f"v{i}" for i in range(len(calls) + 1)]
        body = [helper.make_node(c, [a], [b], domain="my") for c, a, b in zip(calls, values, values[1:], strict=False)]
        body = body or [helper.make_node("Relu", ["v0"], ["r"])]
        imports = [helper.make_opsetid("", 21), helper.make_opsetid("my", 1)]
        proto.functions.append(helper.make_function("my", name, ["v0"], [body[-1].output[0]], body, imports))
    proto.graph.node[1].CopyFrom(helper.make_node(bodies[0][0], ["c"], ["y"], domain="my"))
    return proto.SerializeToString()


def sparse(indices: list[int], dims: list[int]) -> Callable[[ModelProto], None]:
    def change(proto: ModelProto) -> None:
        values = numpy_helper.from_array(np.ones(len(indices), np.float32), "s")
        tensor = helper.make_sparse_tensor(values, numpy_helper.from_array(np.array(indices, np.int64), "i"), dims)
        proto.graph.node.append(helper.make_node("Constant", [], ["s"], name="sparse1", sparse_value=tensor))

    return change


def replace_weight(**fields: object) -> Callable[[ModelProto], None]:
    def change(proto: ModelProto) -> None:
        proto.graph.initializer[0].CopyFrom(TensorProto(**({"name": "w", "data_type": 1, "dims": [64, 3, 5, 5]} | fields)))

    return change


def append(name: str, value: object) -> Callable[[ModelProto], None]:
    return lambda proto: getattr(proto.graph, name).append(value)


def declared(name: str, dtype: int, shape: list[int | str]) -> bytes:
    """What the file says of a value, whatever its operator makes."""
    proto = network()
    proto.graph.value_info.append(helper.make_tensor_value_info(name, dtype, shape))
    return proto.SerializeToString()


def ring(length: int) -> bytes:
    """Nodes of which each reads the one before, and the first the last."""
    proto = network()
    proto.graph.node.extend(helper.make_node("Neg", [f"v{(i or length) - 1}"], [f"v{i}"], name=f"n{i}") for i in range(length))
    return proto.SerializeToString()


def in_branch(read: str) -> bytes:
    """A branch whose first node reads ``read``."""
    nodes = [helper.make_node("Neg", [read], ["b1"], name="b1"), helper.make_node("Neg", ["b1"], ["b2"], name="b2")]
    branch = helper.make_graph(nodes, "branch", [], [helper.make_tensor_value_info("b2", 1, None)])
    other = helper.make_graph([helper.make_node("Neg", ["x"], ["e"])], "other", [], [helper.make_tensor_value_info("e", 1, None)])
    proto = network()
    del proto.graph.node[:]
    proto.graph.input.append(helper.make_tensor_value_info("p", TensorProto.BOOL, []))
    proto.graph.node.append(helper.make_node("If", ["p"], ["y"], name="choice", then_branch=branch, else_branch=other))
    return proto.SerializeToString()


GOOD = network().SerializeToString()
CONTENTS: dict[str, tuple[bytes, list[str]]] = {
    "empty": (b"", ["empty"]),
    "text": (b"name: 'lenet'\nlayer { name: 'conv1' }\n" * 20, []),
    "JSON": (b'{"nodes": []}', []),
    "zip": (b"PK\x03\x04" + bytes(range(256)) * 8, []),
    "PNG": (b"\x89PNG\r\n\x1a\n" + bytes(2000), []),
    "pickle": (b"\x80\x04\x95" + bytes(200), []),
    "random": (random.Random(0).randbytes(5000), []),
    "zeros": (bytes(5000), []),
    "cut in the weights": (GOOD[: len(GOOD) // 2], ["truncated"]),
    "cut at the end": (GOOD[:-1], []),
    "twice in one file": (GOOD + GOOD, []),
    "no graph": (ModelProto(ir_version=8).SerializeToString(), ["no graph"]),
    "a tensor for a model": (numpy_helper.from_array(W, "w").SerializeToString(), []),
    "cycle": (edited(lambda m: m.graph.node[0].input.__setitem__(0, "y")), ["cycle", "conv1 (Conv) → relu1 (Relu) → conv1 (Conv)"]),
    "cycle of one": (edited(lambda m: m.graph.node[0].input.__setitem__(0, "c")), ["cycle", "conv1 (Conv) → conv1 (Conv)"]),
    "cycle of many": (ring(5000), ["cycle", "n1 (Neg) → n2 (Neg)", "4,992 more"]),
    "cycle through a body": (in_branch("y"), ["cycle", "choice (If) → choice (If)"]),
    "cycle in a body": (in_branch("b2"), ["cycle", "b1 (Neg) → b2 (Neg) → b1 (Neg)"]),
    "undefined name": (
        edited(lambda m: m.graph.node[0].input.__setitem__(1, "nowhere")),
        ["conv1 (Conv) reads 'nowhere', which nothing makes"],
    ),
    "undefined name in a body": (in_branch("nowhere"), ["b1 (Neg) reads 'nowhere', which nothing makes"]),
    "nodes out of order": (edited(lambda m: m.graph.node.reverse()), ["relu1 (Relu) reads 'c', which conv1 (Conv) makes after it"]),
    "shape declared otherwise": (declared("c", 1, [2, 64, 4, 5]), ["conv1", "c is of shape (n, 64, 4, 4)", "declared (2, 64, 4, 5)"]),
    "rank declared otherwise": (declared("c", 1, ["n", 64]), ["conv1", "(n, 64, 4, 4)", "declared (n, 64)"]),
    "type declared otherwise": (declared("c", 7, [2, 64, 4, 4]), ["conv1", "c is float", "declared int64"]),
    "output declared otherwise": (
        edited(lambda m: setattr(m.graph.output[0].type.tensor_type.shape.dim[3], "dim_value", 9)),
        ["relu1", "y is of shape (n, 64, 4, 4)", "declared (n, 64, 4, 9)"],
    ),
    "undefined output": (edited(lambda m: setattr(m.graph.output[0], "name", "nowhere")), ["nowhere"]),
    "two results of one name": (edited(lambda m: m.graph.node[1].output.__setitem__(0, "c")), ["'c'"]),
    "result named as an input": (edited(lambda m: m.graph.node[0].output.__setitem__(0, "x")), ["x"]),
    "two inputs of one name": (edited(lambda m: m.graph.input.append(m.graph.input[0])), ["x"]),
    "two weights of one name": (edited(lambda m: m.graph.initializer.append(m.graph.initializer[0])), ["w"]),
    "too many inputs": (edited(lambda m: m.graph.node[1].input.append("x")), ["relu1", "Relu"]),
    "too few inputs": (edited(lambda m: m.graph.node[0].input.__delitem__(1)), ["conv1", "Conv"]),
    "unknown attribute": (edited(lambda m: m.graph.node[1].attribute.append(helper.make_attribute("slope", 1.0))), ["slope"]),
    "attribute of another type": (edited(lambda m: m.graph.node[0].attribute.append(helper.make_attribute("group", "a"))), ["group"]),
    "attribute twice": (edited(lambda m: m.graph.node[0].attribute.extend([helper.make_attribute("group", 1)] * 2)), ["group"]),
    "unknown operator": (edited(lambda m: setattr(m.graph.node[0], "op_type", "Convolute")), ["Convolute"]),
    "unknown domain": (edited(lambda m: setattr(m.graph.node[0], "domain", "com.nobody")), ["com.nobody"]),
    "function that isn't there": (edited(lambda m: setattr(m.graph.node[0], "domain", "my")), ["my"]),
    "no opset": (edited(lambda m: m.ClearField("opset_import")), ["opset"]),
    "opset of the future": (edited(lambda m: setattr(m.opset_import[0], "version", 999)), ["999"]),
    "opset below all": (edited(lambda m: setattr(m.opset_import[0], "version", -(1 << 62))), ["opset", "-4611686018427387904"]),
    "function of an opset below all": (
        functions(("F", [])).replace(b"\x4a\x04\x0a\x00\x10\x15", b"\x4a\x04\x0a\x00\x10\x00"),
        ["opset 0"],
    ),
    "two opsets": (edited(lambda m: m.opset_import.add(domain="ai.onnx", version=9)), ["two opsets"]),
    "IR version of the future": (edited(lambda m: setattr(m, "ir_version", 99)), ["99"]),
    "no IR version": (edited(lambda m: m.ClearField("ir_version")), []),
    "text that isn't text": (edited(lambda m: None).replace(b"conv1", b"\xff\xfe\x80ab"), ["UTF-8"]),
    "terabytes declared": (edited(lambda m: m.graph.initializer[0].dims.__setitem__(0, 1 << 40)), ["w"]),
    "2**62 rows declared": (edited(lambda m: m.graph.initializer[0].dims.__setitem__(0, 1 << 62)), ["w"]),
    "negative dimension": (edited(lambda m: m.graph.initializer[0].dims.__setitem__(0, -64)), ["w"]),
    "two negative dimensions": (edited(lambda m: m.graph.initializer[0].dims.__setitem__(slice(0, 2), [-64, -3])), ["w"]),
    "fewer bytes than declared": (edited(lambda m: m.graph.initializer[0].dims.__setitem__(0, 65)), ["w", "19500"]),
    "fewer values than declared": (edited(replace_weight(float_data=[1.0] * 5)), ["w"]),
    "values of another type": (edited(replace_weight(int64_data=[1] * 4800)), ["w"]),
    "small tensor, fewer bytes": (edited(append("initializer", TensorProto(name="b", data_type=1, dims=[3], raw_data=b"1234"))), ["b"]),
    "unknown type": (edited(replace_weight(data_type=99, raw_data=W.tobytes())), []),
    "no type": (edited(replace_weight(data_type=0, raw_data=W.tobytes())), ["w"]),
    "sparse index outside": (edited(sparse([1, 99], [4, 4])), ["s"]),
    "sparse indices out of order": (edited(sparse([2, 1], [4, 4])), ["s"]),
    "sparse tensor beyond counting": (edited(sparse([1, 2], [1 << 62, 1 << 62])), ["s"]),
    "function that calls itself": (functions(("F", ["F"])), ["F", "itself"]),
    "functions that call each other": (functions(("F", ["G"]), ("G", ["H"]), ("H", ["F"])), ["F → G → H → F"]),
    "function twice": (functions(("F", []), ("F", [])), ["F"]),
    "functions that double": (functions(*((f"F{i}", [f"F{i + 1}"] * 2) for i in range(60)), ("F60", [])), ["times"]),
    "functions 5,000 deep": (functions(*((f"F{i}", [f"F{i + 1}"]) for i in range(5000)), ("F5000", [])), ["deep"]),
    "subgraphs 3,000 deep": (nested(3000), ["nested"]),
    "subgraphs 10,000 deep": (nested(10_000), ["nested"]),
    "a string of 2 GB, cut short": (delimited(2, b"")[:1] + varint(1 << 31) + b"a" * 9, []),
}  # fmt: skip


@pytest.mark.parametrize(("content", "words"), CONTENTS.values(), ids=CONTENTS)
def test_source_that_is_no_valid_model(
    folder: Path, content: bytes, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "in.onnx").write_bytes(content)
    check_failure(folder, convert(folder), 4, "in.onnx", *words, capsys=capsys)


def test_a_string_of_2_gb(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A sparse file: it takes no room on the disk."""
    source = folder.parent / "huge.onnx"
    with source.open("wb") as stream:
        stream.write(b"\x08\x0a\x32" + varint(1 << 31))  # ir_version, doc_string
        stream.seek(1 << 31, os.SEEK_CUR)
        stream.write(GOOD)
    check_failure(
        folder, ["convert", str(source), str(folder / "out.onnx"), "--no-verify"], 4, "huge.onnx", "2 GB", capsys=capsys
    )


def test_names_that_are_very_long(folder: Path) -> None:
    name = "n" * 1_000_000
    (folder / "in.onnx").write_bytes(edited(lambda m: setattr(m.graph.node[0], "name", name)))
    assert invoke(convert(folder)) == 0
    assert onnx.load(folder / "out.onnx").graph.node[0].name == name


# -- external data -----------------------------------------------------------------------------------------


def external(*, inside: str = "initializer", **entries: str) -> bytes:
    """The network with its weight in another file: as an initializer, or as the value of a Constant."""
    proto = network()
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for name, value in entries.items():
        tensor.external_data.add(key=name, value=value)
    if inside == "constant":
        constant = helper.make_node("Constant", [], ["w"], value=tensor)
        del proto.graph.initializer[:]
        proto.graph.node.insert(0, constant)
    return proto.SerializeToString()


SIZE = str(W.nbytes)
EXTERNAL: dict[str, tuple[dict[str, str], list[str]]] = {
    "in the folder above": ({"location": "../secret.bin"}, ["../secret.bin", "folder"]),
    "above, in a roundabout way": ({"location": "sub/../../secret.bin"}, ["secret.bin", "folder"]),
    "absolute": ({"location": "{above}/secret.bin"}, ["secret.bin", "folder"]),
    "a Windows drive": ({"location": "C:\\secret.bin"}, ["folder"]),
    "a Windows share": ({"location": "\\\\host\\secret.bin"}, ["folder"]),
    "above, as Windows says it": ({"location": "..\\secret.bin"}, ["folder"]),
    "a link that leaves": ({"location": "link.bin"}, ["link"]),
    "through a linked folder": ({"location": "folder/secret.bin"}, ["link"]),
    "a hard link": ({"location": "hard.bin"}, ["hard link"]),
    "links in a circle": ({"location": "circle"}, ["circle"]),
    "no location": ({}, ["w"]),
    "an empty location": ({"location": ""}, ["w"]),
    "a NUL": ({"location": "here\0.bin"}, ["w"]),
    "not there": ({"location": "missing.bin"}, ["missing.bin", "No such file"]),
    "a folder": ({"location": "sub"}, ["sub"]),
    "a pipe": ({"location": "pipe"}, ["pipe", "regular file"]),
    "the folder itself": ({"location": "."}, ["w"]),
    "past the end": ({"location": "here.bin", "offset": "4"}, ["w", SIZE]),
    "far past the end": ({"location": "here.bin", "offset": str(1 << 62)}, ["w"]),
    "a negative offset": ({"location": "here.bin", "offset": "-4"}, ["w"]),
    "a negative length": ({"location": "here.bin", "length": "-4"}, ["w"]),
    "a length that doesn't fit": ({"location": "here.bin", "length": "12"}, ["w", SIZE, "12"]),
    "an offset that is no number": ({"location": "here.bin", "offset": "four"}, ["four"]),
    "an offset of 5,000 digits": ({"location": "here.bin", "offset": "9" * 5000}, []),
}


@pytest.mark.parametrize("inside", ["initializer", "constant"])
@pytest.mark.parametrize(("entries", "words"), EXTERNAL.values(), ids=EXTERNAL)
def test_external_data(
    folder: Path, entries: dict[str, str], words: list[str], inside: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder.parent / "secret.bin").write_bytes(W.tobytes())
    (folder / "sub").mkdir()
    (folder / "here.bin").write_bytes(W.tobytes())
    (folder / "link.bin").symlink_to(folder.parent / "secret.bin")
    (folder / "folder").symlink_to(folder.parent)
    (folder / "circle").symlink_to("circle")
    (folder / "hard.bin").hardlink_to(folder.parent / "secret.bin")
    os.mkfifo(folder / "pipe")
    filled = {name: value.format(above=folder.parent) for name, value in entries.items()}
    (folder / "in.onnx").write_bytes(external(inside=inside, **filled))
    (folder / "folder").unlink() if entries.get("location") != "folder/secret.bin" else None
    before = folder / "folder"
    if before.is_symlink():  # reading every file below would go round in circles
        assert invoke(convert(folder)) == 4
        assert all(word in capsys.readouterr().err for word in words)
    else:
        check_failure(folder, convert(folder), 4, "in.onnx" if "here.bin" not in filled.values() else "", *words, capsys=capsys)


@pytest.mark.parametrize("inside", ["initializer", "constant"])
@pytest.mark.parametrize(
    "location", ["here.bin", "./here.bin", "sub/../here.bin"[4:], "sub/in.bin", "inner_link.bin", "..data..bin"]
)
def test_external_data_inside_the_folder_is_read(folder: Path, location: str, inside: str) -> None:
    (folder / "sub").mkdir()
    for name in ("here.bin", "sub/in.bin", "..data..bin"):
        (folder / name).write_bytes(W.tobytes())
    (folder / "inner_link.bin").symlink_to("here.bin")
    (folder / "in.onnx").write_bytes(external(inside=inside, location=location))
    assert invoke(convert(folder)) == (4 if location == "../here.bin" else 0)


# -- places -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "target", "extra", "code", "word"),
    [
        ("missing.onnx", "out.onnx", [], 4, "missing.onnx"),
        (".", "out.onnx", [], 4, "models"),
        ("in.onnx", "no/folder/out.onnx", [], 6, "folder"),
        ("in.onnx", "taken.onnx", [], 6, "taken.onnx"),
        ("in.onnx", "taken.onnx", ["--external-data"], 6, "taken.onnx"),
        ("in.onnx", "n" * 300 + ".onnx", [], 6, "too long"),
        ("in.onnx", "in.onnx", [], 2, "source itself"),
        ("in.onnx", "out.onnx", ["--opset", "3"], 2, "opset"),
        ("in.onnx", "out.onnx", ["--output", "nothing"], 2, "nothing"),
        ("in.onnx", "out.onnx", ["--input", "x:1,3"], 2, "dimensions"),
        ("in.onnx", "out.onnx", ["-w", "in.onnx"], 2, "weights"),
    ],
)
def test_places_and_arguments(
    folder: Path, source: str, target: str, extra: list[str], code: int, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "taken.onnx").mkdir()
    extra = [str(folder / e) if e == "in.onnx" else e for e in extra]
    check_failure(folder, convert(folder, *extra, source=source, target=target), code, word, capsys=capsys)


def test_the_target_is_the_file_that_the_weights_are_in(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "weights.bin").write_bytes(W.tobytes())
    (folder / "in.onnx").write_bytes(external(location="weights.bin"))
    check_failure(folder, convert(folder, "--to", "onnx", target="weights.bin"), 6, "weights.bin", capsys=capsys)


@pytest.mark.parametrize("extra", [[], ["--external-data"]])
@pytest.mark.parametrize("limit", [100, 9000])
def test_a_disk_that_is_full(folder: Path, extra: list[str], limit: int) -> None:
    """A real failure of the system in the middle of writing, with an older pair of model and data in place."""
    (folder / "out.onnx.data").write_bytes(BEFORE)
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    code = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, -1)); from dragoman.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, *convert(folder, *extra)], capture_output=True, text=True, check=False)
    assert done.returncode == 6, done.stderr
    assert "File too large" in done.stderr
    assert "out.onnx" in done.stderr
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_no_space_left(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **kwargs: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "copy_file_range", full)
    for extra in ([], ["--external-data"]):
        check_failure(folder, convert(folder, *extra), 6, "out.onnx", "No space left", capsys=capsys)


def test_an_interrupt(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: object, **kwargs: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "copy_file_range", interrupted)
    for extra in ([], ["--external-data"]):
        check_failure(folder, convert(folder, *extra), 130, "interrupted", capsys=capsys)
