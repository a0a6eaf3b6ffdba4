"""Loops and conditions, whose bodies are symbols of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import onnx_ir as ir
from onnx_ir import Value

from dragoman.converters.mxnet.arithmetic import dtype_of
from dragoman.converters.mxnet.attributes import Ints
from dragoman.converters.mxnet.emit import emit_symbol
from dragoman.converters.mxnet.symbol import Node, Symbol
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import dims, static_dims
from dragoman.graph_ir.builder import Dim

T = TypeVar("T")


@op("_foreach")
def foreach(
    g: SymbolBuilder,
    node: Node,
    *inputs: Value,
    num_args: int,
    num_outputs: int,
    num_out_data: int,
    in_data_locs: Ints,
    in_state_locs: Ints,
    remain_locs: Ints = (),
) -> tuple[Value, ...]:
    """MXNet foreach: data (T, …), states, and what the body reads besides → its outputs of each step (T, …), the last states.

    The locations are those of the body's variables. control_flow.cc.
    """
    (body,) = _symbols(g, node, 1)
    data, states = inputs[: len(in_data_locs)], inputs[len(in_data_locs) : len(in_data_locs) + len(in_state_locs)]
    locations = (*in_data_locs, *in_state_locs, *remain_locs)
    if sorted(locations) != list(range(len(inputs))) or len(body.heads) != num_outputs or len(states) != num_outputs - num_out_data:
        raise g.malformed(node, f"its {len(inputs)} inputs and {num_outputs} outputs don't fit its body's")
    with g.subgraph(f"{node.name}/body") as graph:
        before = [_parameter(g, node, value, dims(value)) for value in states]
        step = [_parameter(g, node, value, dims(value)[1:]) for value in data]
        bound = dict(zip(locations, (*step, *before, *inputs[len(data) + len(states) :]), strict=True))
        made = emit_symbol(g, body, [bound[i] for i in range(len(inputs))])
        after = made[num_out_data:]
        _check_states(g, node, states, after)
        graph.outputs.extend(_results(g, [*after, *made[:num_out_data]]))
    outputs = g.ops("Scan", *states, *data, outputs=num_outputs, body=graph, num_scan_inputs=len(data))
    for value, model in zip(outputs, states, strict=False):
        _typed(value, model, dims(model))
    stacked = outputs[len(states) :]
    for value, model in zip(stacked, made, strict=False):
        _typed(value, model, (dims(data[0])[0], *dims(model)))
    return (*stacked, *outputs[: len(states)])


@op("_while_loop")
def while_loop(
    g: SymbolBuilder,
    node: Node,
    *inputs: Value,
    num_args: int,
    num_outputs: int,
    num_out_data: int,
    max_iterations: int,
    cond_input_locs: Ints,
    func_input_locs: Ints,
    func_var_locs: Ints,
) -> tuple[Value, ...]:
    """MXNet while_loop: while the condition holds, max_iterations times at most → the body's outputs of each step, (max_iterations, …),
    and the variables after the last one.

    What MXNet leaves undefined, the outputs of steps that aren't made, is 0 here. The input locations are those of the node's inputs,
    func_var_locs says which of the body's variables the loop's are. control_flow.cc.
    """
    condition, body = _symbols(g, node, 2)
    count = num_outputs - num_out_data
    if len(func_var_locs) != count or len(body.heads) != num_outputs or max_iterations < 1 or not inputs:
        raise g.malformed(node, f"its {count} variables and {num_outputs} outputs don't fit its body's")
    places = [_at(g, node, func_input_locs, location) for location in func_var_locs]
    states = [_at(g, node, inputs, place) for place in places]

    def holds(values: Sequence[Value]) -> Value:
        (found,) = emit_symbol(g, condition, [_at(g, node, values, place) for place in cond_input_locs])
        return _truth(g, node, found)

    start = holds(inputs)
    with g.subgraph(f"{node.name}/body") as graph:
        g.input(g.unique(f"{node.name}/step"), ir.DataType.INT64, ())
        g.input(g.unique(f"{node.name}/going"), ir.DataType.BOOL, ())
        current = list(inputs)
        for place, value in zip(places, states, strict=True):
            current[place] = _parameter(g, node, value, dims(value))
        made = emit_symbol(g, body, [_at(g, node, current, place) for place in func_input_locs])
        after = made[num_out_data:]
        _check_states(g, node, states, after)
        for place, value in zip(places, after, strict=True):
            current[place] = value
        graph.outputs.extend(_results(g, [holds(current), *after, *made[:num_out_data]]))
    outputs = g.ops("Loop", g.const(max_iterations), start, *states, outputs=num_outputs, body=graph)
    for value, model in zip(outputs, states, strict=False):
        _typed(value, model, dims(model))
    if num_out_data:
        g.notes.append(f"{node}: MXNet leaves the outputs of steps that aren't made undefined; here they are 0")
    padded = []
    for value, model in zip(outputs[count:], made, strict=False):
        _typed(value, model, (None, *dims(model)))
        missing = g.op("Sub", g.const([max_iterations]), g.dim(value, 0))
        axis = g.op("Concat", g.const([0]), missing, axis=0)
        whole = g.op("Pad", value, axis, None, g.const([0]))
        _typed(whole, model, (max_iterations, *dims(model)))
        padded.append(whole)
    return (*padded, *outputs[:count])


@op("_cond")
def condition(
    g: SymbolBuilder,
    node: Node,
    *inputs: Value,
    num_args: int,
    num_outputs: int,
    cond_input_locs: Ints,
    then_input_locs: Ints,
    else_input_locs: Ints,
) -> tuple[Value, ...]:
    """MXNet cond: the outputs of one of two symbols, as the first one is other than 0 or not. control_flow.cc."""
    predicate, *branches = _symbols(g, node, 3)
    if any(len(branch.heads) != num_outputs for branch in branches):
        raise g.malformed(node, f"its branches don't have {num_outputs} outputs")
    (found,) = emit_symbol(g, predicate, [_at(g, node, inputs, place) for place in cond_input_locs])
    graphs, made = [], []
    for name, branch, places in zip(("then", "else"), branches, (then_input_locs, else_input_locs), strict=True):
        with g.subgraph(f"{node.name}/{name}") as graph:
            made = emit_symbol(g, branch, [_at(g, node, inputs, place) for place in places])
            graph.outputs.extend(_results(g, made))
        graphs.append(graph)
    outputs = g.ops("If", _truth(g, node, found), outputs=num_outputs, then_branch=graphs[0], else_branch=graphs[1])
    for value, model in zip(outputs, made, strict=True):
        value.type = ir.TensorType(dtype_of(model))
    return outputs


def _symbols(g: SymbolBuilder, node: Node, count: int) -> tuple[Symbol, ...]:
    if len(node.subgraphs) != count:
        raise g.malformed(node, f"has {len(node.subgraphs)} subgraphs, not {count}")
    return node.subgraphs


def _at(g: SymbolBuilder, node: Node, items: Sequence[T], place: int) -> T:
    if not 0 <= place < len(items):
        raise g.malformed(node, f"has no input {place}")
    return items[place]


def _parameter(g: SymbolBuilder, node: Node, model: Value, shape: Sequence[Dim]) -> Value:
    """A variable of a body, of the type of ``model``."""
    return g.input(g.unique(f"{node.name}/{model.name}"), dtype_of(model), shape)


def _check_states(g: SymbolBuilder, node: Node, before: Sequence[Value], after: Sequence[Value]) -> None:
    for old, new in zip(before, after, strict=True):
        sizes = static_dims(old), static_dims(new)
        if old.dtype != new.dtype or (None not in sizes and sizes[0] != sizes[1]):
            raise g.malformed(node, f"a state of {old.dtype} {list(dims(old))} becomes {new.dtype} {list(dims(new))}")


def _results(g: SymbolBuilder, values: Sequence[Value]) -> list[Value]:
    """What a body gives: its own values, each once."""
    found: list[Value] = []
    for value in values:
        maker = value.producer()
        own = maker is not None and maker.graph is g.graph and value not in found
        found.append(value if own else g.op("Identity", value))
    return found


def _truth(g: SymbolBuilder, node: Node, value: Value) -> Value:
    """A scalar of one element as a condition."""
    sizes = static_dims(value)
    if sizes is not None and any(size != 1 for size in sizes):
        raise g.malformed(node, f"its condition has the shape {list(sizes)}; one element is wanted")
    return g.op("Reshape", g.op("Cast", value, to=ir.DataType.BOOL), g.const([], "int64"))


def _typed(value: Value, model: Value, shape: Sequence[Dim]) -> None:
    value.type, value.shape = ir.TensorType(dtype_of(model)), ir.Shape(shape)
