"""What older opsets can't express, as read from ONNX's own definitions: the only reasons for which a model may be refused there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import onnx
from onnx import TensorProto, TypeProto


@dataclass(frozen=True)
class Limit:
    """What opsets below ``since`` don't have, why nothing there does the same, and whether a model needs it."""

    what: str
    since: int
    why: str
    needed_by: Callable[[onnx.ModelProto], bool]


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.type == onnx.AttributeProto.GRAPH else []), *attribute.graphs):
                yield from _graphs(inner)


def nodes(model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    """All nodes, also those of subgraphs."""
    return (node for graph in _graphs(model.graph) for node in graph.node)


def operator(name: str, since: int, why: str) -> Limit:
    """An operator that nothing older makes up for."""
    return Limit(name, since, why, lambda model: any(node.op_type == name for node in nodes(model)))


def _ends(model: onnx.ModelProto) -> list[TypeProto]:
    return [value.type for value in (*model.graph.input, *model.graph.output)]


def element_types(since: int, *names: str) -> Limit:
    """Types of elements, of what goes in or comes out."""
    numbers = {TensorProto.DataType.Value(name) for name in names}

    def needed(model: onnx.ModelProto) -> bool:
        return any(kind.tensor_type.elem_type in numbers for kind in _ends(model))

    what = f"an input or output of type {' or '.join(name.lower() for name in names)}"
    return Limit(what, since, "the types came with this opset" if len(names) > 1 else "the type came with this opset", needed)


def _kinds(types: Iterable[TypeProto]) -> set[str]:
    return {kind.WhichOneof("value") or "" for kind in types}


def _passes(model: onnx.ModelProto, kind: str, *op_types: str) -> bool:
    """Whether one of these operators takes or gives a value of this kind."""
    full = onnx.shape_inference.infer_shapes(model)
    for graph in _graphs(full.graph):
        types = {value.name: value.type for value in (*graph.value_info, *graph.input, *graph.output)}
        for node in graph.node:
            if node.op_type in op_types and kind in _kinds(types[name] for name in (*node.input, *node.output) if name in types):
                return True
    return False


def _goes_on(model: onnx.ModelProto) -> bool:
    """Whether a Loop starts with a sequence that isn't known to be empty."""
    given = {value.name for value in model.graph.input if value.type.WhichOneof("value") == "sequence_type"}
    return any(node.op_type == "Loop" and given & set(node.input[2:]) for node in nodes(model))


LIMITS = (
    operator("StringConcat", 20, "no older operator joins strings"),
    operator("StringSplit", 20, "no older operator takes strings apart"),
    operator("RegexFullMatch", 20, "no older operator looks into strings"),
    operator("ImageDecoder", 20, "no older operator reads image files"),
    element_types(25, "INT2", "UINT2"),
    element_types(24, "FLOAT8E8M0"),
    element_types(23, "FLOAT4E2M1"),
    element_types(21, "INT4", "UINT4"),
    element_types(19, "FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ"),
    element_types(13, "BFLOAT16"),
    Limit(
        "an optional value as an input or output of the model",
        15,
        "optionals came with this opset",
        lambda model: "optional_type" in _kinds(_ends(model)),
    ),
    Limit(
        "an optional value through Identity, If or Loop",
        16,
        "before, these passed on tensors and sequences only",
        lambda model: _passes(model, "optional_type", "Identity", "If", "Loop"),
    ),
    Limit(
        "a sequence through If, or through a Loop that does more than append to an empty one",
        13,
        "before, control flow passed on tensors only",
        lambda model: _passes(model, "sequence_type", "If") or _goes_on(model),
    ),
)


SETTINGS = (
    "below 19 and 18, Resize between integers, of a region with antialiasing or an aspect ratio that is kept, or with "
    "half_pixel_symmetric coordinates and nearest_mode floor or ceil",
    "below 20, GridSample of volumes in double precision, or cubic; below 16 in double precision",
    "below 19, AveragePool with dilations and automatic padding; below 18, LpPool",
    "below 17, a onesided inverse DFT whose length isn't known to fit, and windows of integers",
    "below 16, RoiAlign with half_pixel coordinates that takes the maximum, or samples adaptively",
)
"""What single operators refuse, each with a test in tests/graph_ir/opsets."""


def limits_of(model: onnx.ModelProto, opset: int) -> list[Limit]:
    """Why ``model`` can't be written at ``opset``; nothing if it can."""
    return [limit for limit in LIMITS if opset < limit.since and limit.needed_by(model)]
