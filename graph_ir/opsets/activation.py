"""Activations: those that older opsets lack, written out, and the softmax family's axis."""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.opsets.precision import HALVES, widened
from dragoman.graph_ir.opsets.step import Emitter, attribute, lowers, needed, numpy_dtype, raises, sizes


@lowers(28, "SwiGLU")
def gated_swish(node: ir.Node, e: Emitter) -> ir.Value:
    """Swish(a) · b, without Swish, of which ONNX Runtime has no kernel."""
    return e.op("Mul", _swish(node, e), needed(node, 1))


@lowers(24, "Swish")
def swish(node: ir.Node, e: Emitter) -> ir.Value:
    """x · sigmoid(alpha · x)."""
    return _swish(node, e)


def _swish(node: ir.Node, e: Emitter) -> ir.Value:
    x, alpha = needed(node, 0), attribute(node, "alpha", 1.0)
    scaled = x if alpha == 1.0 else e.op("Mul", x, e.const(alpha, numpy_dtype(x)))
    return e.op("Mul", x, e.op("Sigmoid", scaled))


@lowers(20, "Gelu")
def gelu(node: ir.Node, e: Emitter) -> ir.Value:
    """x · Φ(x): by Erf, or the tanh approximation if that is asked for; both in the forms that ONNX Runtime fuses again."""
    x = needed(node, 0)
    dtype = numpy_dtype(x)
    half, one = e.const(0.5, dtype), e.const(1.0, dtype)
    if attribute(node, "approximate", "none") == "tanh":
        cube = e.op("Pow", x, e.const(3, dtype))
        inner = e.op("Add", x, e.op("Mul", cube, e.const(0.044715, dtype)))
        curve = e.op("Tanh", e.op("Mul", inner, e.const(math.sqrt(2 / math.pi), dtype)))
        return e.op("Mul", e.op("Mul", x, half), e.op("Add", curve, one))
    curve = e.op("Erf", e.op("Div", x, e.const(math.sqrt(2), dtype)))
    return e.op("Mul", e.op("Mul", x, e.op("Add", curve, one)), half)


@lowers(18, "Mish")
def mish(node: ir.Node, e: Emitter) -> ir.Value:
    """x · tanh(softplus(x)); in double precision, which ONNX Runtime's Softplus lacks, that is max(0, x) + ln(1 + exp(−|x|))."""
    x = needed(node, 0)
    if x.dtype != ir.DataType.DOUBLE:
        return e.op("Mul", x, e.op("Tanh", e.op("Softplus", x)))
    zero, one = e.const(0.0, np.float64), e.const(1.0, np.float64)
    rest = e.op("Log", e.op("Add", one, e.op("Exp", e.op("Neg", e.op("Abs", x)))))
    return e.op("Mul", x, e.op("Tanh", e.op("Add", e.op("Max", x, zero), rest)))


@lowers(14, "HardSwish")
def hard_swish(node: ir.Node, e: Emitter) -> ir.Value:
    """x · max(0, min(1, x/6 + 1/2))."""
    x = needed(node, 0)
    return e.op("Mul", x, e.op("HardSigmoid", x, alpha=1 / 6, beta=0.5))


@lowers(14, "Relu")
def relu_of_integers(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 14 only floats were taken."""
    x = needed(node, 0)
    return e.op("Max", x, e.const(0, numpy_dtype(x))) if numpy_dtype(x).kind == "i" else None


@lowers(28, "Celu")
def celu_of_other_types(node: ir.Node, e: Emitter) -> ir.Value | tuple[ir.Value, ...] | None:
    """Before 28 only float32 was taken: 16 bits are computed in it, and doubles by the formula."""
    x = needed(node, 0)
    if x.dtype != ir.DataType.DOUBLE:
        return widened(node, e, HALVES)
    zero, one, scale = (e.const(value, np.float64) for value in (0, 1, attribute(node, "alpha", 1.0)))
    curve = e.op("Mul", scale, e.op("Sub", e.op("Exp", e.op("Div", x, scale)), one))
    return e.op("Add", e.op("Max", x, zero), e.op("Min", curve, zero))


@lowers(12, "Celu")
def celu(node: ir.Node, e: Emitter) -> ir.Value:
    """max(0, x) + min(0, alpha · (exp(x / alpha) − 1)): alpha · Elu(x / alpha)."""
    x = needed(node, 0)
    alpha = e.const(attribute(node, "alpha", 1.0), np.float32)
    return e.op("Mul", e.op("Elu", e.op("Div", x, alpha)), alpha)


@lowers(13, "Softmax", "LogSoftmax", "Hardmax")
def softmax_of_one_axis(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 13 the axes from ``axis`` on were one: the same only if the further ones have size 1, so it goes to the end."""
    x = needed(node, 0)
    dims = sizes(x)
    axis = attribute(node, "axis", -1) % len(dims) if dims else 0
    if all(size == 1 for size in dims[axis + 1 :]):
        node.attributes["axis"] = ir.AttrInt64("axis", axis)
        return None
    last = len(dims) - 1
    swap = list(range(len(dims)))
    swap[axis], swap[last] = last, axis
    return e.op("Transpose", e.op(node.op_type, e.op("Transpose", x, perm=swap), axis=last), perm=swap)


@raises(13, "Softmax", "LogSoftmax", "Hardmax")
def softmax_of_flattened_axes(node: ir.Node, e: Emitter) -> ir.Value | None:
    """The axes from ``axis`` on become one, and are parted again; a single one, or one beside ones of size 1, is its own."""
    x = needed(node, 0)
    axis = attribute(node, "axis", 1)
    if axis == -1 or (x.shape is not None and all(size == 1 for size in sizes(x)[axis:][1:])):
        node.attributes["axis"] = ir.AttrInt64("axis", axis)
        return None
    flat = e.op("Flatten", x, axis=axis)
    return e.op("Reshape", e.op(node.op_type, flat, axis=-1), e.op("Shape", x))
