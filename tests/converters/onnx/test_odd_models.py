"""Models that use what few models use: read, written again in every way, and run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from dragoman.converters.onnx.exporter import save
from dragoman.converters.onnx.importer import load
from dragoman.graph_ir.passes import optimize

from odd_models import MODELS

NOT_IN_FULL_CHECK = {"sparse_initializers": "onnx infers nothing from sparse initializers; ours are constants, which pass"}


def feeds(proto: onnx.ModelProto) -> dict[str, np.ndarray]:
    weights = {tensor.name for tensor in proto.graph.initializer}
    random = np.random.default_rng(1)
    found: dict[str, np.ndarray] = {}
    for value in proto.graph.input:
        kind = value.type.tensor_type
        shape = [dim.dim_value or 2 for dim in kind.shape.dim]
        dtype = helper.tensor_dtype_to_np_dtype(kind.elem_type)
        if value.name not in weights:
            found[value.name] = np.asarray(random.standard_normal(shape)).astype(dtype)
    return found


def run(model: Path | onnx.ModelProto, given: dict[str, np.ndarray]) -> list[Any]:
    data = model.SerializeToString() if isinstance(model, onnx.ModelProto) else str(model)
    return onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, given)


def check_equal(found: list[Any], expected: list[Any]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        if isinstance(other, np.ndarray) and other.dtype.kind == "f":
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
        elif isinstance(other, list):
            assert one == pytest.approx(other) if not isinstance(other[0], dict) else [*map(pytest.approx, other)] == one
        else:
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("external", [False, True], ids=["one file", "data beside"])
@pytest.mark.parametrize("optimized", [False, True], ids=["as it is", "optimized"])
@pytest.mark.parametrize("name", MODELS)
def test_the_same_comes_out(tmp_path: Path, name: str, optimized: bool, external: bool) -> None:
    proto = MODELS[name]()
    (tmp_path / "in.onnx").write_bytes(proto.SerializeToString())
    given = feeds(proto)
    expected = run(tmp_path / "in.onnx", given)
    model = load(tmp_path / "in.onnx")
    written = save(optimize(model) if optimized else model, tmp_path / "out.onnx", external_data=external)
    onnx.checker.check_model(written, full_check=True)
    check_equal(run(written, given), expected)
    again = save(load(written), tmp_path / "again.onnx", external_data=not external)
    check_equal(run(again, given), expected)
