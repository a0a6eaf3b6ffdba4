"""ONNX Runtime as a runner: contracts, taps, external data, and whose fault a failure is."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from dragoman.graph_ir.errors import ContractMismatch, MissingRuntime, TargetError
from dragoman.validators.runners.base import TensorSpec
from dragoman.validators.runners.onnxruntime import OnnxRuntimeRunner

X = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.fixture
def path(tmp_path):
    w = numpy_helper.from_array(np.eye(3, dtype=np.float32) * 3, "w")
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("Neg", ["r"], ["y"]),
    ]
    info = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 3]) for n in ("x", "y")]
    model = helper.make_model(
        helper.make_graph(nodes, "g", info[:1], info[1:], [w]), opset_imports=[helper.make_opsetid("", 17)]
    )
    model.ir_version = 8
    onnx.save(model, tmp_path / "m.onnx")
    return tmp_path / "m.onnx"


def test_describe_and_run(path):
    with OnnxRuntimeRunner(path) as runner:
        assert runner.describe().inputs == (TensorSpec("x", "float32", ("n", 3)),)
        assert runner.describe().outputs == (TensorSpec("y", "float32", ("n", 3)),)
        np.testing.assert_array_equal(runner.run({"x": X})["y"], -3 * X)


@pytest.mark.parametrize("external", [False, True])
def test_taps(path, external):
    if external:
        onnx.save(onnx.load(path), path, save_as_external_data=True, location="m.data", size_threshold=0)
    with OnnxRuntimeRunner(path) as runner:
        found = runner.run({"x": X}, ["r", "x", "y", "h", "r"])
        assert list(found) == ["y", "r", "h", "x"]
        np.testing.assert_array_equal(found["h"], 3 * X)
        assert set(runner.run({"x": X}, ["h"])) == {"y", "h"}
        assert set(runner.run({"x": X})) == {"y"}


def test_many_long_tap_names(path):
    model = onnx.load(path)
    name = "ä" * 200
    model.graph.node[0].output[0] = model.graph.node[1].input[0] = name
    onnx.save(model, path)
    np.testing.assert_array_equal(OnnxRuntimeRunner(path).run({"x": X}, [name])[name], 3 * X)


@pytest.mark.parametrize(
    "feeds",
    [{}, {"z": X}, {"x": X, "z": X}, {"x": X.astype(np.float64)}, {"x": X[:, :2]}, {"x": X[0]}],
    ids=lambda f: ",".join(f) or "none",
)
def test_feeds_that_do_not_fit(path, feeds):
    with pytest.raises(ContractMismatch):
        OnnxRuntimeRunner(path).run(feeds)


def test_failures_belong_to_the_role(path, tmp_path, capfd):
    for role, error in (("source", MissingRuntime), ("target", TargetError)):
        with pytest.raises(error, match="can't load"):
            OnnxRuntimeRunner(tmp_path / "none.onnx", role=role)
        (tmp_path / "bad.onnx").write_bytes(b"\x00" * 50)
        with pytest.raises(error, match="can't load"):
            OnnxRuntimeRunner(tmp_path / "bad.onnx", role=role)
        with pytest.raises(error, match="nothing"):
            OnnxRuntimeRunner(path, role=role).run({"x": X}, ["nothing"])
    runner = OnnxRuntimeRunner(path)
    runner.close()
    runner.close()
    with pytest.raises(TargetError, match="is closed"):
        runner.run({"x": X})
    assert capfd.readouterr() == ("", "")
