"""Graphs as symbols: onnx's own node tests and whole networks, written, and run in real MXNet or read back."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

import dragoman
from dragoman.graph_ir.errors import DragomanError
from tests.converters.onnx.node_tests import NodeTest, node_tests, same

HERE = Path(__file__).parent

CONSTANT = {
    "Reshape": [1], "Slice": [1, 2, 3, 4], "Pad": [1, 2, 3], "Squeeze": [1], "Unsqueeze": [1], "Tile": [1], "Expand": [1],
    "Split": [1], "TopK": [1], "CumSum": [1], "OneHot": [1, 2], "Clip": [1, 2], "Resize": [1, 2, 3], "BatchNormalization": [1, 2, 3, 4],
    "Conv": [1, 2], "ConvTranspose": [1, 2], "LSTM": [1, 2, 3], "GRU": [1, 2, 3], "RNN": [1, 2, 3], "PRelu": [1],
    "LayerNormalization": [1, 2], "ReduceSum": [1], "ReduceMean": [1], "ReduceMax": [1], "ReduceMin": [1], "ReduceProd": [1],
    "ReduceL1": [1], "ReduceL2": [1], "ReduceSumSquare": [1], "ReduceLogSum": [1], "ReduceLogSumExp": [1],
}  # fmt: skip
"""Inputs that networks have as weights or settings, and the node tests feed."""
UNABLE = ("only supports float32/float64 for CPU", "FP16 gemm on cpu not implemented")
"""MXNet has half precision on GPUs alone."""


def with_constants(case: NodeTest) -> tuple[onnx.ModelProto, dict[str, Any]]:
    """The case's model with its settings as initializers, and what remains to be fed."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    feeds = {value.name: array for value, array in zip(model.graph.input, case.data[0][0], strict=False)}
    node = model.graph.node[0]
    for index in CONSTANT.get(node.op_type, []) if len(model.graph.node) == 1 else []:
        name = node.input[index] if index < len(node.input) else ""
        if name in feeds:
            model.graph.initializer.append(numpy_helper.from_array(feeds.pop(name), name))
            model.graph.input.remove(next(value for value in model.graph.input if value.name == name))
    return model, feeds


def exported(case: NodeTest, folder: Path) -> Path | None:
    """The case as a symbol; None if that can't be."""
    model, feeds = with_constants(case)
    if not all(isinstance(array, np.ndarray) and array.dtype.kind in "fiub" for array in [*feeds.values(), *case.data[0][1]]):
        return None
    (folder / "in.onnx").write_bytes(model.SerializeToString())
    try:
        dragoman.convert(folder / "in.onnx", folder / "net-symbol.json", verify=False)
    except DragomanError:
        return None
    np.savez(folder / "feeds.npz", **feeds)
    return folder / "net-symbol.json"


@pytest.fixture(scope="module")
def symbols(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every node test that can be said in MXNet."""
    home, found = tmp_path_factory.mktemp("symbols"), {}
    for name, case in node_tests().items():
        (home / name).mkdir()
        if (symbol := exported(case, home / name)) is not None:
            found[name] = symbol
    return found


def differences(expected: list[Any], found: list[Any], case: NodeTest) -> str | None:
    for got, wanted in zip(found, expected, strict=True):
        if not same(got, wanted, max(case.rtol, 1e-3), max(case.atol, 1e-5)):
            return f"{got} is not {wanted}"
    return None


def test_node_tests_in_mxnet(symbols: dict[str, Path], mxnet_python: str) -> None:
    run_in_mxnet(mxnet_python, symbols.values())
    wrong, compared = {}, 0
    for name, symbol in symbols.items():
        refused = symbol.with_name("refused.txt")
        if refused.exists():
            words = refused.read_text()
            if not any(unable in words for unable in UNABLE):
                wrong[name] = words[-300:]
            continue
        case = node_tests()[name]
        with np.load(symbol.with_name("outputs.npz")) as stored:
            found = [stored[str(number)] for number in range(len(stored.files))]
        compared += 1
        if fault := differences(list(case.data[0][1]), found, case):
            wrong[name] = fault
    assert not wrong
    assert compared > 900


def run_in_mxnet(python: str, symbols: Any) -> None:
    folders = "".join(f"{symbol.parent}\n" for symbol in symbols)
    command = [python, str(HERE / "run_symbols.py")]
    done = subprocess.run(command, input=folders, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_node_tests_read_back(symbols: dict[str, Path]) -> None:
    wrong = {}
    for name, symbol in symbols.items():
        case = node_tests()[name]
        with np.load(symbol.with_name("feeds.npz")) as stored:
            feeds = dict(stored)
        try:
            found = read_back(symbol, feeds)
        except DragomanError as error:
            wrong[name] = str(error)
            continue
        if found is None:
            continue
        if fault := differences(list(case.data[0][1]), [found[value.name] for value in case.model.graph.output], case):
            wrong[name] = fault
    assert not wrong


def read_back(symbol: Path, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray] | None:
    """What ONNX Runtime makes of the symbol's files; None where it lacks a type."""
    out = symbol.with_name("back.onnx")
    dragoman.convert(symbol, out, verify=False)
    try:
        session = onnxruntime.InferenceSession(out, providers=["CPUExecutionProvider"])
    except onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented:
        return None
    names = [value.name for value in session.get_outputs()]
    found = session.run(None, {value.name: feeds[value.name] for value in session.get_inputs()})
    return dict(zip(names, found, strict=True))
