"""Graphs as symbols: onnx's own node tests and whole networks, written, and run in real MXNet or read back."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper, parser

import dragoman
from dragoman.converters.caffe import zoo
from dragoman.converters.mxnet.exporter import check
from dragoman.graph_ir.errors import DragomanError, TargetError, UnsupportedOperator
from dragoman.graph_ir.model import dims
from dragoman.validators import runtimes
from tests.converters.onnx.node_tests import NodeTest, OnnxRuntime, node_tests, same

from .cases.case import arrays
from .test_operators import entries, files, outputs

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


def differences(found: list[Any], case: NodeTest) -> str | None:
    """How the results differ from what is expected, if ONNX Runtime gives that: our graphs mean what it does."""
    expected = list(case.data[0][1])
    for got, wanted in zip(found, expected, strict=True):
        if not same(got, wanted, max(case.rtol, 1e-3), max(case.atol, 1e-5)):
            return f"{got} is not {wanted}" if OnnxRuntime().failure(case, case.model) is None else None
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
        if fault := differences(found, case):
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
        if fault := differences([found[value.name] for value in case.model.graph.output], case):
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


SIZES = {"googlenet": 64, "resnet18": 64, "fcn8s": 32}


@pytest.mark.parametrize("name", SIZES)
def test_networks_are_verified(name: str, tmp_path: Path) -> None:
    prototxt, weights = zoo.write(name, tmp_path, width=0.25, size=SIZES[name], batch=2)
    result = dragoman.convert(prototxt, tmp_path / "net-symbol.json", weights=weights)
    assert result.report is not None
    assert result.report.passed, result.report.reasons


@pytest.mark.parametrize("name", SIZES)
def test_networks_are_verified_in_mxnet(
    name: str, tmp_path: Path, mxnet_python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRAGOMAN_CONFIG", str(tmp_path / "runtimes.json"))
    runtimes.add("mxnet", [mxnet_python])
    prototxt, weights = zoo.write(name, tmp_path, width=0.25, size=SIZES[name], batch=2)
    result = dragoman.convert(prototxt, tmp_path / "net-symbol.json", weights=weights)
    assert result.report is not None
    assert result.report.passed, result.report.reasons
    assert result.report.converted.runtime == "MXNet"


ROUND = [
    (family, name)
    for family in ("conv", "dense", "activation", "pooling", "normalization", "recurrent", "softmax", "networks", "zoo")
    for name, entry in entries(family).items()
    if "refused" not in entry
]


def test_symbols_come_back_as_mxnet_runs_them(tmp_path: Path, mxnet_python: str) -> None:
    """MXNet's own symbols, read and written again: what MXNet gives for them is what it gave."""
    written = {}
    for number, (family, name) in enumerate(ROUND):
        entry, folder = entries(family)[name], tmp_path / str(number)
        (folder / "source").mkdir(parents=True)
        symbol, weights = files(entry, name, folder / "source")
        feeds = arrays(name, entry["inputs"])
        if not all(np.isfinite(array).all() for array in feeds.values()):
            continue  # MXNet's kernels of one function (softmin, softmax of what is negated) differ there among themselves
        shapes = {key: value.shape for key, value in feeds.items()}
        try:
            dragoman.convert(symbol, folder / "net-symbol.json", weights=weights, inputs=shapes, verify=False)
        except UnsupportedOperator:
            continue
        np.savez(folder / "feeds.npz", **feeds)
        written[family, name] = folder / "net-symbol.json"
    assert len(written) > 0.95 * len(ROUND)
    run_in_mxnet(mxnet_python, written.values())
    wrong = {}
    for (family, name), symbol in written.items():
        entry, refused = entries(family)[name], symbol.with_name("refused.txt")
        if refused.exists():
            if not any(unable in refused.read_text() for unable in UNABLE):
                wrong[name] = refused.read_text()[-300:]
            continue
        place = list(entries(family)).index(name) + 1
        with np.load(symbol.with_name("outputs.npz")) as stored:
            for index, output in enumerate(entry["outputs"]):
                wanted = outputs(family)[f"{place}/{index}"]
                if not same(stored[str(index)], wanted, 1e-3, max(1e-5, 4 * half_step(wanted))):
                    wrong[name, output] = f"{stored[str(index)]} is not {wanted}"
    assert not wrong


def half_step(array: np.ndarray) -> float:
    """A rounding error of half precision at an array's largest value; 0 for other types."""
    if array.dtype != np.float16:
        return 0.0
    return float(np.finfo(np.float16).eps * np.abs(array[np.isfinite(array)]).max(initial=0))


