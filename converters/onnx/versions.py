"""Which version of ONNX's intermediate representation a model needs. See the history of versions in onnx.proto."""

from __future__ import annotations

from collections.abc import Iterator

import onnx
import onnx_ir as ir

from dragoman.graph_ir.traversal import graphs_of, parts, walk

METADATA = 10
"""The version that has metadata of nodes, values, graphs and functions."""

_OLDEST, _FUNCTIONS, _DEFAULTS, _OVERLOADS, _DEVICES = 6, 8, 9, 10, 11
"""The oldest is opset 11's, which has sparse tensors and quantization annotations."""
_TYPES = {
    **dict.fromkeys(("FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ"), 9),
    **dict.fromkeys(("UINT4", "INT4"), 10),
    "FLOAT4E2M1": 11,
    "FLOAT8E8M0": 12,
    **dict.fromkeys(("UINT2", "INT2"), 13),
    **dict.fromkeys(("FLOAT6E2M3", "FLOAT6E3M2"), 14),
}


def ir_version(model: ir.Model) -> int:
    """The oldest IR version that has the model's opsets, and what else is in it."""
    standard = [onnx.helper.make_opsetid(d, v) for d, v in model.graph.opset_imports.items() if d in ("", "ai.onnx.ml")]
    return max(_OLDEST, onnx.helper.find_min_ir_version_for(standard, ignore_unknown=True), *_needed(model))


def _needed(model: ir.Model) -> Iterator[int]:
    if model.device_configurations:
        yield _DEVICES
    for function in model.functions.values():
        yield _FUNCTIONS
        if function.overload:
            yield _OVERLOADS
        if any(attribute.value is not None for attribute in function.attributes.values()):
            yield _DEFAULTS
    for part in parts(model):
        for graph in graphs_of(part):
            if graph.metadata_props:
                yield METADATA
            for value in (*graph.inputs, *graph.initializers.values(), *(out for node in graph for out in node.outputs)):
                yield from _of_value(value)
        for node in walk(part):
            if node.metadata_props:
                yield METADATA
            if node.device_configurations:
                yield _DEVICES


def _of_value(value: ir.Value) -> Iterator[int]:
    if value.metadata_props:
        yield METADATA
    if value.type is not None:
        if isinstance(value.type, (ir.OptionalType, ir.SparseTensorType)):
            yield _FUNCTIONS
        yield _TYPES.get(value.type.dtype.name, _OLDEST)
