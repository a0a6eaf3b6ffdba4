"""Rare operators, by ONNX's reference implementation: only where its results are ONNX Runtime's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import onnx
import onnx_ir as ir

from dragoman.graph_ir.folding.call import Array, CannotFoldError

if TYPE_CHECKING:
    from onnx.reference import ReferenceEvaluator

RARE = frozenset(
    {
        "Acos",
        "Acosh",
        "Asin",
        "Asinh",
        "Atanh",
        "BlackmanWindow",
        "Compress",
        "Cosh",
        "CumSum",
        "DepthToSpace",
        "Det",
        "Einsum",
        "Elu",
        "Gemm",
        "HammingWindow",
        "HannWindow",
        "HardSigmoid",
        "HardSwish",
        "Hardmax",
        "IsInf",
        "LeakyRelu",
        "Pad",
        "PRelu",
        "ReduceL1",
        "ReduceLogSum",
        "ReduceLogSumExp",
        "ReduceSumSquare",
        "ReverseSequence",
        "ScatterElements",
        "Selu",
        "Sinh",
        "Softmax",
        "Softplus",
        "Softsign",
        "SpaceToDepth",
        "ThresholdedRelu",
        "TopK",
        "Unique",
    }
)
"""Tested against ONNX Runtime one by one. Others are wrong (LRN takes the batch for the channels), slow (Conv), random, or
quantisation, which is to stay as it is.
"""


def evaluate(node: ir.Node, opset: int, inputs: Sequence[Array | None]) -> list[Array]:
    """The node's outputs."""
    proto = onnx.NodeProto(op_type=node.op_type)
    proto.input.extend("" if value is None else f"input_{k}" for k, value in enumerate(inputs))
    proto.output.extend(f"output_{k}" if out.name else "" for k, out in enumerate(node.outputs))
    proto.attribute.extend(ir.serde.serialize_attribute(attribute) for attribute in node.attributes.values())
    feeds = {f"input_{k}": value for k, value in enumerate(inputs) if value is not None}
    types = tuple(onnx.helper.np_dtype_to_tensor_dtype(value.dtype) for value in feeds.values())
    results = _session(proto.SerializeToString(deterministic=True), opset, types).run(None, feeds)
    if not all(hasattr(result, "dtype") for result in results):
        raise CannotFoldError("a result that isn't a tensor")
    return list(results)


@lru_cache(maxsize=64)
def _session(node: bytes, opset: int, types: tuple[int, ...]) -> ReferenceEvaluator:
    from onnx.reference import ReferenceEvaluator  # noqa: PLC0415  # slow to import, and most graphs fold nothing rare

    proto = onnx.NodeProto.FromString(node)
    named = [name for name in proto.input if name]
    inputs = [onnx.helper.make_tensor_value_info(name, kind, None) for name, kind in zip(named, types, strict=True)]
    outputs = [onnx.helper.make_tensor_value_info(name, 1, None) for name in proto.output if name]
    graph = onnx.helper.make_graph([proto], "fold", inputs, outputs)
    return ReferenceEvaluator(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)]))
