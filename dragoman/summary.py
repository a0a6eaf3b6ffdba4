"""What ``inspect`` shows of a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import onnx_ir as ir

from dragoman.graph_ir.model import Model
from dragoman.graph_ir.provenance import origins
from dragoman.graph_ir.tensors import MappedTensor
from dragoman.graph_ir.text import Style, print_lines
from dragoman.graph_ir.traversal import graphs_of, parts, walk
from dragoman.products import count_products, operator_name


@dataclass(frozen=True)
class Tensor:
    """An input or output. ``kind`` is tensor, or what holds tensors: ``sequence``, ``optional sequence``, ``sparse``."""

    name: str
    dtype: str
    shape: tuple[int | str | None, ...] | None
    kind: str = "tensor"


@dataclass(frozen=True)
class Weights:
    """The weights of one dtype."""

    dtype: str
    tensors: int
    parameters: int
    bytes: int


@dataclass(frozen=True)
class Summary:
    """A model in numbers; ``macs`` are multiply-adds, with the dimensions in ``assumed`` taken as 1."""

    format: str
    path: str
    bytes: int
    opset: int
    opsets: dict[str, int]
    ir_version: int
    producer: str
    description: str
    metadata: dict[str, str]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    parameters: int
    parameter_bytes: int
    weights: tuple[Weights, ...]
    macs: int
    macs_by_operator: dict[str, int]
    macs_notes: tuple[str, ...]
    assumed: tuple[str, ...]
    nodes: int
    nodes_in_subgraphs: int
    nodes_in_functions: int
    operators: dict[str, int]
    functions: dict[str, int]
    source_layers: int
    notes: tuple[str, ...]
    graph: tuple[str, ...] = ()

    @property
    def dynamic(self) -> bool:
        """Whether ``macs`` assume the size of a dimension."""
        return bool(self.assumed)

    def to_json(self) -> dict[str, Any]:
        """The summary as plain values."""
        return {**asdict(self), "dynamic": self.dynamic}


def summarise(model: Model, *, graph: bool = False, hashes: bool = False, complete: bool = True) -> Summary:
    """Count what is in a model; with ``graph``, print it too, with ``hashes`` of its weights; ``complete``: they are all there.

    No weight is read unless its hash is wanted: sizes come from their types and shapes.
    """
    weights = list(_weights(model.ir))
    products = count_products(model.ir)
    main = list(walk(model.graph))
    in_functions = [node for function in model.ir.functions.values() for node in walk(function)]
    operators = Counter(operator_name(node) for node in (*main, *in_functions))
    calls = Counter(node.op_identifier() for node in (*main, *in_functions)) if model.ir.functions else Counter()
    layers = {origin.layer for node in (*main, *in_functions) for origin in origins(node)}
    return Summary(
        format=model.source.format,
        path=str(model.source.path or ""),
        bytes=sum(path.stat().st_size for path in _files(model, weights) if path.is_file()),
        opset=model.opset,
        opsets={domain or "ai.onnx": int(version) for domain, version in model.graph.opset_imports.items()},
        ir_version=model.ir.ir_version,
        producer=" ".join(filter(None, (model.ir.producer_name, model.ir.producer_version))),
        description=model.ir.doc_string or "",
        metadata=dict(model.ir.metadata_props),
        inputs=tuple(_tensor(v) for v in model.graph.inputs),
        outputs=tuple(_tensor(v) for v in model.graph.outputs),
        parameters=sum(t.size for t in weights),
        parameter_bytes=sum(map(_nbytes, weights)),
        weights=_by_dtype(weights),
        macs=products.total,
        macs_by_operator=products.by_operator,
        macs_notes=products.notes,
        assumed=products.dynamic,
        nodes=len(model.graph),
        nodes_in_subgraphs=len(main) - len(model.graph),
        nodes_in_functions=len(in_functions),
        operators=_most_common(operators),
        functions={_function_name(f): calls[f.identifier()] for f in model.ir.functions.values()},
        source_layers=len(layers),
        notes=tuple(model.notes),
        graph=tuple(print_lines(model.ir, Style(hash=hashes, floats=complete, provenance="short"))) if graph else (),
    )


def _weights(model: ir.Model) -> Iterator[ir.TensorProtocol]:
    """Every weight: initializers, those of subgraphs too, and what Constant nodes hold."""
    for part in parts(model):
        for graph in graphs_of(part):
            yield from (v.const_value for v in graph.initializers.values() if v.const_value is not None)
        for node in walk(part):
            value = node.attributes.get("value") if node.op_type == "Constant" else None
            if value is not None and value.type == ir.AttributeType.TENSOR and not value.is_ref():
                yield value.as_tensor()


def _files(model: Model, weights: list[ir.TensorProtocol]) -> set[Path]:
    """The files that the model is in."""
    named = {path for path in (model.source.path, model.source.weights) if path is not None}
    mapped = {tensor.file.path for tensor in weights if isinstance(tensor, MappedTensor)}
    return {path.resolve() for path in named | mapped}


def _by_dtype(weights: list[ir.TensorProtocol]) -> tuple[Weights, ...]:
    found: dict[str, list[ir.TensorProtocol]] = {}
    for tensor in weights:
        found.setdefault(_dtype(tensor.dtype), []).append(tensor)
    rows = [Weights(name, len(ts), sum(t.size for t in ts), sum(map(_nbytes, ts))) for name, ts in found.items()]
    return tuple(sorted(rows, key=lambda row: (-row.bytes, row.dtype)))


def _nbytes(tensor: ir.TensorProtocol) -> int:
    """Bytes in a file; of strings, those of the characters."""
    if isinstance(tensor, ir.StringTensor):
        return sum(map(len, tensor.string_data()))
    return tensor.nbytes


def _most_common(operators: Counter[str]) -> dict[str, int]:
    return dict(sorted(operators.items(), key=lambda item: (-item[1], item[0])))


def _function_name(function: ir.Function) -> str:
    return f"{function.domain}.{function.name}" + (f":{function.overload}" if function.overload else "")


def _tensor(value: ir.Value) -> Tensor:
    kinds: list[str] = []
    kind = value.type
    while isinstance(kind, (ir.SequenceType, ir.OptionalType)):
        kinds.append("sequence" if isinstance(kind, ir.SequenceType) else "optional")
        kind = kind.elem_type
    if isinstance(kind, ir.SparseTensorType):
        kinds.append("sparse")
    dtype = _dtype(kind.dtype) if kind is not None else "?"
    shape = None if value.shape is None else tuple(d if isinstance(d, int) else d.value for d in value.shape)
    return Tensor(value.name or "", dtype, shape, " ".join(kinds) or "tensor")


def _dtype(dtype: ir.DataType) -> str:
    """A type as numpy calls it."""
    return {ir.DataType.FLOAT: "float32", ir.DataType.DOUBLE: "float64"}.get(dtype, dtype.name.lower())
