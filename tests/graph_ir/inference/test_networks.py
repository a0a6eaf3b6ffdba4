"""The classic networks with a dynamic batch, height and width: every value's inferred shape against ONNX Runtime's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest

import dragoman
from dragoman.converters.caffe import zoo
from dragoman.converters.onnx import exporter
from dragoman.graph_ir.inference import evaluate, infer_shapes, parse

# the network: its input, its sizes in two runs, and the share of all dimensions that has to be known
NETWORKS: dict[str, tuple[tuple[int | str, ...], list[dict[str, int]], float]] = {
    "lenet": (("n", 1, 28, 28), [{"n": 2}, {"n": 5}], 1),
    "alexnet": (("n", 3, 67, 67), [{"n": 1}, {"n": 3}], 1),
    "resnet50": (("n", 3, 64, 64), [{"n": 2}, {"n": 3}], 1),
    "googlenet": (("n", 3, 64, 64), [{"n": 2}, {"n": 3}], 1),
    "mobilenet": (("n", 3, "h", "w"), [{"n": 2, "h": 64, "w": 96}, {"n": 1, "h": 45, "w": 70}], 1),
    "squeezenet": (("n", 3, "h", "w"), [{"n": 1, "h": 67, "w": 90}, {"n": 2, "h": 101, "w": 68}], 0.5),
    "fcn8s": (("n", 3, "h", "w"), [{"n": 1, "h": 32, "w": 64}, {"n": 2, "h": 45, "w": 70}], 0.6),
    "ssd_mobilenet": (("n", 3, 128, 128), [{"n": 1}, {"n": 2}], 0.9),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_value(name: str, tmp_path: Path) -> None:
    shape, runs, share = NETWORKS[name]
    size = shape[2] if isinstance(shape[2], int) else runs[0]["h"]
    prototxt, weights = zoo.write(name, tmp_path, width=0.25, size=size)
    proto = exporter.to_proto(dragoman.load(prototxt, weights=weights, inputs={"data": shape}), opset=20)
    del proto.graph.value_info[:]
    for output in proto.graph.output:
        output.type.tensor_type.ClearField("shape")
    model = ir.serde.deserialize_model(proto)
    infer_shapes(model, strict=True)
    values = {out.name or "": out for node in model.graph for out in node.outputs}
    known = {name: value for name, value in values.items() if isinstance(value.type, ir.TensorType)}
    for value in known.values():
        kind = onnx.helper.make_tensor_type_proto(int(value.dtype or 0), None)
        if value.name not in {output.name for output in proto.graph.output}:
            proto.graph.output.append(onnx.ValueInfoProto(name=value.name, type=kind))
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    resolved = compared = 0
    for sizes in runs:
        feeds = {"data": np.ones([sizes[d] if isinstance(d, str) else d for d in shape], np.float32)}
        for name_, result in zip([output.name for output in proto.graph.output], session.run(None, feeds), strict=True):
            found = known[name_]
            assert found.shape is not None, name_
            dims = [d if isinstance(d, int) else evaluate(parse(d.value or "?"), sizes) for d in found.shape]
            assert len(dims) == result.ndim
            assert all(a in (None, b) for a, b in zip(dims, result.shape, strict=True)), (name_, str(found.shape), result.shape)
            resolved += sum(d is not None for d in dims)
            compared += len(dims)
    assert resolved >= share * compared
