"""Functions of the ``dragoman`` domain: what ONNX has no operator for, as a body of standard operators."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import onnx_ir as ir

from dragoman.graph_ir import DOMAIN, IR_OPSET, Builder, dims
from dragoman.graph_ir.builder import Dim

Emit = Callable[..., tuple[ir.Value, ...]]
"""Emits a body: a builder and one value for each input, to one value for each output."""


def call_function(
    g: Builder, layer: str, name: str, emit: Emit, inputs: Mapping[str, ir.Value], shapes: Sequence[Sequence[Dim]]
) -> tuple[ir.Value, ...]:
    """Call ``dragoman.<name>``, its body emitted for these inputs' shapes and the settings of ``layer``, so with an overload of
    its own.

    ``inputs`` are by parameter name; ``shapes`` are the outputs'.
    """
    body = Builder(f"{layer}/{name}")
    parameters = [body.input(key, value.dtype or ir.DataType.FLOAT, dims(value)) for key, value in inputs.items()]
    outputs = emit(body, *parameters)
    for index, value in enumerate(outputs):
        body.output(value, f"output_{index}")
    _constants_as_nodes(body.graph)
    overload = layer
    while (DOMAIN, name, overload) in g.functions:
        overload += "'"
    function = ir.Function(DOMAIN, name, overload, graph=body.graph, attributes=[])
    function.opset_imports.update({"": IR_OPSET})
    return g.call(function, *inputs.values(), shapes=shapes, dtypes=[value.dtype or ir.DataType.FLOAT for value in outputs])


def _constants_as_nodes(graph: ir.Graph) -> None:
    """A function has no initializers: its constants are nodes."""
    nodes = []
    for name, value in list(graph.initializers.items()):
        del graph.initializers[name]
        if value.uses():
            node = ir.node("Constant", [], {"value": value.const_value}, name=name)
            constant = node.outputs[0]
            constant.type, constant.shape = value.type, value.shape
            ir.convenience.replace_all_uses_with(value, constant)
            value.name, constant.name = None, name
            nodes.append(node)
    if nodes:
        graph.insert_before(graph[0], nodes)
