"""What ``inspect`` shows of a model."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import onnx_ir as ir

from dragoman.graph_ir.model import Model, dims, static_dims
from dragoman.graph_ir.provenance import origins


@dataclass(frozen=True)
class Tensor:
    """An input or output."""

    name: str
    dtype: str
    shape: tuple[int | str | None, ...] | None


@dataclass(frozen=True)
class Summary:
    """A model in numbers; ``macs`` are the multiply-adds of convolutions and matrix products, with dynamic dimensions taken as 1."""

    format: str
    path: str
    opset: int
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    parameters: int
    parameter_bytes: int
    macs: int
    dynamic: bool
    operators: dict[str, int]
    notes: tuple[str, ...]
    graph: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """The summary as plain values."""
        return asdict(self)


def summarise(model: Model, *, graph: bool = False) -> Summary:
    """Count what is in a model; with ``graph``, list its nodes too."""
    weights = [v.const_value for v in model.graph.initializers.values() if v.const_value is not None]
    operators: dict[str, int] = {}
    for node in model.nodes():
        operators[node.op_type] = operators.get(node.op_type, 0) + 1
    return Summary(
        format=model.source.format,
        path=str(model.source.path or ""),
        opset=model.opset,
        inputs=tuple(_tensor(v) for v in model.graph.inputs),
        outputs=tuple(_tensor(v) for v in model.graph.outputs),
        parameters=sum(t.size for t in weights),
        parameter_bytes=sum(t.nbytes for t in weights),
        macs=sum(_macs(node) for node in model.graph),
        dynamic=any(static_dims(v) is None for node in model.graph for v in node.outputs),
        operators=dict(sorted(operators.items(), key=lambda item: (-item[1], item[0]))),
        notes=tuple(model.notes),
        graph=tuple(_line(node) for node in model.graph) if graph else (),
    )


def _tensor(value: ir.Value) -> Tensor:
    dtype = value.dtype.name.lower() if value.dtype is not None else "?"
    return Tensor(value.name or "", dtype, dims(value) if value.shape is not None else None)


def _macs(node: ir.Node) -> int:
    """Multiply-adds of one node; 0 for what isn't a product, or has no known rank."""
    if node.op_type not in ("Conv", "ConvTranspose", "Gemm", "MatMul") or node.domain:
        return 0
    tensors = (*node.inputs[:2], node.outputs[0])
    if any(v is None or v.shape is None for v in tensors):
        return 0
    x, w, y = ([d if isinstance(d, int) else 1 for d in dims(v)] for v in tensors if v is not None)
    if node.op_type == "Conv":
        return math.prod(y) * math.prod(w[1:])
    if node.op_type == "ConvTranspose":
        return math.prod(x) * math.prod(w[1:])
    transposed = node.op_type == "Gemm" and "transA" in node.attributes and node.attributes["transA"].as_int() == 1
    inner = x[0] if transposed else x[-1]
    return math.prod(y) * inner


def _line(node: ir.Node) -> str:
    """One node as text that diffs well."""
    outputs = ", ".join(f"{v.name}{_shape(v)}" for v in node.outputs)
    inputs = ", ".join(v.name or "" if v is not None else "-" for v in node.inputs)
    attributes = ", ".join(f"{k}={_attribute(a)}" for k, a in sorted(node.attributes.items()))
    source = "; ".join(str(o) for o in origins(node))
    return f"{outputs} = {node.op_type}({inputs}{'; ' + attributes if attributes else ''})" + (
        f"  # {source}" if source else ""
    )


def _shape(value: ir.Value) -> str:
    return "" if value.shape is None else "[" + ",".join("?" if d is None else str(d) for d in dims(value)) + "]"


def _attribute(attribute: ir.Attr) -> str:
    value = attribute.value
    if attribute.type in (ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS, ir.AttributeType.TENSOR):
        return f"<{attribute.type.name.lower()}>"
    return str(list(value)) if isinstance(value, tuple) else str(value)
