"""RNN: layers of LSTM, GRU and plain cells, whose parameters are one vector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
from onnx_ir import Value

from dragoman.converters.mxnet.arithmetic import dtype_of, floats_only
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import dims
from dragoman.graph_ir.tensors import DerivedTensor

Mode = Literal["rnn_relu", "rnn_tanh", "lstm", "gru"]

GATES = {"rnn_relu": (0,), "rnn_tanh": (0,), "lstm": (0, 3, 1, 2), "gru": (1, 0, 2)}
"""Which of MXNet's gates each of ONNX's is: i f c o → i o f c, r z h → z r h."""


@dataclass(frozen=True)
class Part:
    """Some parameters of one layer: an array that is there, to be made when it is written, or a value."""

    shape: tuple[int, ...]
    array: Callable[[], npt.NDArray[Any]] | None
    value: Value | None


@dataclass(frozen=True)
class Direction:
    """The parameters of one layer in one direction: weights of input and state, their biases, the projection."""

    input_weight: Part
    state_weight: Part
    input_bias: Part
    state_bias: Part
    projection: Part | None


@op("RNN", "_npx_rnn")
def rnn(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    parameters: Value,
    state: Value,
    *rest: Value,
    state_size: int,
    num_layers: int,
    mode: Mode,
    bidirectional: bool = False,
    p: float = 0.0,
    state_outputs: bool = False,
    projection_size: int | None = None,
    lstm_state_clip_min: float | None = None,
    lstm_state_clip_max: float | None = None,
    lstm_state_clip_nan: bool = False,
    use_sequence_length: bool = False,
) -> tuple[Value, ...]:
    """MXNet RNN: data (T, N, I), state and an LSTM's state_cell (L·D, N, H) → (T, N, D·H), and the states after the last step.

    parameters hold, layer by layer and in each of D directions, the weights of the input (G·H, I) and the state (G·H, H), with a
    projection (G·H, P) and the projection's own (P, H); then all biases in the same order, (G·H) twice. What only cuDNN does with
    sequence_length and the LSTM's clipping, MXNet's CPU code doesn't do. rnn-inl.h, rnn_impl.h.
    """
    floats_only(g, node, data)
    count = 2 if bidirectional else 1
    cell, lengths = _more_inputs(g, node, rest, mode, given=use_sequence_length)
    if g.rank(node, data) != 3 or num_layers < 1 or state_size < 1:
        raise g.malformed(node, f"takes (steps, sequences, features), not {list(dims(data))}, for {num_layers} layers of {state_size}")
    clipped = lstm_state_clip_min is not None or lstm_state_clip_max is not None
    if projection_size is not None and (mode != "lstm" or bidirectional or clipped):
        raise g.unsupported(node, "has a projection, which MXNet's CPU code runs for LSTMs of one direction without clipping only")
    if lengths is not None or clipped:
        if projection_size is not None or data.dtype != ir.DataType.FLOAT:
            raise g.unsupported(node, "has sequence lengths or clipping, which MXNet has for this RNN on a GPU only")
        g.notes.append(f"{node}: sequence lengths and clipping aren't used, as MXNet's CPU code doesn't use them; its GPU code does")
    (features,) = g.sizes(node, data, (2,), "its weights depend on the number of features")
    layers = _unpack(g, node, parameters, (num_layers, count, len(GATES[mode]), state_size, projection_size), features)
    x, *states = [_single(g, value) for value in (data, state, cell) if value is not None]
    ends: list[list[Value]] = []
    for number, layer in enumerate(layers):
        first = [_of_layer(g, value, number * count, count) for value in states]
        if layer[0].projection is not None:
            x, *last = _projected(g, node, x, layer[0], first)
        else:
            x, *last = _layer(g, node, x, layer, first, mode, state_size)
        ends.append(last)
    outputs = [x]
    if state_outputs:
        outputs += [last[0] if num_layers == 1 else g.op("Concat", *last, axis=0) for last in zip(*ends, strict=True)]
    return tuple(value if data.dtype != ir.DataType.DOUBLE else g.op("Cast", value, to=ir.DataType.DOUBLE) for value in outputs)


def _more_inputs(
    g: SymbolBuilder, node: Node, rest: tuple[Value, ...], mode: Mode, *, given: bool
) -> tuple[Value | None, Value | None]:
    """An LSTM's cell state, and the sequences' lengths."""
    wanted = (mode == "lstm") + given
    if len(rest) != wanted:
        raise g.malformed(node, f"has {3 + len(rest)} inputs, takes {3 + wanted}")
    return (rest[0] if mode == "lstm" else None), (rest[-1] if given else None)


def _layer(
    g: SymbolBuilder, node: Node, x: Value, layer: list[Direction], first: list[Value], mode: Mode, size: int
) -> list[Value]:
    """(T, N, I) → (T, N, D·H), and the last states (D, N, H)."""
    gates = GATES[mode]
    weights = [
        _stacked(g, f"{node.name}/{name}", rows, gates, dtype_of(x))
        for name, rows in (
            ("W", [[d.input_weight] for d in layer]),
            ("R", [[d.state_weight] for d in layer]),
            ("B", [[d.input_bias, d.state_bias] for d in layer]),
        )
    ]
    settings: dict[str, Any] = {"hidden_size": size, "direction": "bidirectional" if len(layer) == 2 else "forward"}
    if mode == "gru":
        settings["linear_before_reset"] = 1
    if mode == "rnn_relu":
        settings["activations"] = ["Relu"] * len(layer)
    kind = {"lstm": "LSTM", "gru": "GRU"}.get(mode, "RNN")
    begin = () if all(map(_is_zero, first)) else (None, *first)
    y, *last = g.ops(kind, x, *weights, *begin, outputs=1 + len(first), **settings)
    if len(layer) == 1:
        return [g.op("Squeeze", y, g.const([1])), *last]
    both = g.op("Transpose", y, perm=[0, 2, 1, 3])
    return [g.op("Reshape", both, g.const([0, 0, 2 * size])), *last]


def _projected(g: SymbolBuilder, node: Node, x: Value, d: Direction, first: list[Value]) -> list[Value]:
    """An LSTM whose state is r = W_hr h, P numbers: ONNX's has none, so it is a Scan. (T, N, I) → (T, N, P), (1, N, P), (1, N, H)."""
    size = d.state_weight.shape[0] // 4
    plain = range(4)
    weight, recurrent, bias, projection = (
        g.op("Squeeze", _stacked(g, f"{node.name}/{name}", [parts], order, dtype_of(x)), g.const([0]))
        for name, parts, order in (
            ("W", [d.input_weight], plain),
            ("R", [d.state_weight], plain),
            ("B", [d.input_bias, d.state_bias], plain),
            ("P", [d.projection] if d.projection is not None else [], (0,)),
        )
    )
    halves = g.ops("Split", bias, g.const([4 * size] * 2), outputs=2, axis=0)
    inputs = g.op("Add", g.op("MatMul", x, g.op("Transpose", weight, perm=[1, 0])), g.op("Add", *halves))
    states = [g.op("Squeeze", value, g.const([0])) for value in first]
    dtype = dtype_of(x)
    with g.subgraph(f"{node.name}/step") as body:
        shapes = {"state": dims(states[0]), "cell": dims(states[1]), "inputs": dims(inputs)[1:]}
        r, c, given = (g.input(g.unique(f"{node.name}/{name}"), dtype, shape) for name, shape in shapes.items())
        total = g.op("Gemm", r, recurrent, given, transB=1)
        into, forget, candidate, out = g.ops("Split", total, g.const([size] * 4), outputs=4, axis=1)
        kept = g.op("Mul", g.op("Sigmoid", forget), c)
        c = g.op("Add", kept, g.op("Mul", g.op("Sigmoid", into), g.op("Tanh", candidate)))
        r = g.op("Gemm", g.op("Mul", g.op("Sigmoid", out), g.op("Tanh", c)), projection, transB=1)
        body.outputs.extend([r, c, g.op("Identity", r)])
    r, c, y = g.ops("Scan", *states, inputs, outputs=3, body=body, num_scan_inputs=1)
    for value, shape in ((r, dims(states[0])), (c, dims(states[1])), (y, (dims(inputs)[0], *dims(states[0])))):
        value.type, value.shape = ir.TensorType(dtype), ir.Shape(shape)
    return [y, g.op("Unsqueeze", r, g.const([0])), g.op("Unsqueeze", c, g.const([0]))]


