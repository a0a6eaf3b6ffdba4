"""Nodes of a symbol as operators of the graph."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from dragoman.converters.mxnet.attributes import BadAttribute, parse
from dragoman.converters.mxnet.layers import as_text, fits, weight_shapes
from dragoman.converters.mxnet.symbol import Node, Ref, Symbol
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import OPERATORS, UNREAD
from dragoman.graph_ir import Location, Origin, dims
from dragoman.graph_ir.errors import MalformedModel, SourceError


def inputs_read(node: Node) -> tuple[Ref, ...]:
    """The inputs that inference reads: a loss's label isn't one."""
    return node.inputs[: UNREAD.get(node.op)]


def emit_node(g: SymbolBuilder, node: Node, inputs: Sequence[ir.Value], location: Location | None) -> tuple[ir.Value | None, ...]:
    """Emit one operator of these inputs; gives its outputs, None for those that aren't made. Every error names the node."""
    handler = OPERATORS[node.op]
    fewest, most = OPERATORS.arity(node.op, before=2)
    if len(inputs) < fewest or (most is not None and len(inputs) > most):
        wanted = str(fewest) if fewest == most else f"{fewest} to {most}" if most is not None else f"at least {fewest}"
        raise g.malformed(node, f"has {len(inputs)} inputs, takes {wanted}")
    origin = Origin(node.name, node.op, location)
    with g.source(origin):
        try:
            _check_weights(g, node, inputs)
            made = handler(g, node, *inputs, **parse(handler, node.attrs))
        except BadAttribute as error:
            raise g.unsupported(node, str(error)) from error
        except SourceError as error:
            if error.layer is not None:
                raise
            raise MalformedModel(error.message, location=location, layer=str(origin)) from error
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            shapes = ", ".join(f"{value.name} {as_text(dims(value)) if value.shape is not None else '(?)'}" for value in inputs)
            raise MalformedModel(f"its settings don't fit its inputs {shapes}: {error}", location=location, layer=str(origin)) from error
    return made if isinstance(made, tuple) else (made,)


def _check_weights(g: SymbolBuilder, node: Node, inputs: Sequence[ir.Value]) -> None:
    """Raise ``MalformedModel`` where a weight isn't of the shape that the layer's settings and its data demand."""
    data = dims(inputs[0]) if inputs and inputs[0].shape is not None else None
    for value, wanted in zip(inputs, weight_shapes(node, data), strict=False):
        if wanted is not None and value.shape is not None and not fits(dims(value), wanted):
            raise g.malformed(node, f"takes {as_text(wanted)}, but {value.name} is {as_text(dims(value))}")


def emit_symbol(g: SymbolBuilder, symbol: Symbol, variables: Sequence[ir.Value]) -> list[ir.Value]:
    """Emit a whole symbol of these variables, in the order in which it lists them; gives what its heads are."""
    location = Location(str(symbol.path)) if symbol.path is not None else None
    given = iter(variables)
    values: dict[int, tuple[ir.Value | None, ...]] = {}

    def value(ref: Ref) -> ir.Value:
        made = values[ref.node]
        if ref.index >= len(made) or (found := made[ref.index]) is None:
            raise g.unsupported(symbol.nodes[ref.node], f"its output {ref.index} isn't made at inference")
        return found

    for index in symbol.walk():
        node = symbol.nodes[index]
        values[index] = (next(given),) if node.is_variable else emit_node(g, node, [value(ref) for ref in inputs_read(node)], location)
    return [value(head) for head in symbol.heads]
