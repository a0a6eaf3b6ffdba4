"""What MXNet computes on a GPU only, halves and channels last: checked with what its CPU gives for the same numbers in float32,
channels first.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

import dragoman

from .cases.case import arrays
from .params_file import write_params
from .test_operators import entries, outputs

HALVES = [
    *(("dense", f"FullyConnected,(2, 3, 4),flatten={flatten},bias=True") for flatten in (True, False)),
    *(("conv", f"Convolution,{n}-D,its weight is an input,float32") for n in (1, 2, 3)),
    *(("conv", f"Deconvolution,{n}-D,its weight is an input,float32") for n in (1, 2, 3)),
    *(("recurrent", f"RNN,{mode},2,2,both=True,(4, 2, 3, 5),state_outputs=True,float32") for mode in ("rnn_tanh", "lstm", "gru")),
    ("recurrent", "RNN,lstm,projection,2,both=False,(4, 2, 3, 4),state_outputs=True,projection_size=2,float32"),
    ("resampling", "UpSampling,bilinear,2,float32"),
    ("attention", "interleaved_matmul_selfatt_qk,2 heads of 4,2×5,3"),
    ("attention", "interleaved_matmul_encdec_valatt,2 heads of 4,2×5,3"),
    ("product", "dot,(3, 2, 3),(3, 3),transpose_a=False,transpose_b=True"),
    ("product", "batch_dot,(2, 3, 4),(2, 4, 5),transpose_a=False,transpose_b=False"),
    ("product", "_npi_matmul,(2, 2, 3),(1, 3, 4),np"),
]


def run(symbol: dict[str, Any], feeds: dict[str, Any], params: dict[str, Any], folder: Path) -> list[np.ndarray]:
    (folder / "net-symbol.json").write_text(json.dumps(symbol))
    weights = write_params(folder / "net-0000.params", {f"arg:{n}": v for n, v in params.items()}) if params else None
    shapes = {name: value.shape for name, value in feeds.items()}
    out = dragoman.convert(folder / "net-symbol.json", folder / "out.onnx", weights=weights, inputs=shapes, verify=False).path
    session = onnxruntime.InferenceSession(out, providers=["CPUExecutionProvider"])
    return session.run(None, {value.name: feeds[value.name] for value in session.get_inputs()})


def recorded(family: str, name: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any], list[np.ndarray]]:
    """The symbol, its inputs and weights, and what MXNet gives."""
    entry = entries(family)[name]
    number = list(entries(family)).index(name) + 1
    expected = [outputs(family)[f"{number}/{i}"] for i in range(len(entry["outputs"]))]
    return json.loads(entry["symbol"]), arrays(name, entry["inputs"]), arrays(name, entry["params"]), expected


@pytest.mark.parametrize(("family", "name"), HALVES)
def test_halves(family: str, name: str, tmp_path: Path) -> None:
    symbol, feeds, params, expected = recorded(family, name)
    for node in symbol["nodes"]:
        if node["op"] == "null":
            node["attrs"] = {**node.get("attrs", {}), "__dtype__": "2"}
    halves = [{key: value.astype(np.float16) for key, value in given.items()} for given in (feeds, params)]
    for got, wanted in zip(run(symbol, *halves, tmp_path), expected, strict=True):
        assert got.dtype == np.float16
        assert got.shape == wanted.shape
        np.testing.assert_allclose(got.astype(np.float32), wanted, rtol=0, atol=5e-3 * np.abs(wanted).max())


LAST = [name for name in entries("conv") if name.startswith(("Convolution,2-D,stride", "Convolution,3-D,stride"))]


@pytest.mark.parametrize("name", LAST)
def test_channels_last(name: str, tmp_path: Path) -> None:
    symbol, feeds, params, (expected,) = recorded("conv", name)
    symbol["nodes"][-1]["attrs"]["layout"] = "NHWC" if expected.ndim == 4 else "NDHWC"
    weights = {**params, "c_weight": np.moveaxis(params["c_weight"], 1, -1)}
    (got,) = run(symbol, {"data": np.moveaxis(feeds["data"], 1, -1)}, weights, tmp_path)
    np.testing.assert_allclose(np.moveaxis(got, -1, 1), expected, rtol=0, atol=1e-5 * np.abs(expected).max())