MODELS = {
    "names of outputs": "x (float[2,3] x, float[2,3] b) => (float[2,3] sum, float[2,3] other) {sum = Add(x, b) other = Relu(sum)}",
    "an output that is an input": "x (float[2,3] x) => (float[2,3] x_out, float[2,3] y) {x_out = Identity(x) y = Neg(x)}",
    "inputs in another order": "x (float[2,3] late, float[2,3] early) => (float[2,3] y) {a = Relu(early) y = Sub(a, late)}",
    "a dynamic batch": "x (float[batch,3] x) => (float[batch,3] y) {y = Softmax(x)}",
    "limits of integers": "x (int64[2,3] x) => (int64[2,3] y) <int64 low = {-1}, int64 high = {16777216}> {y = Clip(x, low, high)}",
    "a scalar in every place, too many to be folded": (
        "x (float[3,300,300] x) => (float[3,300,300] y) <float one = {1}, int64[3] to = {3, 300, 300}>"
        " {a = Expand(one, to) y = Add(x, a)}"
    ),
    "part of a split": "x (float[2,4] x) => (float[2,2] b, float[2,2] a) {a, b = Split<axis = 1, num_outputs = 2>(x)}",
}


@pytest.mark.parametrize("name", MODELS)
def test_contract(name: str, tmp_path: Path, mxnet_python: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = parser.parse_model(f'<ir_version: 9, opset_import: ["": 18]> {MODELS[name]}')
    onnx.save(model, tmp_path / "in.onnx")
    monkeypatch.setenv("DRAGOMAN_CONFIG", str(tmp_path / "runtimes.json"))
    runtimes.add("mxnet", [mxnet_python])
    result = dragoman.convert(tmp_path / "in.onnx", tmp_path / "net-symbol.json")
    assert result.report is not None
    assert result.report.passed, result.report.reasons
    back = dragoman.load(tmp_path / "net-symbol.json")
    for got, wanted in ((back.graph.inputs, model.graph.input), (back.graph.outputs, model.graph.output)):
        assert [value.name for value in got] == [value.name for value in wanted]
    assert [dims(value) for value in back.graph.inputs] == [
        tuple(d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim) for value in model.graph.input
    ]


REFUSED = {
    "it is exclusive or reversed": "x (float[2,3] x) => (float[2,3] y) <int64 a = {1}> {y = CumSum<reverse = 1>(x, a)}",
    "its windows are dilated": "x (float[1,1,9] x) => (float[1,1,5] y) {y = MaxPool<kernel_shape = [3], dilations = [2]>(x)}",
    "integers past 2²⁴": "x (int64[2] x) => (int64[2] y) <int64 low = {0}, int64 high = {16777217}> {y = Clip(x, low, high)}",
    "is a scalar": "x (float x) => (float y) {y = Relu(x)}",
    "is uint16": "x (uint16[2] x) => (uint16[2] y) {y = Identity(x)}",
    "fixed sizes": "x (float[n,3] x) => (int64[2] y) {y = Shape(x)}",
    "its reset gate comes before": (
        "x (float[2,1,3] x) => (float[2,1,1,2] y) <float[1,6,3] w = {0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0}, float[1,6,2] r ="
        " {0,0,0,0,0,0,0,0,0,0,0,0}> {y = GRU<hidden_size = 2>(x, w, r)}"
    ),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_refused(reason: str, tmp_path: Path) -> None:
    onnx.save(parser.parse_model(f'<ir_version: 9, opset_import: ["": 18]> {REFUSED[reason]}'), tmp_path / "in.onnx")
    gaps = check(dragoman.load(tmp_path / "in.onnx"))
    assert any(reason in gap.reason for gap in gaps), gaps
    with pytest.raises(UnsupportedOperator):
        dragoman.convert(tmp_path / "in.onnx", tmp_path / "net-symbol.json", optimize=False)
    assert not list(tmp_path.glob("net*"))


def test_a_source_is_not_overwritten(tmp_path: Path) -> None:
    onnx.save(parser.parse_model(f'<ir_version: 9, opset_import: ["": 18]> {MODELS["a dynamic batch"]}'), tmp_path / "in.onnx")
    dragoman.convert(tmp_path / "in.onnx", tmp_path / "net-symbol.json", verify=False)
    with pytest.raises(TargetError, match="the source's weights are in it"):
        dragoman.save(dragoman.load(tmp_path / "net-symbol.json"), tmp_path / "net-symbol.json")
