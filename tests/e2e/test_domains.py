"""Inputs that take only some values (indices, flags, regions) get samples that a verification can use."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import dragoman
from dragoman.converters.caffe.writer import write_caffemodel
from dragoman.execution import load_feeds
from dragoman.graph_ir.domains import domains_of

RNG = np.random.default_rng(3)


def _weights(*shape: int) -> np.ndarray:
    return RNG.uniform(-0.6, 0.6, shape).astype(np.float32)


def _input(name: str, *dims: int) -> str:
    shape = " ".join(f"dim: {d}" for d in dims)
    return f'layer {{ name: "{name}" type: "Input" top: "{name}" input_param {{ shape {{ {shape} }} }} }}\n'


EMBEDDED_LSTM = (
    _input("words", 5, 3)
    + _input("cont", 5, 3)
    + """
    layer { name: "embed" type: "Embed" bottom: "words" top: "embed" embed_param { input_dim: 30 num_output: 4 } }
    layer { name: "lstm" type: "LSTM" bottom: "embed" bottom: "cont" top: "lstm" recurrent_param { num_output: 6 } }
    """
)
REINDEXED = (
    _input("data", 4, 3)
    + _input("order", 6)
    + """
    layer { name: "same" type: "Split" bottom: "order" top: "a" top: "b" }
    layer { name: "pick" type: "BatchReindex" bottom: "data" bottom: "a" top: "picked" }
    layer { name: "twice" type: "Power" bottom: "b" top: "twice" power_param { scale: 2 } }
    """
)
NETS = {
    "words": (
        EMBEDDED_LSTM,
        [("embed", "Embed", [_weights(30, 4), _weights(4)]), ("lstm", "LSTM", [_weights(24, 4), _weights(24), _weights(24, 6)])],
        {"words": 29, "cont": 1},
    ),
    "order": (REINDEXED, [("pick", "BatchReindex", [])], {"order": 3}),
}


@pytest.fixture(params=NETS)
def net(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path, dict[str, float]]:
    text, layers, highest = NETS[request.param]
    prototxt = tmp_path / "net.prototxt"
    prototxt.write_text(text)
    return prototxt, write_caffemodel(tmp_path / "net.caffemodel", layers), highest


def test_bounds_reach_the_inputs(net: tuple[Path, Path, dict[str, float]]) -> None:
    prototxt, weights, highest = net
    model = dragoman.load(prototxt, weights=weights)
    bounds = {v.name: [(d.low, d.high, d.integral) for d in domains_of(v)] for v in model.graph.inputs if domains_of(v)}
    assert bounds == {name: [(0, high, True)] for name, high in highest.items()}
    feeds = load_feeds(prototxt, None, weights=weights)
    for name, high in highest.items():
        assert 0 <= feeds[name].min() <= feeds[name].max() <= high
        assert (feeds[name] == np.rint(feeds[name])).all()


def test_verdict_in_real_caffe(net: tuple[Path, Path, dict[str, float]], tmp_path: Path) -> None:
    if not (python := os.environ.get("DRAGOMAN_CAFFE_PYTHON")):
        pytest.skip("real Caffe isn't at hand: DRAGOMAN_CAFFE_PYTHON names no interpreter that has it")
    prototxt, weights, _ = net
    result = dragoman.convert(prototxt, tmp_path / "net.onnx", weights=weights, source_python=python)
    assert result.report is not None
    assert result.report.passed, result.report.reasons
    assert all(m.outcome == "agrees" for o in result.report.outputs for m in o.measurements)
