"""Linear attention and the convolution before it, which carry a state from step to step."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.opsets.arithmetic import Arithmetic, part_or_rest, whole
from dragoman.graph_ir.opsets.operators import END, cast
from dragoman.graph_ir.opsets.step import (
    CannotConvertError,
    Emitter,
    TooLittleKnownError,
    attribute,
    dtype_of,
    input_at,
    lowers,
    needed,
    sizes,
)
from dragoman.graph_ir.opsets.subgraphs import Body

_FLOAT = ir.DataType.FLOAT


@lowers(27, "LinearAttention")
def linear_attention(node: ir.Node, e: Emitter) -> tuple[ir.Value, ...]:
    """A Scan over time, in float32: S ← exp(g) · S, v ← β · (v − kᵀ S), S ← S + k vᵀ, o = scale · qᵀ S; what the rule has of it.

    q (B, T, Hq · K), k (B, T, H · K), v (B, T, H · V), S (B, H, K, V); the query heads that share a state stand together.
    """
    query, key, value, past = needed(node, 0), needed(node, 1), needed(node, 2), input_at(node, 3)
    query_heads, heads = attribute(node, "q_num_heads"), attribute(node, "kv_num_heads")
    if heads < 1 or query_heads < 1 or query_heads % heads:
        raise CannotConvertError(f"{query_heads} query heads for {heads} heads")
    q = _by_step(query, [heads, query_heads // heads, part_or_rest(sizes(query)[2], query_heads)], e)
    k = _by_step(key, [heads, part_or_rest(sizes(key)[2], heads), 1], e)
    v = _by_step(value, [heads, 1, part_or_rest(sizes(value)[2], heads)], e)
    q = e.op("Mul", q, _scale(node, q, e))
    over_time = [q, k, v]
    rule = attribute(node, "update_rule", "gated_delta")
    if gated := rule in ("gated", "gated_delta"):
        decay = needed(node, 4)
        over_time.append(e.op("Exp", _by_step(decay, [heads, part_or_rest(sizes(decay)[2], heads), 1], e)))
    if corrected := rule in ("delta", "gated_delta"):
        beta = needed(node, 5)
        over_time.append(_by_step(beta, [part_or_rest(sizes(beta)[2], 1), 1, 1], e))
    state = _first_state(past, query, q, k, v, e)
    body = Body(e, "step")
    before = body.input("state", _FLOAT, state.shape)
    steps = [body.input("now", _FLOAT, [d for axis, d in enumerate(sizes(x)) if axis != 1]) for x in over_time]
    body.output(*_step(before, steps, body, gated=gated, corrected=corrected))
    axes = [1] * len(over_time)
    scan = {"body": body.graph, "num_scan_inputs": len(axes), "scan_input_axes": axes, "scan_output_axes": [1]}
    state, o = e.ops("Scan", state, *over_time, outputs=2, **scan)
    width = sizes(v)[4]
    o = e.op("Reshape", o, e.vector(0, 0, query_heads * width if width is not None else -1))
    kind = node.outputs[1].dtype or dtype_of(query if past is None else past)
    return cast(e, o, dtype_of(query)), cast(e, state, kind)


def _step(state: ir.Value, steps: list[ir.Value], e: Emitter, *, gated: bool, corrected: bool) -> tuple[ir.Value, ir.Value]:
    q, k, v = steps[:3]
    if gated:
        state = e.op("Mul", state, steps[3])
    if corrected:
        known = e.op("MatMul", e.op("Transpose", k, perm=[0, 1, 3, 2]), state)
        v = e.op("Mul", e.op("Sub", v, known), steps[-1])
    state = e.op("Add", state, e.op("Mul", k, v))
    return state, e.op("MatMul", q, state)


def _by_step(x: ir.Value, tail: list[int], e: Emitter) -> ir.Value:
    """(B, T, …) → (B, T, *tail), in float32."""
    return cast(e, e.op("Reshape", x, e.vector(0, 0, *tail)), _FLOAT)


def _scale(node: ir.Node, q: ir.Value, e: Emitter) -> ir.Value:
    """The scale that is given, or 1 / √K."""
    if scale := attribute(node, "scale", 0.0):
        return e.const(scale, np.float32)
    n = Arithmetic(e)
    return n.value(n.power(n.cast(n.size(q, 4), np.float32), -0.5))


def _first_state(past: ir.Value | None, query: ir.Value, q: ir.Value, k: ir.Value, v: ir.Value, e: Emitter) -> ir.Value:
    if past is not None:
        return cast(e, past, _FLOAT)
    n = Arithmetic(e)
    return e.op("Expand", e.const(0, np.float32), n.shape(n.size(query, 0), n.size(k, 2), n.size(k, 3), n.size(v, 4)))


@lowers(27, "CausalConvWithState")
def causal_convolution(node: ir.Node, e: Emitter) -> tuple[ir.Value, ...]:
    """Each channel's own kernel over the state before it, or zeros, and the input; the last elements are the next state.

    x (B, C, L), weight (C, 1, K), state (B, C, K − 1).
    """
    x, weight, bias, past = needed(node, 0), needed(node, 1), input_at(node, 2), input_at(node, 3)
    channels = sizes(weight)[0] if sizes(weight)[0] is not None else sizes(x)[1]
    if channels is None:
        raise TooLittleKnownError("its number of channels isn't known")
    n = Arithmetic(e)
    carried, none = n.sub(n.size(weight, 2), whole(1)), whole(0)
    row = e.op("Concat", past, x, axis=2) if past is not None else e.op("Pad", x, n.shape(none, none, carried, none, none, none))
    y = e.op("Conv", row, weight, bias, group=channels)
    if attribute(node, "activation", "none") in ("silu", "swish"):
        wide = cast(e, y, _FLOAT)
        y = cast(e, e.op("Mul", wide, e.op("Sigmoid", wide)), dtype_of(x))
    return y, n.crop(row, 2, n.sub(n.size(row, 2), carried), whole(END))
