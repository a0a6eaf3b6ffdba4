"""The classic networks, at reduced width and size: converted, checked by ONNX, and verified against Caffe."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest

import dragoman
from dragoman.converters.caffe import zoo

SIZES = {
    "lenet": 28,
    "alexnet": 67,
    "vgg16": 64,
    "googlenet": 64,
    "resnet18": 64,
    "resnet50": 64,
    "squeezenet": 67,
    "mobilenet": 64,
    "fcn8s": 32,
    "ssd_mobilenet": 128,
}
CAFFE = os.environ.get("DRAGOMAN_CAFFE_PYTHON")
real_caffe = pytest.mark.skipif(CAFFE is None, reason="DRAGOMAN_CAFFE_PYTHON doesn't name an interpreter with real Caffe")


def test_every_network_is_tested() -> None:
    assert set(SIZES) == set(zoo.NETWORKS)


def written(name: str, folder: Path, batch: int = 1) -> tuple[Path, Path]:
    return zoo.write(name, folder, width=0.25, size=SIZES[name], batch=batch)


@pytest.mark.parametrize("name", SIZES)
def test_verified_in_opencv(name: str, tmp_path: Path) -> None:
    prototxt, weights = written(name, tmp_path)
    result = dragoman.convert(prototxt, tmp_path / "net.onnx", weights=weights)
    assert result.report is not None
    assert result.report.passed, result.report.reasons
    assert result.report.original.runtime == "OpenCV dnn"
    onnx.checker.check_model(str(result.path), full_check=True)


@real_caffe
@pytest.mark.parametrize("name", [name for name in SIZES if name != "ssd_mobilenet"])  # BVLC Caffe has no SSD layers
def test_verified_in_real_caffe(name: str, tmp_path: Path) -> None:
    prototxt, weights = written(name, tmp_path, batch=2)
    result = dragoman.convert(prototxt, tmp_path / "net.onnx", weights=weights, source_python=CAFFE)
    assert result.report is not None
    assert result.report.passed, result.report.reasons
    assert result.report.original.runtime == "Caffe"


@pytest.mark.parametrize("opset", [11, 13, 17, 23])
@pytest.mark.parametrize("name", ["alexnet", "resnet18", "fcn8s", "ssd_mobilenet"])
def test_dynamic_batch_at_every_opset(name: str, opset: int, tmp_path: Path) -> None:
    """A batch of two gives what two batches of one give."""
    prototxt, weights = written(name, tmp_path)
    size = SIZES[name]
    path = tmp_path / "net.onnx"
    shape = ("batch", 3, size, size)
    result = dragoman.convert(prototxt, path, weights=weights, inputs={"data": shape}, opset=opset, verify=False)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert {o.domain: o.version for o in model.opset_import}[""] == opset
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    assert [o.name for o in model.graph.output] == [o.name for o in result.model.graph.outputs]
    images = np.random.default_rng(1).standard_normal((2, 3, size, size)).astype(np.float32)
    both = dragoman.run(path, {"data": images})
    single = [dragoman.run(path, {"data": images[i : i + 1]}) for i in range(2)]
    for name_, value in both.items():
        if value.shape[0] == 2:
            expected = np.concatenate([s[name_] for s in single])
        else:  # detections: one list, whose first column is the image
            rows = [s[name_].copy() for s in single]
            rows[1][..., 0] = 1
            expected = np.concatenate(rows, axis=2)
        np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["googlenet", "resnet18"])
def test_fewer_nodes_and_the_same_numbers(name: str, tmp_path: Path) -> None:
    prototxt, weights = written(name, tmp_path)
    plain = dragoman.convert(prototxt, tmp_path / "plain.onnx", weights=weights, optimize=False, verify=False)
    short = dragoman.convert(prototxt, tmp_path / "short.onnx", weights=weights, verify=False)
    assert len(list(short.model.graph)) <= len(list(plain.model.graph))
    assert dragoman.verify(plain.path, short.path).passed
