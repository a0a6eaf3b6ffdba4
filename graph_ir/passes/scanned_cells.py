"""LSTM, GRU and RNN where the body of a Scan is one step of a cell, as MXNet's foreach is read."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from dragoman.graph_ir.model import dims
from dragoman.graph_ir.passes.bounds import Bounds
from dragoman.graph_ir.passes.cells import Step, steps_at
from dragoman.graph_ir.passes.editing import Names, add_weight, attribute, is_op, remove_node, replace_value
from dragoman.graph_ir.passes.matching import made_by
from dragoman.graph_ir.provenance import merge_origins
from dragoman.graph_ir.traversal import graphs_of

_DIRECTIONS = ("scan_input_axes", "scan_output_axes", "scan_input_directions", "scan_output_directions")


def fuse_scanned_cells(model: ir.Model) -> bool:
    """One operator for a Scan that reads a sequence forwards, does nothing but a cell's step, and gives its states."""
    names, bounds, changed = Names([model.graph]), Bounds(), False
    for graph in graphs_of(model.graph):
        for node in list(graph):
            step = _step(node) if is_op(node, "Scan") else None
            if step is not None and _may(node, step, bounds):
                _put(node, step, graph, names)
                changed = True
    return changed


def _step(node: ir.Node) -> Step | None:
    """The step that the body is, if it is one."""
    body: ir.Graph = node.attributes["body"].as_graph()
    count = len(body.inputs) - 1
    if attribute(node, "num_scan_inputs") != 1 or count not in (1, 2) or any(any(attribute(node, n, ())) for n in _DIRECTIONS):
        return None
    results = [_named(value) for value in body.outputs]
    for index in range(count):
        producer = results[index].producer()
        for step in steps_at(producer) if producer is not None and producer.graph is body else ():
            cells = (None, None) if count == 1 else (body.inputs[1 - index], results[1 - index])
            others = [inner for inner in body if inner not in step.nodes]
            if (
                (step.x, step.h, (step.c, step.cell)) == (body.inputs[-1], body.inputs[index], cells)
                and step.recurrent
                and all(result is step.result for result in results[count:])
                and all(is_op(other, "Identity") for other in others)
            ):
                return step
    return None


def _named(value: ir.Value) -> ir.Value:
    """What ``value`` is another name of."""
    node = made_by(value, "Identity")
    return value if node is None or node.inputs[0] is None else _named(node.inputs[0])


def _states(node: ir.Node, step: Step) -> tuple[int, ...]:
    """The places of the state and of the cell, if there is one, among the inputs and outputs."""
    h = 0 if node.attributes["body"].as_graph().inputs[0] is step.h else 1
    return (h,) if step.c is None else (h, 1 - h)


def _may(node: ir.Node, step: Step, bounds: Bounds) -> bool:
    """Whether the operator is the same, and faster."""
    x = node.inputs[-1]
    if x is None or len(dims(x)) != 3 or dims(x)[0] == 0 or dims(x)[2] != step.width:
        return False
    batch = dims(x)[1]
    states = [node.inputs[place] for place in _states(node, step)]
    if batch is None or any(state is None or dims(state) != (batch, step.hidden) for state in states):
        return False
    steps = dims(x)[0]
    return step.pays(batch, steps if isinstance(steps, int) else None) and step.keeps_nan([x, *states], bounds)


def _put(node: ir.Node, step: Step, graph: ir.Graph, names: Names) -> None:
    body, places = node.attributes["body"].as_graph(), _states(node, step)
    added = list[ir.Node]()

    def emit(op_type: str, inputs: Sequence[ir.Value | None], count: int = 1, **attributes: int) -> Sequence[ir.Value]:
        made = ir.node(op_type, list(inputs), attributes, num_outputs=count)
        for out in made.outputs:
            out.name, out.type = names.unique(f"{node.outputs[0].name}/{op_type}"), ir.TensorType(ir.DataType.FLOAT)
        made.name = made.outputs[0].name
        merge_origins(made, *body, node)
        graph.insert_before(node, made)
        added.append(made)
        return made.outputs

    def weight(tensor: ir.TensorProtocol, name: str) -> ir.Value:
        return add_weight(graph, tensor, names.unique(f"{node.outputs[0].name}/{name}"))

    x, zero = node.inputs[-1], weight(ir.tensor([0]), "axis")
    assert x is not None
    steps, batch, _ = dims(x)
    parameters = [weight(tensor, name) for tensor, name in zip(step.parameters(), "WRB", strict=False)]
    states = [emit("Unsqueeze", (node.inputs[place], zero))[0] for place in places]
    inputs = [x, *parameters, *[None] * (4 - len(parameters)), *states]
    y, *last = emit(step.op_type, inputs, 1 + len(places), **step.attributes())
    y.shape = ir.Shape((steps, 1, batch, step.hidden))
    for value in (*states, *last):
        value.shape = ir.Shape((1, batch, step.hidden))
    for index, out in enumerate(node.outputs):
        if out.uses() or out.is_graph_output():
            axis = zero if index < len(places) else weight(ir.tensor([1]), "axis")
            replace_value(out, emit("Squeeze", (last[places.index(index)] if index < len(places) else y, axis))[0])
    remove_node(node)
