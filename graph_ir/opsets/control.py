"""Scans and loops: those that older opsets lack an operator for, and Scan's first form."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.opsets.operators import END, cast, reshape
from dragoman.graph_ir.opsets.step import (
    CannotConvertError,
    Emitter,
    attribute,
    dtype_of,
    input_at,
    lowers,
    needed,
    raises,
    rank,
)
from dragoman.graph_ir.opsets.subgraphs import Body


@lowers(26, "CumProd")
def cumulated_product(node: ir.Node, e: Emitter) -> ir.Value:
    """A Scan of the tensor reshaped to (before, axis, after), whose state is the product so far."""
    x = needed(node, 0)
    dtype, shape = dtype_of(x), e.op("Shape", x)
    given = e.op("Reshape", cast(e, needed(node, 1), ir.DataType.INT64), e.vector(1))
    axis = e.op("Mod", given, e.vector(rank(x)))
    after = e.op("Add", axis, e.vector(1))
    front, back = (
        e.op("ReduceProd", e.op("Concat", e.vector(1), e.op("Slice", shape, *ends), axis=0), keepdims=1)
        for ends in ((e.vector(0), axis), (after, e.vector(END)))
    )
    flat = reshape(e, x, e.op("Concat", front, e.op("Slice", shape, axis, after), back, axis=0))
    one = e.op("Expand", e.const(1, dtype.numpy()), e.op("Concat", front, back, axis=0))
    body = Body(e, "body")
    state, item = body.input("product", dtype, [None, None]), body.input("item", dtype, [None, None])
    product = body.op("Mul", state, item)
    body.output(product, state if attribute(node, "exclusive", 0) else product)
    backwards = [attribute(node, "reverse", 0)]
    scan = e.add(
        ir.node(
            "Scan",
            [one, flat],
            {
                "body": body.graph,
                "num_scan_inputs": 1,
                "scan_input_axes": [1],
                "scan_output_axes": [1],
                "scan_input_directions": backwards,
                "scan_output_directions": backwards,
            },
            num_outputs=2,
        )
    )
    for out, source in zip(scan.outputs, (one, flat), strict=True):
        out.type, out.shape = source.type, ir.Shape([None] * (2 if source is one else 3))
    return reshape(e, scan.outputs[1], shape)


@raises(9, "Scan")
def scan_of_batches(node: ir.Node, e: Emitter) -> tuple[ir.Value, ...]:
    """Scan-8 scanned axis 1 for each element of axis 0: a Scan over axis 0 whose body scans what is axis 0 then."""
    if input_at(node, 0) is not None:
        raise CannotConvertError("its sequence_lens")
    inputs = [needed(node, i) for i in range(1, len(node.inputs))]
    count = attribute(node, "num_scan_inputs")
    directions = attribute(node, "directions")
    batch = Body(e, "batch")
    elements = [batch.input("element", dtype_of(v), None if v.shape is None else list(v.shape)[1:]) for v in inputs]
    given = {"body": attribute(node, "body"), "num_scan_inputs": count}
    if directions is not None:
        given["scan_input_directions"] = list(directions)
    inner = batch.add(ir.node("Scan", elements, given, num_outputs=len(node.outputs)))
    outer = ir.node("Scan", inputs, {"body": batch.graph, "num_scan_inputs": len(inputs)}, num_outputs=len(node.outputs))
    for old, one, new in zip(node.outputs, inner.outputs, outer.outputs, strict=True):
        one.type = new.type = old.type
        one.shape = None if old.shape is None else ir.Shape(list(old.shape)[1:])
    batch.output(*inner.outputs)
    return tuple(e.add(outer).outputs)


@lowers(17, "SequenceMap")
def loop_over_a_sequence(node: ir.Node, e: Emitter) -> tuple[ir.Value, ...]:
    """A Loop that applies the body to the elements of one place, and appends what it gives to sequences that start empty."""
    first = needed(node, 0)
    graph: ir.Graph = attribute(node, "body")
    body = Body(e, "body")
    number, going = body.input("iteration", ir.DataType.INT64, []), body.input("condition", ir.DataType.BOOL, [])
    results = []
    for out in graph.outputs:
        results.append(ir.Value(name=body.unique("sequence"), type=ir.SequenceType(ir.TensorType(dtype_of(out)))))
    body.graph.inputs.extend(results)
    for index, inner in enumerate(graph.inputs):
        outer = needed(node, index)
        element = body.op("SequenceAt", outer, number) if isinstance(outer.type, ir.SequenceType) else outer
        ir.convenience.replace_all_uses_with(inner, element, replace_graph_outputs=True)
    for name, value in list(graph.initializers.items()):
        del graph.initializers[name]
        body.graph.initializers.add(value)
    given = list(graph.outputs)
    graph.outputs.clear()
    for moved in list(graph):
        graph.remove(moved)
        body.graph.append(moved)
    body.output(going)
    body.graph.outputs.extend(body.op("SequenceInsert", done, new) for done, new in zip(results, given, strict=True))
    start = [e.op("SequenceEmpty", dtype=dtype_of(out).value) for out in given]
    times = e.op("SequenceLength", first)
    loop = e.add(ir.node("Loop", [times, e.const(True, np.bool_), *start], {"body": body.graph}, num_outputs=len(start)))
    for new, result in zip(loop.outputs, results, strict=True):
        new.type = result.type
    return tuple(loop.outputs)
