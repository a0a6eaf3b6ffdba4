"""Layers that combine blobs element by element: Eltwise, Scale, Bias."""

from __future__ import annotations

import functools

from onnx_ir import Value

from dragoman.converters.caffe.net_builder import NetBuilder
from dragoman.converters.caffe.network import Layer
from dragoman.converters.caffe.schema import EltwiseOp, FillerParameter
from dragoman.converters.caffe.table import layer_type
from dragoman.graph_ir import dims


@layer_type("Eltwise")
def eltwise(g: NetBuilder, layer: Layer, a: Value, b: Value, *more: Value) -> Value:
    """Caffe Eltwise: product, weighted sum or maximum of blobs of one shape. BVLC eltwise_layer.cpp."""
    p = layer.param.eltwise_param
    xs = [a, b, *more]
    for x in xs[1:]:
        if not _same(dims(a), dims(x)):
            raise g.malformed(layer, f"its bottoms differ in shape: {list(dims(a))} and {list(dims(x))}")
    if p.coeff and (p.operation != EltwiseOp.SUM or len(p.coeff) != len(xs)):
        raise g.malformed(layer, f"{len(p.coeff)} coefficients for {len(xs)} bottoms; only SUM takes them, one for each")
    coefficients = p.coeff or [1.0] * len(xs)
    if p.operation != EltwiseOp.PROD and layer.tops[0] == layer.bottoms[0]:
        kind = EltwiseOp(p.operation).name
        g.notes.append(
            f"layer {layer.name}: Eltwise {kind} in place; Caffe clears the first bottom before it begins, and so does the result"
        )
        xs, coefficients = xs[1:], coefficients[1:]
    if p.operation == EltwiseOp.SUM:
        xs = [
            x if c == 1 else g.op("Neg", x) if c == -1 else g.op("Mul", x, g.const(c))
            for x, c in zip(xs, coefficients, strict=True)
        ]
    op_type = {EltwiseOp.SUM: "Add", EltwiseOp.PROD: "Mul", EltwiseOp.MAX: "Max"}[p.operation]
    return functools.reduce(lambda x, y: g.op(op_type, x, y), xs)


def _same(a: tuple[int | str | None, ...], b: tuple[int | str | None, ...]) -> bool:
    return len(a) == len(b) and all(
        x == y or not (isinstance(x, int) and isinstance(y, int)) for x, y in zip(a, b, strict=True)
    )


@layer_type("Scale")
def scale(g: NetBuilder, layer: Layer, x: Value, factor: Value | None = None) -> Value:
    """Caffe Scale: x times a factor (a blob of its own, or the second bottom) along some axes, and a bias along the same.
    BVLC scale_layer.cpp.
    """
    p = layer.param.scale_param
    filler = p.filler if p.has("filler") else FillerParameter(type="constant", value=1.0)
    span = _span(g, layer, x, p.axis, p.num_axes, factor)
    y = g.op("Mul", x, _parameter(g, layer, x, span, 0, "scale", filler) if factor is None else _aligned(g, factor, x, span))
    if not p.bias_term:
        return y
    return g.op("Add", y, _parameter(g, layer, x, span, 1 if factor is None else 0, "bias", p.bias_filler))


@layer_type("Bias")
def bias(g: NetBuilder, layer: Layer, x: Value, addend: Value | None = None) -> Value:
    """Caffe Bias: x plus a blob of its own, or plus the second bottom, along some axes. BVLC bias_layer.cpp."""
    p = layer.param.bias_param
    filler = p.filler if p.has("filler") else FillerParameter(type="constant", value=0.0)
    span = _span(g, layer, x, p.axis, p.num_axes, addend)
    return g.op("Add", x, _parameter(g, layer, x, span, 0, "bias", filler) if addend is None else _aligned(g, addend, x, span))


def _span(g: NetBuilder, layer: Layer, x: Value, axis: int, num_axes: int, bottom: Value | None) -> range:
    """The axes of x that the parameter covers."""
    rank = len(dims(x))
    length = num_axes if bottom is None else len(dims(bottom))
    start = 0 if bottom is not None and length == 0 else g.axis(layer, axis, rank)
    stop = rank if length == -1 else start + length
    if length < -1 or stop > rank:
        raise g.malformed(layer, f"a parameter of {length} axes from axis {axis} doesn't fit a blob of {rank} axes")
    if bottom is not None and not _same(dims(x)[start:stop], dims(bottom)):
        raise g.malformed(
            layer, f"its second bottom {list(dims(bottom))} doesn't fit axes {start} to {stop} of {list(dims(x))}"
        )
    return range(start, stop)


def _parameter(g: NetBuilder, layer: Layer, x: Value, span: range, index: int, role: str, filler: FillerParameter) -> Value:
    """A blob that covers ``span``, shaped so that it broadcasts over x."""
    shape = g.sizes(layer, x, span, "its parameter has a value for each element there")
    return g.weight(layer, index, shape, role, filler, view=shape + (1,) * (len(dims(x)) - span.stop if shape else 0))


def _aligned(g: NetBuilder, bottom: Value, x: Value, span: range) -> Value:
    """A bottom that covers ``span``, shaped so that it broadcasts over x."""
    missing = len(dims(x)) - span.stop
    return g.op("Unsqueeze", bottom, g.const(list(range(len(span), len(span) + missing)))) if missing and len(span) else bottom
