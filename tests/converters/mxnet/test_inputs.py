"""Inputs' shapes and types as MXNet infers them; what nothing says is one error with what to pass."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from dragoman.converters.mxnet.dtypes import Types
from dragoman.converters.mxnet.shapes import Inference
from dragoman.converters.mxnet.symbol import parse_symbol

HERE = Path(__file__).parent
CASES: dict[str, Any] = json.loads((HERE / "inference.json").read_text())


@pytest.mark.parametrize("name", CASES)
def test_as_mxnet_infers(name: str) -> None:
    case = CASES[name]
    symbol = parse_symbol(json.dumps(case["symbol"]))
    wanted = case["arguments"]
    weights = {n: ir.Tensor(np.zeros(wanted[n][0], wanted[n][1]), name=n) for n in case["weights"]}
    dtypes = {n: ir.DataType.from_numpy(np.dtype(t)) for n, t in case["types"].items() if n not in weights}
    shapes = Inference(symbol, weights, {n: [d or None for d in s] for n, s in case["shapes"].items()})
    for index, node in enumerate(symbol.nodes):  # what a conversion would have learnt of the layers that need their data
        if node.op == "Convolution":
            shapes.learn(index, [tuple(case["outputs"][0])])
    types = Types(symbol, weights, dtypes)
    inputs = {node.name: i for i, node in enumerate(symbol.nodes) if node.is_variable and node.name not in weights}
    assert {n: list(shapes.ask(i) or ()) for n, i in inputs.items()} == {n: wanted[n][0] for n in inputs}
    assert {n: types.variable(i).numpy().name for n, i in inputs.items()} == {n: wanted[n][1] for n in inputs}


def test_recording_is_what_mxnet_infers(mxnet_python: str) -> None:
    done = subprocess.run([mxnet_python, str(HERE / "record_inference.py"), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
