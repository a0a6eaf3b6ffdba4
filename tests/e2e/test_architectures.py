"""Transformers from PyTorch: converted with and without simplification, against PyTorch's own numbers."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

import dragoman

torch = pytest.importorskip("torch", reason="PyTorch isn't installed: pip install 'dragoman[test]'")
pytest.importorskip("transformers", reason="transformers isn't installed: pip install 'dragoman[test]'")
pytest.importorskip("onnxscript", reason="onnxscript, PyTorch's exporter, isn't installed: pip install 'dragoman[test]'")

from .architectures import ARCHITECTURES, Export, export  # noqa: E402

# the share of PyTorch 2.13's nodes that are left at most
NODES = {
    ("bert", "dynamo"): 0.82,
    ("bert", "script"): 0.36,
    ("gpt2", "dynamo"): 0.73,
    ("gpt2", "script"): 0.31,
    ("llama", "dynamo"): 0.88,
    ("llama", "script"): 0.32,
    ("t5", "script"): 0.38,
    ("vit", "dynamo"): 0.83,
    ("vit", "script"): 0.40,
    ("whisper", "dynamo"): 0.78,
}
EXPORTS = [(name, exporter) for name, architecture in ARCHITECTURES.items() for exporter in architecture.exporters]


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory):
    """Each network is exported once."""
    return cache(lambda name, exporter: export(name, exporter, tmp_path_factory.mktemp(f"{name}-{exporter}")))


def run(path: Path, feeds: dict[str, np.ndarray]) -> np.ndarray:
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, feeds)[0]


def contract(values) -> list[tuple[str, int, list[int | str]]]:
    """Names, dtypes and dimensions."""
    types = [value.type.tensor_type for value in values]
    dims = [[d.dim_param if d.HasField("dim_param") else d.dim_value for d in kind.shape.dim] for kind in types]
    return [(value.name, kind.elem_type, sizes) for value, kind, sizes in zip(values, types, dims, strict=True)]


def same(path: Path, made: Export) -> None:
    """PyTorch's numbers, up to ten times as far from them as ONNX Runtime is with what PyTorch wrote; at other sizes too."""
    for feeds, expected in ((made.feeds, made.expected), (made.other_feeds, made.other_expected)):
        noise = np.abs(run(made.path, feeds) - expected).max()
        np.testing.assert_allclose(run(path, feeds), expected, rtol=0, atol=max(10 * noise, 1e-6))


@pytest.mark.parametrize(("opset", "optimize"), [(None, True), (None, False), (13, True), (23, True)])
@pytest.mark.parametrize(("name", "exporter"), EXPORTS)
def test_parity_with_pytorch(exported, name: str, exporter: str, opset: int | None, optimize: bool, tmp_path: Path) -> None:
    made = exported(name, exporter)
    path = dragoman.convert(made.path, tmp_path / "out.onnx", optimize=optimize, opset=opset, verify=False).path
    source, converted = onnx.load(made.path), onnx.load(path)
    onnx.checker.check_model(converted, full_check=True)
    assert contract(converted.graph.input) == contract(source.graph.input)
    (output,), (before,) = contract(converted.graph.output), contract(source.graph.output)
    assert output[:2] == before[:2]
    assert all(size == old or isinstance(size, int) for size, old in zip(output[2], before[2], strict=True))
    assert converted.opset_import[0].version == (opset or source.opset_import[0].version)
    same(path, made)


@pytest.mark.parametrize(("name", "exporter"), EXPORTS)
def test_nodes_before_and_after(exported, name: str, exporter: str, tmp_path: Path) -> None:
    made = exported(name, exporter)
    path = dragoman.convert(made.path, tmp_path / "out.onnx", verify=False).path
    before, after = (len(onnx.load(each).graph.node) for each in (made.path, path))
    assert after <= NODES[name, exporter] * before


def test_verdict(exported, tmp_path: Path) -> None:
    report = dragoman.convert(exported("bert", "script").path, tmp_path / "out.onnx").report
    assert report is not None
    assert report.passed, report.reasons
