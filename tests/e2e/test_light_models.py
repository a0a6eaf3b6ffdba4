"""onnx's light models: nine published networks without their weights, converted and run beside the original."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

import dragoman

LIGHT = sorted((Path(onnx.__file__).parent / "backend" / "test" / "data" / "light").glob("light_*.onnx"))


def test_all_are_there() -> None:
    assert len(LIGHT) == 9


def session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def outputs(path: Path, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return dict(zip([value.name for value in session.get_outputs()], session.run(None, feeds), strict=True))


def with_weights(path: Path, target: Path) -> Path:
    """Numbers in place of the constants that the graph fills its weights with, of which every class gets the same score."""
    model = onnx.load(path)
    model.ir_version = 8  # older ones want weights to be inputs too
    shapes = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    numbers = np.random.default_rng(0).standard_normal(10_007).astype(np.float32)
    for node in [node for node in model.graph.node if node.op_type == "ConstantOfShape" and node.input[0] in shapes]:
        shape = shapes[node.input[0]].tolist()
        scale = np.sqrt(2 / np.prod(shape[1:])) if len(shape) > 1 else 0.1
        values = np.resize(numbers, shape) * np.float32(scale) + np.float32(len(shape) < 2)
        model.graph.initializer.append(numpy_helper.from_array(values.astype(np.float32), node.output[0]))
        model.graph.node.remove(node)
    onnx.save(model, target)
    return target


# half a gigabyte of numbers for VGG-19 would say no more than AlexNet's
CASES = [(path, filled) for path in LIGHT for filled in (False, True) if not filled or path.stem != "light_vgg19"]


@pytest.mark.parametrize(("path", "filled"), CASES, ids=lambda v: v.stem if isinstance(v, Path) else "random" if v else "constant")
def test_converted_model_gives_the_same(path: Path, filled: bool, tmp_path: Path) -> None:
    path = with_weights(path, tmp_path / "in.onnx") if filled else path
    target = dragoman.convert(path, tmp_path / "out.onnx", verify=False).path
    source, converted = onnx.load(path), onnx.load(target)
    onnx.checker.check_model(str(target), full_check=True)
    assert len(converted.graph.node) <= len(source.graph.node)
    weights = {tensor.name for tensor in source.graph.initializer}
    assert list(converted.graph.input) == [value for value in source.graph.input if value.name not in weights]
    rng = np.random.default_rng(0)
    shapes = {v.name: [d.dim_value or 1 for d in v.type.tensor_type.shape.dim] for v in converted.graph.input}
    feeds = {name: rng.uniform(0, 1, shape).astype(np.float32) for name, shape in shapes.items()}
    wanted, found = outputs(path, feeds), outputs(target, feeds)
    assert list(wanted) == list(found)
    for name, value in wanted.items():
        assert (value.dtype, value.shape) == (found[name].dtype, found[name].shape)
        assert not filled or np.ptp(value) > 1e-3
        np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=1e-6)
