"""FlowNet's correlation of two images."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from onnx_ir import Value

from dragoman.converters.constructs.function import call_function
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import Builder, Location, Origin, dims


@op("Correlation")
def correlation(
    g: SymbolBuilder,
    node: Node,
    data1: Value,
    data2: Value,
    *,
    kernel_size: int = 1,
    max_displacement: int = 1,
    stride1: int = 1,
    stride2: int = 1,
    pad_size: int = 0,
    is_multiply: bool = True,
) -> Value:
    """MXNet Correlation: two (N, C, H, W) → (N, D², H', W'), where D = 2·⌊max_displacement / stride2⌋ + 1 and
    H' = ⌈(H + 2·pad − 2·max_displacement − kernel + 1) / stride1⌉.

    At each place, for each displacement, the mean over channels and window of the products, or of the distances, of the first image
    there and the second one displaced. correlation.cc.
    """
    if kernel_size % 2 == 0 or min(stride1, stride2) < 1:
        raise g.malformed(node, f"needs an odd kernel_size and positive strides, not {kernel_size}, {stride1} and {stride2}")
    reach = 2 * max_displacement + kernel_size - 1
    sizes = [-(-(d + 2 * pad_size - reach) // stride1) if isinstance(d, int) else None for d in dims(data1)[2:]]
    if any(size is not None and size < 1 for size in sizes):
        raise g.malformed(node, f"reaches over its images {list(dims(data1))}")
    radius = max_displacement // stride2
    width = 2 * radius + 1

    def emit(b: Builder, data1: Value, data2: Value) -> tuple[Value, ...]:
        pads = b.const([0, 0, pad_size, pad_size] * 2)
        first, second = (b.op("Pad", x, pads) if pad_size else x for x in (data1, data2))
        reachable = b.op("Sub", b.op("Shape", first, start=2), b.const(2 * max_displacement))
        start = b.const([max_displacement] * 2)
        here = b.op("Slice", first, start, b.op("Add", start, reachable), b.const([2, 3]))
        step = Builder("displacement")
        with step.source(Origin("displacement", "Loop", Location(""))):
            i = step.input("displacement/i", ir.DataType.INT64, ())
            go = step.input("displacement/go", ir.DataType.BOOL, ())
            row, column = step.op("Div", i, step.const(width)), step.op("Mod", i, step.const(width))
            place = step.op("Concat", *(step.op("Unsqueeze", x, step.const([0])) for x in (row, column)), axis=0)
            place = step.op("Mul", step.op("Sub", place, step.const(radius)), step.const(stride2))
            place = step.op("Add", place, step.const(max_displacement))
            there = step.op("Slice", second, place, step.op("Add", place, reachable), step.const([2, 3]))
            match = step.op("Mul", here, there) if is_multiply else step.op("Abs", step.op("Sub", here, there))
            mean = step.op("ReduceMean", match, step.const([1]))
            if kernel_size > 1 or stride1 > 1:
                mean = _pool(step, mean, kernel_size, stride1)
            step.output(go, "displacement/go_on")
            step.output(step.op("Squeeze", mean, step.const([1])), "displacement/mean")
        (found,) = b.ops("Loop", b.const(width * width), b.const(np.True_), outputs=1, body=step.graph)
        found.type, found.shape = data1.type, ir.Shape([width * width, dims(data1)[0], *sizes])
        return (b.op("Transpose", found, perm=[1, 0, 2, 3]),)

    shape = (dims(data1)[0], width * width, *(s or f"{node.name}_{a}" for s, a in zip(sizes, ("height", "width"), strict=True)))
    return call_function(g, node.name, "Correlation", emit, {"data1": data1, "data2": data2}, [shape])[0]


def _pool(b: Builder, x: Value, kernel: int, stride: int) -> Value:
    """The mean of each window; in float32, the type that ONNX Runtime pools."""
    narrow = b.op("Cast", x, to=ir.DataType.FLOAT) if x.dtype == ir.DataType.DOUBLE else x
    mean = b.op("AveragePool", narrow, kernel_shape=[kernel] * 2, strides=[stride] * 2)
    return b.op("Cast", mean, to=x.dtype) if narrow is not x else mean
