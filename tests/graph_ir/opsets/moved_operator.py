"""One operator at its own opset and at others, in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from dragoman.converters.onnx.exporter import check, to_proto
from dragoman.converters.onnx.importer import load

Arrays = Mapping[str, np.ndarray]


def run(proto: onnx.ModelProto, feeds: Arrays) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, dict(feeds))


def model_of(
    op: str,
    opset: int,
    feeds: Arrays,
    constants: Arrays | None = None,
    *,
    inputs: Sequence[str] | None = None,
    dynamic: Sequence[str] = (),
    outputs: Sequence[tuple[type, int]] = ((np.float32, 4),),
    **attributes: Any,
) -> onnx.ModelProto:
    """A model of one operator; ``dynamic`` inputs have no known size, ``outputs`` are dtypes and ranks."""
    constants = constants or {}
    given = [
        helper.make_tensor_value_info(
            name,
            helper.np_dtype_to_tensor_dtype(array.dtype),
            [f"{name}{i}" if name in dynamic else size for i, size in enumerate(array.shape)],
        )
        for name, array in feeds.items()
    ]
    made = [
        helper.make_tensor_value_info(f"out{i}", helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), [None] * rank)
        for i, (dtype, rank) in enumerate(outputs)
    ]
    node = helper.make_node(op, list(inputs or [*feeds, *constants]), [value.name for value in made], **attributes)
    weights = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph([node], op, given, made, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8 if opset < 20 else 10)


def computes_the_same(
    newest: int, proto: onnx.ModelProto, feeds: Arrays, opsets: Sequence[int], *, tolerance: float = 2e-5
) -> None:
    """A model gives at other opsets, and raised and lowered to its own, what ONNX Runtime gives for the original."""
    own = proto.opset_import[0].version
    if own > newest:
        pytest.skip(f"ONNX Runtime here reads opset {newest}")
    expected = run(proto, feeds)
    graph = load(proto)
    for opset in dict.fromkeys((max(own, 11), *opsets)):
        if opset > newest:
            continue
        written = to_proto(graph, opset=opset)
        onnx.checker.check_model(written, full_check=True)
        for got, wanted in zip(run(written, feeds), expected, strict=True):
            assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape), f"opset {opset}"
            np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance, err_msg=f"opset {opset}")


def reason_at(proto: onnx.ModelProto, opset: int) -> str:
    """Why a model can't be written at an opset."""
    (gap,) = check(load(proto), opset=opset)
    return gap.reason
