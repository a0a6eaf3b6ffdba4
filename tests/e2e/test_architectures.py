"""Transformers from PyTorch: converted with and without simplification, against PyTorch's own numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

import dragoman

torch = pytest.importorskip("torch", reason="PyTorch isn't installed: pip install 'dragoman[test]'")
pytest.importorskip("transformers", reason="transformers isn't installed: pip install 'dragoman[test]'")

from .architectures import ARCHITECTURES, export  # noqa: E402

EXPORTS = [(name, exporter) for name, architecture in ARCHITECTURES.items() for exporter in architecture.exporters]


def run(path: Path, feeds: dict[str, np.ndarray]) -> np.ndarray:
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, feeds)[0]


@pytest.mark.parametrize(("name", "exporter"), EXPORTS)
def test_parity_with_pytorch(name: str, exporter: str, tmp_path: Path) -> None:
    made = export(name, exporter, tmp_path)
    noise = np.abs(run(made.path, made.feeds) - made.expected).max()
    source = onnx.load(made.path)
    for optimize in (True, False):
        for opset in (None, 18):
            out = dragoman.convert(made.path, tmp_path / "out.onnx", optimize=optimize, opset=opset, verify=False).path
            converted = onnx.load(out)
            onnx.checker.check_model(converted, full_check=True)
            assert [v.name for v in converted.graph.input] == [v.name for v in source.graph.input]
            assert [v.name for v in converted.graph.output] == ["y"]
            np.testing.assert_allclose(run(out, made.feeds), made.expected, rtol=0, atol=max(10 * noise, 1e-6))
            if optimize and opset is None:
                assert len(converted.graph.node) <= len(source.graph.node)


def test_verdict(tmp_path: Path) -> None:
    made = export("bert", "script", tmp_path)
    report = dragoman.convert(made.path, tmp_path / "out.onnx").report
    assert report is not None
    assert report.passed, report.reasons