def _of_layer(g: SymbolBuilder, states: Value, start: int, count: int) -> Value:
    """The states (D, N, H) that one layer begins with, of those of all layers."""
    if dims(states)[0] == count:
        return states
    return g.op("Slice", states, g.const([start]), g.const([start + count]), g.const([0]))


def _is_zero(state: Value) -> bool:
    """Whether a layer begins with zeros, which ONNX's operators do by themselves."""
    maker = state.producer()
    if maker is not None and maker.op_type == "Slice":
        return maker.inputs[0] is not None and _is_zero(maker.inputs[0])
    if maker is not None and maker.op_type == "ConstantOfShape":
        fill = maker.attributes.get("value")
        return fill is None or not fill.as_tensor().numpy().any()
    return state.const_value is not None and not state.const_value.numpy().any()


def _single(g: SymbolBuilder, value: Value) -> Value:
    """In float32 what is float64: no runtime has recurrent operators in that."""
    return g.op("Cast", value, to=ir.DataType.FLOAT) if value.dtype == ir.DataType.DOUBLE else value


# -- parameters -----------------------------------------------------------------------------------


def _unpack(
    g: SymbolBuilder, node: Node, parameters: Value, sizes: tuple[int, int, int, int, int | None], features: int
) -> list[list[Direction]]:
    """The parameters by layer and direction."""
    layers, directions, gates, hidden, projected = sizes
    rows, state = gates * hidden, projected or hidden
    weights, biases = [], []
    for number in range(layers):
        inputs = features if number == 0 else directions * state
        own = [(rows, inputs), (rows, state), *([(projected, hidden)] if projected else [])]
        weights += own * directions
        biases += [(rows,)] * 2 * directions
    total = sum(map(prod, weights)) + sum(map(prod, biases))
    if parameters.shape is None or dims(parameters) != (total,):
        raise g.malformed(node, f"wants {total} parameters, has {list(dims(parameters))}")
    parts = _cut(g, parameters, [*weights, *biases])
    each = len(weights) // (layers * directions)
    found = []
    for number in range(layers * directions):
        w = parts[each * number : each * (number + 1)]
        b = parts[len(weights) + 2 * number : len(weights) + 2 * number + 2]
        found.append(Direction(w[0], w[1], b[0], b[1], w[2] if each == 3 else None))
    return [found[i : i + directions] for i in range(0, len(found), directions)]


