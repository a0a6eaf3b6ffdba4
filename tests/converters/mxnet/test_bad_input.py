"""What isn't as it should be is one message that names the place; never a trace, never more memory than the file has."""

from __future__ import annotations

import json
import random
import struct
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dragoman
from dragoman.cli import invoke
from dragoman.graph_ir.errors import DragomanError, MalformedModel, UnsupportedOperator, UsageError

from .params_file import write_params
from .symbols import Net


def network() -> Net:
    """A little of everything: convolution, batch normalisation, pooling, a shared branch, a dense layer, a loss."""
    net = Net()
    data = net.var("data")
    weights = net.var("conv0_weight"), net.var("conv0_bias")
    conv = net.op("Convolution", "conv0", (data, *weights), num_filter="4", kernel="(3, 3)", pad="(1, 1)")
    states = [net.var(f"bn_{name}") for name in ("gamma", "beta", "moving_mean", "moving_var")]
    relu = net.op("Activation", "relu0", (net.op("BatchNorm", "bn", (conv, *states), fix_gamma="False"),), act_type="relu")
    pool = net.op("Pooling", "pool0", (relu,), kernel="(2, 2)", stride="(2, 2)", pool_type="max")
    dense = net.dense("fc", net.op("elemwise_add", "plus", (pool, pool)), 5)
    net.op("SoftmaxOutput", "softmax", (dense, net.var("softmax_label")))
    return net


HUGE = struct.pack("<QQQIiiqqiii", 0x112, 0, 1, 0xF993FAC9, 0, 2, 1 << 30, 1 << 30, 1, 0, 0)
LAST = len(network().nodes) - 1
ARRAYS = {
    **{"arg:conv0_weight": np.ones((4, 3, 3, 3), np.float32), "arg:conv0_bias": np.ones(4, np.float32)},
    **{"arg:fc_weight": np.ones((5, 64), np.float32), "arg:fc_bias": np.ones(5, np.float32)},
    **{f"arg:bn_{name}": np.ones(4, np.float32) for name in ("gamma", "beta")},
    **{f"aux:bn_moving_{name}": np.ones(4, np.float32) for name in ("mean", "var")},
}


def load(folder: Path, arrays: dict[str, np.ndarray] | None = None, shape: Any = (1, 3, 8, 8)) -> dragoman.Model:
    weights = write_params(folder / "net-0000.params", arrays or ARRAYS)
    return dragoman.load(network().save(folder, LAST), weights=weights, inputs={"data": shape})


