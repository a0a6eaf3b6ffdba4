"""What every test may ask of the machine."""

from __future__ import annotations

import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper


@pytest.fixture(scope="session")
def newest_opset() -> int:
    """The newest opset that the installed ONNX Runtime reads: on older Pythons it is older than onnx's own."""
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


OLD_ONNX_RUNTIME = tuple(map(int, onnxruntime.__version__.split(".")[:2])) < (1, 24)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What ``wrong_in_onnxruntime_1_23`` marks is skipped there: Python 3.10 has no newer one."""
    for item in items:
        if (mark := item.get_closest_marker("wrong_in_onnxruntime_1_23")) and OLD_ONNX_RUNTIME:
            item.add_marker(pytest.mark.skip(reason=f"ONNX Runtime 1.23 {mark.args[0]}"))
