"""onnx's node tests with dynamic inputs: what is inferred never contradicts the expected outputs, and is more than onnx infers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import numpy_helper, shape_inference

from dragoman.graph_ir.inference import evaluate, infer_shapes, parse

_SETTINGS = (np.int64, np.int32, np.float32, bool)

Case = tuple[str, onnx.ModelProto, dict[str, int], list[Any]]


@cache
def node_tests() -> list[Any]:
    from onnx.backend.test.case.node import collect_testcases

    with np.errstate(all="ignore"):
        return list(collect_testcases(None))


def dynamic(*, settings: bool) -> Iterator[Case]:
    """Each model with a name for every dimension, the names' sizes, and the expected outputs.

    ``settings``: small vectors behind the first input (axes, pads, shapes, scales) are constants, as models have them.
    """
    for case in node_tests():
        inputs, outputs = case.data_sets[0]
        proto = onnx.ModelProto()
        proto.CopyFrom(case.model)
        sizes: dict[str, int] = {}
        kept = []
        for index, (value, array) in enumerate(zip(list(proto.graph.input), inputs, strict=False)):
            if value.type.WhichOneof("value") == "tensor_type" and isinstance(array, (np.ndarray, np.generic)):
                if settings and index and array.ndim <= 1 and array.size <= 16 and array.dtype in _SETTINGS:
                    proto.graph.initializer.append(numpy_helper.from_array(np.asarray(array), value.name))
                    continue
                shape = value.type.tensor_type.shape
                shape.ClearField("dim")
                for axis, size in enumerate(array.shape):
                    shape.dim.add(dim_param=f"{value.name}_{axis}_")
                    sizes[f"{value.name}_{axis}_"] = size
            kept.append(value)
        del proto.graph.input[:], proto.graph.value_info[:]
        proto.graph.input.extend(kept)
        for output in proto.graph.output:
            if output.type.WhichOneof("value") == "tensor_type":
                output.type.tensor_type.ClearField("shape")
        yield case.name, proto, sizes, outputs


def resolved_by_onnx(proto: onnx.ModelProto, sizes: dict[str, int]) -> dict[str, int]:
    found = shape_inference.infer_shapes(proto, data_prop=True).graph.output
    return {
        output.name: sum(d.HasField("dim_value") or d.dim_param in sizes for d in output.type.tensor_type.shape.dim)
        for output in found
    }


@pytest.mark.parametrize(("settings", "share"), [(True, 0.96), (False, 0.84)])
def test_never_contradicts_and_resolves_more_than_onnx(settings: bool, share: float) -> None:
    count: Counter[str] = Counter()
    wrong = []
    for name, proto, sizes, outputs in dynamic(settings=settings):
        model = ir.serde.deserialize_model(proto)
        infer_shapes(model)
        theirs = resolved_by_onnx(proto, sizes)
        for value, array in zip(model.graph.outputs, outputs, strict=False):
            if not isinstance(array, (np.ndarray, np.generic)) or not isinstance(value.type, ir.TensorType):
                continue
            count["outputs"] += 1
            shape = np.asarray(array).shape
            if value.dtype is None or (array.dtype.kind not in "OSUV" and value.dtype.numpy() != array.dtype):
                wrong.append((name, value.name, "dtype", value.dtype, array.dtype))
            found = [None] * len(shape) if value.shape is None else [_size(d, sizes) for d in value.shape]
            if len(found) != len(shape) or any(a not in (None, b) for a, b in zip(found, shape, strict=False)):
                wrong.append((name, value.name, str(value.shape), shape, sizes))
            ours = sum(size is not None for size in found)
            if ours < theirs.get(value.name or "", 0):
                wrong.append((name, value.name, f"{ours} dimensions, onnx has {theirs[value.name or '']}"))
            count["dimensions"] += len(shape)
            count["ours"] += ours
            count["onnx"] += theirs.get(value.name or "", 0)
    assert not wrong
    assert count["outputs"] > 2000
    assert count["ours"] > share * count["dimensions"] > count["onnx"]


def _size(size: int | ir.SymbolicDim, sizes: dict[str, int]) -> int | None:
    return size if isinstance(size, int) else evaluate(parse(size.value), sizes) if size.value else None
