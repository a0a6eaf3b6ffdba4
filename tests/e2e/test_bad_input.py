"""Bad input is normal input: one message, the exit code of the table, nothing written, what was there unharmed."""

from __future__ import annotations

import errno
import json
import os
import random
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dragoman.cli import invoke
from dragoman.converters.caffe.writer import write_caffemodel

NET = """name: "small"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "fc" type: "InnerProduct" bottom: "conv" top: "fc" inner_product_param { num_output: 5 } }
"""
BEFORE = b"what was there before"


def small_weights(path: Path, *, fc: int = 144, drop: str = "") -> Path:
    """Weights of ``NET``; ``fc`` inputs of the last layer, one layer left out."""
    random = np.random.default_rng(0)
    layers = {
        "conv": ("Convolution", [random.standard_normal((4, 3, 3, 3)), random.standard_normal(4)]),
        "fc": ("InnerProduct", [random.standard_normal((5, fc)), random.standard_normal(5)]),
    }
    write_caffemodel(
        path, [(name, kind, [a.astype(np.float32) for a in arrays]) for name, (kind, arrays) in layers.items() if name != drop]
    )
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a network, its weights, and an older result."""
    (tmp_path / "net.prototxt").write_text(NET)
    small_weights(tmp_path / "net.caffemodel")
    (tmp_path / "out.onnx").write_bytes(BEFORE)
    return tmp_path


def convert(
    folder: Path, *extra: str, source: str = "net.prototxt", weights: str = "net.caffemodel", target: str = "out.onnx"
) -> list[str]:
    given = ["-w", str(folder / weights)] if weights else []
    return ["convert", str(folder / source), str(folder / target), *given, "--no-verify", *extra]


def check_failure(folder: Path, arguments: list[str], code: int, *words: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The command fails with ``code`` and one message that has ``words``; the folder is as it was."""
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    capsys.readouterr()
    assert invoke(arguments) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.lstrip().startswith("error: ")
    assert "Traceback" not in captured.err
    for word in words:
        assert word in captured.err, captured.err
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before
    return captured.err


def test_the_network_itself_converts(folder: Path) -> None:
    assert invoke(convert(folder)) == 0
    assert (folder / "out.onnx").read_bytes() != BEFORE


LAYER = 'layer {{ name: "x" type: "{type}" bottom: "{bottom}" top: "x" {more} }}'
NETWORKS = {
    "unknown layer": (LAYER.format(type="Telepathy", bottom="conv", more=""), ["Telepathy", "x"]),
    "bottom that nothing makes": (LAYER.format(type="ReLU", bottom="nothing", more=""), ["nothing", "net.prototxt:6"]),
    "negative kernel": (
        LAYER.format(type="Pooling", bottom="conv", more="pooling_param { kernel_size: -3 }"),
        ["net.prototxt:6", "kernel_size"],
    ),
    "zero kernel": (LAYER.format(type="Pooling", bottom="conv", more="pooling_param { kernel_size: 0 }"), ["x (Pooling)"]),
    "kernel larger than the image": (
        LAYER.format(type="Convolution", bottom="conv", more="convolution_param { num_output: 1 kernel_size: 99 }"),
        ["x (Convolution)", "99"],
    ),
    "unknown field": (
        LAYER.format(type="Pooling", bottom="conv", more="pooling_param { kernel_size: 2 warp: 3 }"),
        ["warp", "net.prototxt:6"],
    ),
    "unknown enum": (
        LAYER.format(type="Pooling", bottom="conv", more="pooling_param { pool: MEDIAN kernel_size: 2 }"),
        ["MEDIAN", "net.prototxt:6"],
    ),
    "axis out of range": (LAYER.format(type="Softmax", bottom="conv", more="softmax_param { axis: 7 }"), ["axis 7"]),
    "terabytes": (LAYER.format(type="Tile", bottom="conv", more="tile_param { axis: 1 tiles: 2000000000 }"), ["more elements"]),
    "too many bottoms": ('layer { name: "x" type: "ReLU" bottom: "conv" bottom: "fc" top: "x" }', ["2 bottoms"]),
    "too few tops": ('layer { name: "x" type: "Softmax" bottom: "conv" top: "x" top: "y" top: "z" }', ["tops"]),
    "two layers, one top": (LAYER.format(type="Sigmoid", bottom="conv", more="").replace('top: "x"', 'top: "fc"'), ["fc"]),
    "nested braces": ("layer { " * 100_000, ["net.prototxt:6"]),
    "unclosed": ('layer { name: "x" type: "ReLU"', ["net.prototxt"]),
    "python layer": (LAYER.format(type="Python", bottom="conv", more='python_param { module: "os" layer: "system" }'), ["os"]),
}


