"""Operators that took bfloat16 later than others: before, they are computed in float32."""

from __future__ import annotations

import onnx_ir as ir

from dragoman.graph_ir.opsets.step import Emitter, attribute, input_at, lowers

_SINCE_22 = (
    "Elu", "Selu", "HardSigmoid", "HardSwish", "Mish", "Softplus", "Softsign", "ThresholdedRelu",
    "InstanceNormalization", "LpNormalization", "GRU", "LSTM", "RNN",
)  # fmt: skip


@lowers(22, *_SINCE_22)
@lowers(16, "LeakyRelu", "PRelu")
def computed_in_float32(node: ir.Node, e: Emitter) -> tuple[ir.Value, ...] | None:
    """The same operator between casts, if it is of bfloat16."""
    inputs = [input_at(node, index) for index in range(len(node.inputs))]
    if not any(value is not None and value.dtype == ir.DataType.BFLOAT16 for value in inputs):
        return None
    wide = [
        e.op("Cast", value, to=ir.DataType.FLOAT.value) if value is not None and value.dtype == ir.DataType.BFLOAT16 else value
        for value in inputs
    ]
    kept = {name: attribute(node, name) for name in node.attributes}
    outputs = e.ops(node.op_type, *wide, outputs=len(node.outputs), **kept)
    return tuple(e.op("Cast", value, to=ir.DataType.BFLOAT16.value) for value in outputs)
