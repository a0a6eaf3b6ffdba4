"""Evaluating a node whose inputs are all constant, with ONNX's reference implementation."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir as ir

_FOLDABLE = frozenset(
    [
        "Abs",
        "Add",
        "And",
        "Cast",
        "CastLike",
        "Ceil",
        "Clip",
        "Concat",
        "ConstantOfShape",
        "Cos",
        "Div",
        "Equal",
        "Erf",
        "Exp",
        "Expand",
        "Flatten",
        "Floor",
        "Gather",
        "GatherND",
        "Greater",
        "GreaterOrEqual",
        "Identity",
        "Less",
        "LessOrEqual",
        "Log",
        "Max",
        "Min",
        "Mod",
        "Mul",
        "Neg",
        "Not",
        "OneHot",
        "Or",
        "Pad",
        "Pow",
        "Range",
        "Reciprocal",
        "ReduceMax",
        "ReduceMin",
        "ReduceProd",
        "ReduceSum",
        "Reshape",
        "ScatterND",
        "Shape",
        "Sign",
        "Sin",
        "Size",
        "Slice",
        "Split",
        "Sqrt",
        "Squeeze",
        "Sub",
        "Tile",
        "Transpose",
        "Unsqueeze",
        "Where",
        "Xor",
    ]
)
"""Where ONNX's reference implementation is a call or two of numpy. Others are slow (Conv), or wrong (LRN takes the batch
for the channels).
"""


def fold(node: ir.Node, opset: int, *, limit: int) -> list[npt.NDArray[Any]] | None:
    """The outputs of ``node`` if it is one of the standard operators above, of constant inputs, and neither they nor the
    results exceed ``limit`` elements.
    """
    if (
        node.domain
        or node.op_type not in _FOLDABLE
        or not node.inputs
        or any(a.type == ir.AttributeType.GRAPH for a in node.attributes.values())
    ):
        return None
    feeds: dict[str, npt.NDArray[Any]] = {}
    for value in node.inputs:
        if value is None:
            continue
        if value.const_value is None or value.const_value.size > limit:
            return None
        feeds[value.name or ""] = value.const_value.numpy()
    for out in node.outputs:
        if out.shape is None or not all(isinstance(d, int) for d in out.shape) or int(np.prod(out.shape.numpy())) > limit:
            return None
    from onnx.reference import ReferenceEvaluator  # noqa: PLC0415  # slow to import, and most graphs fold nothing

    inputs = [onnx.helper.make_tensor_value_info(name, 1, None) for name in feeds]
    outputs = [onnx.helper.make_tensor_value_info(out.name or "", 1, None) for out in node.outputs]
    graph = onnx.helper.make_graph([ir.serde.serialize_node(node)], "fold", inputs, outputs)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])
    results = ReferenceEvaluator(model).run(None, feeds)
    folded = []
    for out, result in zip(node.outputs, results, strict=True):
        if not isinstance(result, (np.ndarray, np.generic)):
            return None
        folded.append(np.asarray(result, dtype=out.dtype.numpy() if out.dtype is not None else None))
    return folded