@pytest.mark.parametrize(("text", "words"), NETWORKS.values(), ids=NETWORKS)
def test_network_that_means_nothing(folder: Path, text: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "net.prototxt").write_text(NET + text)
    check_failure(folder, convert(folder), 4, *words, capsys=capsys)


def test_all_unknown_layers_at_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layers = "".join(f'layer {{ name: "l{i}" type: "Odd{i % 2}" bottom: "conv" top: "l{i}" }}' for i in range(5))
    (folder / "net.prototxt").write_text(NET + layers)
    check_failure(folder, convert(folder), 4, "Odd0 × 3: l0, l2, l4", "Odd1 × 2: l1, l3", capsys=capsys)


CONTENTS = {
    "empty": b"",
    "not UTF-8": b'name: "\xff\xfe\x80"',
    "UTF-16": NET.encode("utf-16"),
    "JSON": b'{"nodes": []}',
    "random": random.Random(0).randbytes(5000),
    "no layers": b'name: "empty"',
    "terabytes": b'layer { name: "d" type: "Input" top: "d" input_param { shape { dim: 1000000 dim: 1000000 } } } '
    b'layer { name: "r" type: "ReLU" bottom: "d" top: "r" }',
    "negative dimension": b'layer { name: "d" type: "Input" top: "d" input_param { shape { dim: -3 } } } '
    b'layer { name: "r" type: "ReLU" bottom: "d" top: "r" }',
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_source_that_is_no_network(folder: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "net.prototxt").write_bytes(content)
    check_failure(folder, convert(folder, "--from", "caffe"), 4, "net.prototxt", capsys=capsys)


def test_binary_weights_as_the_network(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check_failure(folder, convert(folder, "--from", "caffe", source="net.caffemodel"), 4, "net.caffemodel", capsys=capsys)


WEIGHTS = {
    "empty": lambda good: b"",
    "text": lambda good: NET.encode(),
    "random": lambda good: random.Random(1).randbytes(len(good)),
    "truncated in a tensor": lambda good: good[: len(good) // 2],
    "truncated at the end": lambda good: good[:-1],
    "HDF5's signature only": lambda good: b"\x89HDF\r\n\x1a\n",
}


@pytest.mark.parametrize("damage", WEIGHTS.values(), ids=WEIGHTS)
def test_weights_that_are_none(folder: Path, damage, capsys: pytest.CaptureFixture[str]) -> None:
    good = (folder / "net.caffemodel").read_bytes()
    (folder / "net.caffemodel").write_bytes(damage(good))
    check_failure(folder, convert(folder), 4, "net.caffemodel", capsys=capsys)


def test_every_truncation_of_the_weights_is_one_error(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = (folder / "net.caffemodel").read_bytes()
    for length in range(0, len(good), 97):
        (folder / "net.caffemodel").write_bytes(good[:length])
        check_failure(folder, convert(folder), 4, capsys=capsys)


def test_weights_of_another_network(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small_weights(folder / "net.caffemodel", fc=99)
    check_failure(folder, convert(folder), 4, "fc (InnerProduct)", "[5, 99]", "[5, 144]", capsys=capsys)


def test_no_weights(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check_failure(folder, convert(folder, weights=""), 4, "conv (Convolution)", "no weights were given", capsys=capsys)


@pytest.mark.parametrize(
    ("filler", "converts"),
    [
        ('{ type: "constant" value: 0.5 }', True),
        ('{ type: "xavier" }', False),
        ('{ type: "gaussian" std: 0.01 }', False),
        ("", False),
    ],
)
def test_layer_that_the_weights_lack(folder: Path, filler: str, converts: bool, capsys: pytest.CaptureFixture[str]) -> None:
    small_weights(folder / "net.caffemodel", drop="fc")
    text = NET.replace("num_output: 5", f"num_output: 5 weight_filler {filler}" if filler else "num_output: 5")
    (folder / "net.prototxt").write_text(text)
    if converts:
        assert invoke(convert(folder)) == 0
        assert "layer fc: its weight isn't in the weights; made by its constant filler" in capsys.readouterr().out
    else:
        check_failure(folder, convert(folder), 4, "fc (InnerProduct)", "net.caffemodel", capsys=capsys)


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["convert", "missing.prototxt", "out.onnx"], 4, "missing.prototxt"),
        (["convert", "net.prototxt", "out.onnx", "-w", "missing.caffemodel"], 4, "missing.caffemodel"),
        (["convert", "net.prototxt", "out.xyz", "-w", "net.caffemodel"], 6, "suffix"),
        (["convert", "net.prototxt", "no/such/folder/out.onnx", "-w", "net.caffemodel"], 6, "folder"),
        (["convert", "net.prototxt", "net.prototxt", "-w", "net.caffemodel", "--to", "onnx"], 2, "source itself"),
        (["convert", "net.prototxt"], 2, "TARGET"),
        (["convert", "net.prototxt", "out.onnx", "--opset", "3", "-w", "net.caffemodel", "--no-verify"], 2, "opset"),
        (["convert", "net.prototxt", "out.onnx", "--input", "data=1,3", "-w", "net.caffemodel"], 2, "NAME:DIMS"),
        (["convert", "net.prototxt", "out.onnx", "--input", "date:1,3,8,8", "-w", "net.caffemodel"], 2, "date"),
        (["convert", "net.prototxt", "out.onnx", "--input", "data:1,3,8,9", "-w", "net.caffemodel"], 4, "fc (InnerProduct)"),
        (["convert", "net.prototxt", "out.onnx", "--output", "nothing", "-w", "net.caffemodel"], 2, "nothing"),
        (["convert", "net.prototxt", "out.onnx", "--from", "tensorwolf"], 2, "tensorwolf"),
        (["convert", ".", "out.onnx"], 4, "recognised"),
        (["conevrt"], 2, "conevrt"),
        (["verify", "net.prototxt", "missing.onnx", "-w", "net.caffemodel"], 6, "missing.onnx"),
        (["verify", "net.prototxt", "out.onnx", "-w", "net.caffemodel"], 6, "out.onnx"),
        (["run", "net.prototxt", "-w", "net.caffemodel", "--feeds", "missing.npz"], 2, "missing.npz"),
        (["inspect", "out.onnx"], 4, "out.onnx"),
    ],
)
def test_arguments(
    folder: Path,
    arguments: list[str],
    code: int,
    word: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folder)
    check_failure(folder, arguments, code, word, capsys=capsys)


def test_json_failure_is_one_document(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "net.prototxt").write_text("layer {")
    assert invoke([*convert(folder), "--json"]) == 4
    document = json.loads(capsys.readouterr().out)
    assert document["exit_code"] == 4
    assert document["error"]["kind"] == "MalformedModel"


def test_full_disk(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **kwargs: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "copy_file_range", full)
    check_failure(folder, convert(folder), 6, "out.onnx", "No space left", capsys=capsys)


def test_file_size_limit(folder: Path) -> None:
    """A real failure of the system in the middle of writing, not a simulated one."""
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, {resource.RLIM_INFINITY}))"
    code = f"{limit}; from dragoman.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, *convert(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 6, done.stderr
    assert "File too large" in done.stderr
    assert sorted(p.name for p in folder.iterdir()) == ["net.caffemodel", "net.prototxt", "out.onnx"]
    assert (folder / "out.onnx").read_bytes() == BEFORE


def test_interrupt(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: object, **kwargs: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "copy_file_range", interrupted)
    check_failure(folder, convert(folder), 130, "interrupted", capsys=capsys)


def test_unwritable_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The target's place is taken by a folder, which nobody may replace, not even root."""
    (folder / "taken.onnx").mkdir()
    check_failure(folder, convert(folder, target="taken.onnx"), 6, "taken.onnx", capsys=capsys)
