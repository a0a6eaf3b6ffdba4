"""What every test may ask of the machine."""

from __future__ import annotations

import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper


@pytest.fixture(scope="session")
def newest_opset() -> int:
    """The newest opset that the installed ONNX Runtime reads: it may be older than onnx's own."""
    for opset in range(onnx.defs.onnx_opset_version(), 0, -1):
        x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy")
        graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [x], [y])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
        try:
            onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        except Exception:
            continue
        return opset
    raise AssertionError("ONNX Runtime reads no opset")