@pytest.mark.parametrize(
    ("name", "shape", "words"),
    [
        ("arg:conv0_weight", (4, 2, 3, 3), r"layer conv0 \(Convolution\).*\(1, 3, 8, 8\).*\(4, 2, 3, 3\)"),
        ("arg:conv0_weight", (6, 3, 3, 3), r"layer conv0 \(Convolution\): takes \(4, \?, 3, 3\), but conv0_weight is \(6, 3, 3, 3\)"),
        ("arg:conv0_weight", (4, 3, 5, 5), r"layer conv0 \(Convolution\): takes"),
        ("arg:fc_weight", (5, 63), r"layer fc \(FullyConnected\).*\(1, 64\).*\(5, 63\)"),
        ("arg:fc_bias", (7,), r"layer fc \(FullyConnected\): takes \(5\), but fc_bias is \(7\)"),
        ("arg:bn_gamma", (7,), r"layer bn \(BatchNorm\): takes \(4\), but bn_gamma is \(7\)"),
    ],
)
def test_weights_of_other_shapes(name: str, shape: tuple[int, ...], words: str, tmp_path: Path) -> None:
    with pytest.raises(MalformedModel, match=words):
        load(tmp_path, {**ARRAYS, name: np.ones(shape, np.float32)})


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((1, 4, 8, 8), r"layer conv0 .*\(1, 4, 8, 8\)"),
        ((1, 3), r"layer conv0 .*1, 3.*4, 3, 3, 3"),
        ((1, 3, 10, 8), r"layer fc .*\(1, 80\).*\(5, 64\)"),
        ((1, 3, 1, 1), r"layer pool0 \(Pooling\): its kernel"),
    ],
)
def test_inputs_of_other_shapes(shape: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(MalformedModel, match=words):
        load(tmp_path, shape=shape)


def test_every_unknown_operator_is_listed(tmp_path: Path) -> None:
    net = network()
    for node in net.nodes:
        node["op"] = {"Pooling": "Pooled", "Activation": "_odd"}.get(node["op"], node["op"])
    symbol = net.save(tmp_path, LAST)
    with pytest.raises(UnsupportedOperator, match=r"2 operators.*\n.*_odd × 1: relu0\n.*Pooled × 1: pool0"):
        dragoman.load(symbol)
    assert [gap.operator for gap in dragoman.check(symbol).reading] == ["_odd", "Pooled"]


def test_every_input_without_a_shape_is_named(tmp_path: Path) -> None:
    net = Net()
    left = net.op("Convolution", "c", (net.var("image"), net.var("w")), num_filter="2", kernel="(3, 3)", no_bias="True")
    net.op("broadcast_add", "sum", (left, net.var("other")))
    weights = write_params(tmp_path / "any.params", {"w": np.ones((2, 5, 3, 3), np.float32)})
    with pytest.raises(MalformedModel, match=r"image, other aren't .* --input image:1,5,224,224 --input other:"):
        dragoman.load(net.save(tmp_path, len(net.nodes) - 1), weights=weights)


def test_inputs_that_are_none(tmp_path: Path) -> None:
    weights = write_params(tmp_path / "net-0000.params", ARRAYS)
    symbol = network().save(tmp_path, LAST)
    with pytest.raises(UsageError, match="no input daat; it has data, softmax_label"):
        dragoman.load(symbol, weights=weights, inputs={"daat": (1, 3, 8, 8)})
    with pytest.raises(UsageError, match="fc_bias can't be an input of this shape"):
        dragoman.load(symbol, weights=weights, inputs={"data": (1, 3, 8, 8), "fc_bias": (6,)})
    dragoman.load(symbol, weights=weights, inputs={"data": (1, 3, 8, 8), "fc_bias": (5,)})


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({}, 0, ""),
        ({"shape": None}, 4, "--input data:1,3,224,224"),
        ({"weights": b"PK"}, 4, "numpy"),
        ({"weights": b"\x12\x01\0\0\0\0\0\0"}, 4, "isn't an MXNet .params file"),
        ({"weights": HUGE}, 4, "doesn't fit into the file"),
        ({"symbol": '{"nodes": []}'}, 4, "no heads"),
        ({"symbol": "nodes"}, 4, "isn't a symbol"),
    ],
)
def test_exit_codes(change: dict[str, Any], code: int, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    symbol = network().save(tmp_path, LAST)
    weights = write_params(tmp_path / "net-0000.params", ARRAYS)
    if "symbol" in change:
        symbol.write_text(change["symbol"])
    if "weights" in change:
        weights.write_bytes(change["weights"])
    shape = [] if change.get("shape", 1) is None else ["--input", "data:1,3,8,8"]
    target = tmp_path / "out.onnx"
    assert invoke(["convert", str(symbol), str(target), *shape, "--no-verify", "--from", "mxnet"]) == code
    assert target.exists() == (code == 0)
    error = capsys.readouterr().err
    assert words in error
    assert "Traceback" not in error


OPERATORS = ("Concat", "Reshape", "SliceChannel", "RNN", "Embedding", "transpose", "null", "FullyConnected", "_zeros", "pick", "x")


def attempt(symbol: Path, weights: Path) -> None:
    with suppress(DragomanError):
        dragoman.load(symbol, weights=weights, inputs={"data": (1, 3, 8, 8)})


def damaged(chance: random.Random, text: str) -> str:
    """A symbol with some values of its JSON exchanged for others."""
    document = json.loads(text)
    for _ in range(chance.randint(1, 3)):
        node = chance.choice(document["nodes"])
        kind = chance.randrange(7)
        if kind == 0:
            node["op"] = chance.choice(OPERATORS)
        elif kind == 1 and node.get("attrs"):
            values = ["", "-1", "0", "None", "(1, 2)", "()", "1e99", "99999999999", "True", "[", "nan", "(0, -1)"]
            node["attrs"][chance.choice(list(node["attrs"]))] = chance.choice(values)
        elif kind == 2 and node["inputs"]:
            node["inputs"][chance.randrange(len(node["inputs"]))] = [chance.randrange(-1, 20), chance.choice([0, 0, 1, 1 << 40]), 0]
        elif kind == 3 and node["inputs"]:
            node["inputs"].pop(chance.randrange(len(node["inputs"])))
        elif kind == 4:
            name = chance.choice(["axis", "num_outputs", "shape", "dtype", "__shape__", "mode", "layout"])
            node.setdefault("attrs", {})[name] = chance.choice(["-7", "0", "(0, 0)", "lstm", "NHWC", "None", "float16", "2"])
        elif kind == 5:
            document["heads"] = [[chance.randrange(20), chance.randrange(3), 0]]
        else:
            node["inputs"].append([chance.randrange(16), 0, 0])
    return json.dumps(document)


@pytest.mark.parametrize("seed", range(4))
def test_damaged_symbols(seed: int, tmp_path: Path) -> None:
    weights = write_params(tmp_path / "net-0000.params", ARRAYS)
    symbol = network().save(tmp_path, LAST)
    whole = symbol.read_text()
    chance = random.Random(seed)
    tracemalloc.start()
    for _ in range(120):
        symbol.write_text(damaged(chance, whole))
        attempt(symbol, weights)
    assert tracemalloc.get_traced_memory()[1] < 100e6
    tracemalloc.stop()
    for _ in range(200):
        text = list(whole)
        for _ in range(chance.randint(1, 4)):
            text[chance.randrange(len(text))] = chr(chance.randrange(32, 127))
        symbol.write_text("".join(text))
        attempt(symbol, weights)


@pytest.mark.parametrize("seed", range(2))
def test_damaged_weights(seed: int, tmp_path: Path) -> None:
    weights = write_params(tmp_path / "net-0000.params", ARRAYS)
    symbol = network().save(tmp_path, LAST)
    whole = weights.read_bytes()
    heads = [at for at in range(len(whole) - 4) if whole[at : at + 4] == struct.pack("<I", 0xF993FAC9)]
    chance = random.Random(seed)
    for _ in range(200):
        content = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            names = chance.randrange(len(content) - 300, len(content))
            content[chance.choice([chance.randrange(24), chance.choice(heads) + chance.randrange(48), names])] = chance.randrange(256)
        weights.write_bytes(content[: chance.choice([len(content), len(content), chance.randrange(len(content))])])
        attempt(symbol, weights)
