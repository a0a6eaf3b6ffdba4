"""Every recorded case: converted from the files, run in ONNX Runtime, equal to what real MXNet gave."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

import dragoman
from dragoman.graph_ir.errors import DragomanError

from .cases.case import arrays
from .params_file import write_params

HERE = Path(__file__).parent
FAMILIES = sorted(path.stem for path in (HERE / "recorded").glob("*.json"))


@cache
def entries(family: str) -> dict[str, Any]:
    return json.loads((HERE / "recorded" / f"{family}.json").read_text())


@cache
def outputs(family: str) -> dict[str, np.ndarray]:
    with np.load(HERE / "recorded" / f"{family}.npz") as stored:
        return dict(stored)


CASES = [(family, name) for family in FAMILIES for name in entries(family)]


def files(entry: dict[str, Any], name: str, folder: Path) -> tuple[Path, Path | None]:
    symbol = folder / "net-symbol.json"
    symbol.write_text(entry["symbol"])
    params = arrays(name, entry["params"])
    return symbol, write_params(folder / "net-0000.params", {f"arg:{n}": v for n, v in params.items()}) if params else None


def check(entry: dict[str, Any], path: Path, feeds: dict[str, np.ndarray], expected: list[np.ndarray]) -> None:
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [value.name for value in session.get_outputs()] == entry["outputs"]
    found = session.run(None, {value.name: feeds[value.name] for value in session.get_inputs()})
    for name, got, wanted in zip(entry["outputs"], found, expected, strict=True):
        assert (name, got.dtype, got.shape) == (name, wanted.dtype, wanted.shape)
        if entry.get("random"):
            check_distribution(got, wanted)
            continue
        if wanted.dtype.kind != "f":
            np.testing.assert_array_equal(got, wanted, name)
            continue
        finite = np.abs(wanted) < np.finfo(wanted.dtype).max  # the lowest number stands for the maximum of nothing
        scale = float(np.abs(wanted[finite].astype(np.float64)).max(initial=0)) or 1.0
        step = max(entry["tolerance"], float(np.finfo(wanted.dtype).eps) * 4)
        np.testing.assert_array_equal(np.where(finite, 0, got), np.where(finite, 0, wanted), name)
        np.testing.assert_allclose(got[finite], wanted[finite], rtol=0, atol=step * scale, err_msg=name)


def check_distribution(got: np.ndarray, wanted: np.ndarray) -> None:
    """Kolmogorov and Smirnov: numbers of one distribution are further apart once in a hundred million times."""
    parts = [np.sort(part.astype(np.float64).round(5).ravel()) for part in (got, wanted)]
    shares = [np.searchsorted(part, np.concatenate(parts), side="right") / part.size for part in parts]
    assert np.abs(shares[0] - shares[1]).max() < 3.2 * np.sqrt(2 / wanted.size)


@pytest.mark.parametrize(("family", "name"), CASES)
def test_equals_mxnet(family: str, name: str, tmp_path: Path) -> None:
    entry = entries(family)[name]
    number = list(entries(family)).index(name) + 1
    expected = [outputs(family)[f"{number}/{i}"] for i in range(len(entry["outputs"])) if "refused" not in entry]
    symbol, weights = files(entry, name, tmp_path)
    feeds = arrays(name, entry["inputs"])
    static = {key: value.shape for key, value in feeds.items()}
    if "refused" in entry:
        with pytest.raises(DragomanError):
            dragoman.convert(symbol, tmp_path / "out.onnx", weights=weights, inputs=static, verify=False)
        return
    for shapes in (static, {**static, **entry["dynamic"]} if entry["dynamic"] else None):
        for optimize in (True, False):
            if shapes is not None:
                out = tmp_path / "out.onnx"
                dragoman.convert(symbol, out, weights=weights, inputs=shapes, optimize=optimize, verify=False)
                check(entry, out, feeds, expected)


@pytest.mark.parametrize("family", FAMILIES)
def test_recordings_are_what_mxnet_gives(family: str, mxnet_python: str) -> None:
    done = subprocess.run([mxnet_python, str(HERE / "record.py"), "--check", family], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
