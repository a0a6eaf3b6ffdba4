"""LSTM, RNN and the LSTM's single step."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import onnx_ir as ir
from onnx_ir import Value

from dragoman.converters.caffe.net_builder import NetBuilder
from dragoman.converters.caffe.network import Layer
from dragoman.converters.caffe.table import layer_type
from dragoman.graph_ir import dims
from dragoman.graph_ir.domains import Domain, limit

Step = Callable[[tuple[Value, ...], Value, Value], tuple[Value, ...]]
"""One time step: the states (N, D), what the inputs contribute to the gates (N, G), cont (N, 1) → the next states, h first."""


@layer_type("LSTM")
def lstm(g: NetBuilder, layer: Layer, x: Value, cont: Value, *xs: Value) -> tuple[Value, ...]:
    """Caffe LSTM: x (T, N, *F), cont (T, N), perhaps x_static (N, *S) → h (T, N, D), D being num_output.

    With expose_hidden h_0 and c_0 (1, N, D) come last among the bottoms, and h_T and c_T among the tops. cont multiplies both
    states before each step: 0 starts a sequence, 1 goes on with it.

    Blobs: weights of x (4D, F), bias (4D), weights of x_static (4D, S) if there is one, weights of h (4D, D); gates in the
    order input, forget, output, candidate. Without expose_hidden Caffe starts each call with the states that the call before
    ended with, the first with zeros; here each call is a first one. BVLC recurrent_layer.cpp, lstm_layer.cpp.
    """
    size = _num_output(g, layer)
    static, states = _optional(g, layer, xs, 2)
    gates, used = _project(g, layer, x, cont, static, 4 * size)
    recurrent = g.weight(layer, used, (4 * size, size), "hidden_weight", layer.param.recurrent_param.weight_filler)

    def step(before: tuple[Value, ...], inputs: Value, going_on: Value) -> tuple[Value, ...]:
        h, c = before
        total = g.op("Gemm", g.op("Mul", h, going_on), recurrent, inputs, transB=1)
        c, h = _unit(g, c, total, going_on, size)
        return h, c

    hidden, last = _scan(g, layer, step, states or _zeros(g, layer, x, size, 2), gates, cont)
    return _tops(g, layer, hidden, last)


@layer_type("RNN")
def rnn(g: NetBuilder, layer: Layer, x: Value, cont: Value, *xs: Value) -> tuple[Value, ...]:
    """Caffe RNN: x (T, N, *F), cont (T, N), perhaps x_static (N, *S) → o (T, N, D), D being num_output.

    h_t = tanh(W_hh cont_t h_(t−1) + W_xh x_t + b_h + W_xh_static x_static), o_t = tanh(W_ho h_t + b_o). With expose_hidden h_0
    (1, N, D) is the last bottom, and h_T the last top.

    Blobs: W_xh (D, F), b_h (D), W_xh_static (D, S) if there is one, W_hh (D, D), W_ho (D, D), b_o (D). What holds for the
    LSTM's states from call to call holds here. BVLC recurrent_layer.cpp, rnn_layer.cpp.
    """
    p = layer.param.recurrent_param
    size = _num_output(g, layer)
    static, states = _optional(g, layer, xs, 1)
    inputs, used = _project(g, layer, x, cont, static, size)
    recurrent = g.weight(layer, used, (size, size), "hidden_weight", p.weight_filler)
    output_weight = g.weight(layer, used + 1, (size, size), "output_weight", p.weight_filler)
    output_bias = g.weight(layer, used + 2, (size,), "output_bias", p.bias_filler)

    def step(before: tuple[Value, ...], given: Value, going_on: Value) -> tuple[Value, ...]:
        return (g.op("Tanh", g.op("Gemm", g.op("Mul", before[0], going_on), recurrent, given, transB=1)),)

    hidden, last = _scan(g, layer, step, states or _zeros(g, layer, x, size, 1), inputs, cont)
    outputs = g.op("Tanh", g.op("Add", g.op("MatMul", hidden, g.op("Transpose", output_weight, perm=[1, 0])), output_bias))
    return _tops(g, layer, outputs, last)


@layer_type("LSTMUnit")
def lstm_unit(g: NetBuilder, layer: Layer, c: Value, gates: Value, cont: Value) -> tuple[Value, ...]:
    """Caffe LSTMUnit: c (1, N, D), gates (1, N, 4D), cont (1, N) → the c and h of the next step. BVLC lstm_unit_layer.cpp."""
    if (len(dims(c)), len(dims(gates)), len(dims(cont))) != (3, 3, 2):
        raise g.malformed(layer, "takes bottoms of 3, 3 and 2 axes")
    (size,) = g.sizes(layer, c, [2], "it is the number of cells")
    for value in (c, gates, cont):
        if dims(value)[0] != 1 or _differ(dims(value)[1], dims(c)[1]):
            raise g.malformed(layer, "takes one time step, of as many sequences in each bottom")
    if _differ(dims(gates)[2], 4 * size):
        raise g.malformed(layer, f"takes four gates for each of {size} cells, its second bottom has {dims(gates)[2]}")
    limit(cont, Domain(0, 1, integral=True))
    return _unit(g, c, gates, g.op("Unsqueeze", cont, g.const([2])), size)


def _unit(g: NetBuilder, c: Value, gates: Value, going_on: Value, size: int) -> tuple[Value, Value]:
    """The next c and h."""
    opening, candidate = g.ops("Split", gates, g.const([3 * size, size]), outputs=2, axis=-1)
    into, forget, out = g.ops("Split", g.op("Sigmoid", opening), g.const([size, size, size]), outputs=3, axis=-1)
    kept = g.op("Mul", g.op("Mul", going_on, forget), c)
    c = g.op("Add", kept, g.op("Mul", into, g.op("Tanh", candidate)))
    return c, g.op("Mul", out, g.op("Tanh", c))


def _num_output(g: NetBuilder, layer: Layer) -> int:
    size = layer.param.recurrent_param.num_output
    if size <= 0:
        raise g.malformed(layer, f"num_output {size} must be positive")
    return size


def _optional(g: NetBuilder, layer: Layer, xs: tuple[Value, ...], count: int) -> tuple[Value | None, tuple[Value, ...]]:
    """The static input, and the ``count`` first states as (N, D), which are none unless they are exposed."""
    exposed = count if layer.param.recurrent_param.expose_hidden else 0
    if len(xs) not in (exposed, exposed + 1):
        raise g.malformed(layer, f"has {2 + len(xs)} bottoms, takes {2 + exposed}, or {3 + exposed} with a static input")
    states = xs[len(xs) - exposed :]
    for state in states:
        if len(dims(state)) != 3 or dims(state)[0] != 1 or _differ(dims(state)[2], layer.param.recurrent_param.num_output):
            raise g.malformed(layer, f"a state is (1, sequences, num_output), not {list(dims(state))}")
    return (xs[0] if len(xs) > exposed else None), tuple(g.op("Squeeze", state, g.const([0])) for state in states)


def _project(g: NetBuilder, layer: Layer, x: Value, cont: Value, static: Value | None, gates: int) -> tuple[Value, int]:
    """What the inputs contribute to the gates in every step, (T, N, gates), and how many blobs that takes."""
    p = layer.param.recurrent_param
    if len(dims(x)) < 3 or len(dims(cont)) != 2 or any(map(_differ, dims(x)[:2], dims(cont))):
        found = f"{list(dims(x))} and {list(dims(cont))}"
        raise g.malformed(layer, f"takes (steps, sequences, features) and (steps, sequences), not {found}")
    limit(cont, Domain(0, 1, integral=True))
    bias = g.weight(layer, 1, (gates,), "bias", p.bias_filler)
    total = g.op("Add", _linear(g, layer, x, 2, 0, gates, "weight"), bias)
    if static is None:
        return total, 2
    if len(dims(static)) < 2 or _differ(dims(static)[0], dims(x)[1]):
        raise g.malformed(layer, f"its static input is (sequences, features), not {list(dims(static))}")
    return g.op("Add", total, _linear(g, layer, static, 1, 2, gates, "static_weight")), 3


def _linear(g: NetBuilder, layer: Layer, x: Value, axis: int, index: int, outputs: int, role: str) -> Value:
    """(*L, *F) → (*L, outputs), F being the axes from ``axis``, by blob ``index`` (outputs, F)."""
    lead = dims(x)[:axis]
    features = math.prod(g.sizes(layer, x, range(axis, len(dims(x))), "the weights fix the number of features"))
    weight = g.weight(layer, index, (outputs, features), role, layer.param.recurrent_param.weight_filler)
    return g.op("MatMul", g.reshape(x, (*lead, features)), g.op("Transpose", weight, perm=[1, 0]))


def _zeros(g: NetBuilder, layer: Layer, x: Value, size: int, count: int) -> tuple[Value, ...]:
    """The states that the first call starts with."""
    g.notes.append(
        f"layer {layer.name} ({layer.type}): Caffe carries its state over to the next call where cont doesn't start with 0; "
        "here each call starts anew, as Caffe's first one does"
    )
    sequences = dims(x)[1]
    if isinstance(sequences, int):
        zeros = g.const(np.zeros((sequences, size), np.float32))
    else:
        zeros = g.op("Expand", g.const(0.0), g.op("Concat", g.dim(x, 1), g.const([size]), axis=0))
        zeros.shape = ir.Shape([sequences, size])
    return (zeros,) * count


def _scan(
    g: NetBuilder, layer: Layer, step: Step, states: tuple[Value, ...], inputs: Value, cont: Value
) -> tuple[Value, tuple[Value, ...]]:
    """Run ``step`` over time: the first state after every step (T, N, D), and the last states (N, D)."""
    going_on = g.op("Unsqueeze", cont, g.const([2]))
    with g.subgraph(f"{layer.name}/step") as body:
        given = [
            g.input(g.unique(f"{layer.name}/{name}"), ir.DataType.FLOAT, shape)
            for name, shape in [
                *((f"state_{i}", dims(state)) for i, state in enumerate(states)),
                ("inputs", dims(inputs)[1:]),
                ("cont", dims(going_on)[1:]),
            ]
        ]
        after = step(tuple(given[:-2]), given[-2], given[-1])
        body.outputs.extend([*after, g.op("Identity", after[0])])
    *last, hidden = g.ops("Scan", *states, inputs, going_on, outputs=len(states) + 1, body=body, num_scan_inputs=2)
    for value in last:
        value.type, value.shape = ir.TensorType(ir.DataType.FLOAT), ir.Shape(dims(states[0]))
    hidden.type, hidden.shape = ir.TensorType(ir.DataType.FLOAT), ir.Shape([dims(inputs)[0], *dims(states[0])])
    return hidden, tuple(last)


def _tops(g: NetBuilder, layer: Layer, outputs: Value, last: tuple[Value, ...]) -> tuple[Value, ...]:
    if not layer.param.recurrent_param.expose_hidden:
        return (outputs,)
    return (outputs, *(g.op("Unsqueeze", state, g.const([0])) for state in last))


def _differ(a: int | str | None, b: int | str | None) -> bool:
    """Whether two dimensions are known to be unlike."""
    return isinstance(a, int) and isinstance(b, int) and a != b