def _cut(g: SymbolBuilder, parameters: Value, shapes: Sequence[tuple[int, ...]]) -> list[Part]:
    """A vector cut into parts of these shapes."""
    tensors = _constants(parameters)
    parts, start = [], 0
    for shape in shapes:
        end = start + prod(shape)
        if tensors is not None:
            parts.append(Part(shape, _slice_of(tensors, start, shape), None))
        else:
            piece = g.op("Slice", _single(g, parameters), g.const([start]), g.const([end]), g.const([0]))
            parts.append(Part(shape, None, g.op("Reshape", piece, g.const(list(shape)))))
        start = end
    return parts


def _constants(value: Value) -> list[ir.TensorProtocol] | None:
    """The arrays that make up a vector: one, or several that were flattened and joined; None if some aren't known."""
    if value.const_value is not None:
        return [value.const_value]
    maker = value.producer()
    if maker is None or maker.op_type not in ("Reshape", "Flatten", "Identity", "Concat"):
        return None
    if maker.op_type == "Concat" and (value.shape is None or len(value.shape) != 1):
        return None  # rows of several arrays, not one array after the other
    joined = maker.inputs if maker.op_type == "Concat" else maker.inputs[:1]
    found = [_constants(part) if part is not None else None for part in joined]
    return None if any(part is None for part in found) else [tensor for part in found for tensor in part or []]


def _slice_of(tensors: Sequence[ir.TensorProtocol], start: int, shape: tuple[int, ...]) -> Callable[[], npt.NDArray[Any]]:
    """Makes a part of the tensors that follow each other."""

    def array() -> npt.NDArray[Any]:
        wanted, at, pieces = (start, start + prod(shape)), 0, []
        for tensor in tensors:
            low, high = max(wanted[0] - at, 0), min(wanted[1] - at, tensor.size)
            if low < high:
                pieces.append(tensor.numpy().reshape(-1)[low:high])
            at += tensor.size
        return (pieces[0] if len(pieces) == 1 else np.concatenate(pieces)).reshape(shape)

    return array


def _stacked(
    g: SymbolBuilder, name: str, rows: Sequence[Sequence[Part]], order: Sequence[int], dtype: ir.DataType
) -> Value:
    """(D, …): for each direction its parts behind each other, the gates of each in ``order``."""
    shape = (len(rows), sum(part.shape[0] for part in rows[0]), *rows[0][0].shape[1:])
    arrays = [[part.array for part in row if part.array is not None] for row in rows]
    if len(arrays[0]) == len(rows[0]):

        def array() -> npt.NDArray[Any]:
            return np.stack([np.concatenate([_reordered(make(), order) for make in row]) for row in arrays])

        return g.initializer(DerivedTensor(array, dtype, shape), name)
    directions = []
    for row in rows:
        pieces: list[Value] = []
        for part in row:
            step = part.shape[0] // len(order)
            made = g.ops("Split", part.value, g.const([step] * len(order)), outputs=len(order), axis=0) if len(order) > 1 else ()
            pieces += [made[gate] for gate in order] if made else [part.value] if part.value is not None else []
        joined = pieces[0] if len(pieces) == 1 else g.op("Concat", *pieces, axis=0)
        directions.append(g.op("Unsqueeze", joined, g.const([0])))
    return directions[0] if len(directions) == 1 else g.op("Concat", *directions, axis=0)


def _reordered(rows: npt.NDArray[Any], order: Sequence[int]) -> npt.NDArray[Any]:
    return np.concatenate([np.split(rows, len(order))[gate] for gate in order])
