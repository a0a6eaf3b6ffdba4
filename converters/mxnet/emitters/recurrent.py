"""LSTM, GRU and simple recurrences: one RNN with packed parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from dragoman.converters.mxnet.emitters.table import emits
from dragoman.converters.mxnet.symbol import Ref
from dragoman.converters.mxnet.symbol_writer import CannotEmitError, SymbolWriter, derived, known_sizes
from dragoman.graph_ir.passes.editing import attribute

Array = npt.NDArray[Any]

_GATES: dict[str, tuple[int, ...]] = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}
"""Where ONNX has MXNet's gates: i, f, c, o in i, o, f, c; r, z, n in z, r, h."""
_DEFAULT = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"]}


@emits("LSTM", "GRU", "RNN")
def recurrent(w: SymbolWriter, node: ir.Node) -> tuple[Ref, ...]:
    """X (T, N, I) → Y (T, D, N, H) and the last states (D, N, H). MXNet's output is (T, N, D · H)."""
    _check(node)
    x, weight, recurrence = node.inputs[:3]
    assert weight is not None and recurrence is not None
    backwards = attribute(node, "direction", "forward") == "reverse"
    directions, hidden = known_sizes(recurrence)[0], known_sizes(recurrence)[2]
    assert directions is not None and hidden is not None
    data = w.op("reverse", w.ref(x), axis=0) if backwards else w.ref(x)
    inputs = [data, _parameters(w, node), _state(w, node, 5, directions, hidden)]
    if node.op_type == "LSTM":
        inputs.append(_state(w, node, 6, directions, hidden))
    first = w.op(
        "RNN",
        *inputs,
        mode=_mode(node),
        num_layers=1,
        state_size=hidden,
        bidirectional=directions == 2,
        state_outputs=True,
        p=0.0,
    )
    y = w.op("Reshape", first, shape=(0, 0, -4, directions, hidden))
    y = w.op("transpose", y, axes=(0, 2, 1, 3))
    if backwards:
        y = w.op("reverse", y, axis=0)
    return (y, *(Ref(first.node, index) for index in range(1, len(inputs) - 1)))


def _mode(node: ir.Node) -> str:
    if node.op_type != "RNN":
        return node.op_type.lower()
    kinds = {"Tanh": "rnn_tanh", "Relu": "rnn_relu"}
    used = set(attribute(node, "activations", ["Tanh"]))
    if len(used) != 1 or not used <= set(kinds):
        raise CannotEmitError(f"its activation is {', '.join(used)}; MXNet has Tanh and Relu")
    return kinds[used.pop()]


def _check(node: ir.Node) -> None:
    """What MXNet's RNN can't do."""
    given = attribute(node, "activations")
    usual = _DEFAULT.get(node.op_type)
    if usual is not None and given is not None and list(given) != usual * (len(given) // len(usual)):
        raise CannotEmitError(f"its activations are {', '.join(given)}; MXNet has {', '.join(usual)}")
    if attribute(node, "layout", 0):
        raise CannotEmitError("its batch comes first")
    if attribute(node, "clip") or attribute(node, "input_forget", 0):
        raise CannotEmitError("it clips, or couples its gates")
    if node.op_type == "GRU" and not attribute(node, "linear_before_reset", 0):
        raise CannotEmitError("its reset gate comes before the product with the state; MXNet's comes after it")
    if any(value is not None for value in (*node.inputs[4:5], *node.inputs[7:8])):
        raise CannotEmitError("it has lengths of sequences, or peepholes")


def _parameters(w: SymbolWriter, node: ir.Node) -> Ref:
    """All weights of all directions, then all biases, gates in MXNet's order, flat."""
    weight, recurrence = node.inputs[1], node.inputs[2]
    bias = node.inputs[3] if len(node.inputs) > 3 else None
    assert weight is not None and recurrence is not None
    parts = [w.parameter(weight, "weight"), w.parameter(recurrence, "weight")]
    biases = w.parameter(bias, "bias") if bias is not None else None
    order = _GATES[node.op_type]
    directions, rows, _ = parts[1].shape.numpy()

    def packed(_: Array) -> Array:
        weights = [_gates(part.numpy()[d], order).reshape(-1) for d in range(directions) for part in parts]
        both = biases.numpy() if biases is not None else np.zeros((directions, 2 * rows), parts[0].dtype.numpy())
        added = [_gates(half, order) for d in range(directions) for half in (both[d][:rows], both[d][rows:])]
        return np.concatenate([*weights, *added])

    size = sum(part.size for part in parts) + directions * 2 * rows
    return w.weight(derived(parts[0], packed, (size,)), f"{weight.name}_parameters")


def _gates(rows: Array, order: Sequence[int]) -> Array:
    blocks = rows.reshape(len(order), -1, *rows.shape[1:])
    return blocks[list(order)].reshape(rows.shape)


def _state(w: SymbolWriter, node: ir.Node, index: int, directions: int, hidden: int) -> Ref:
    """A first state, or zeros for as many items as the input has."""
    value = node.inputs[index] if len(node.inputs) > index else None
    if value is not None:
        return w.ref(value)
    first = w.op("slice_axis", w.ref(node.inputs[0]), axis=0, begin=0, end=1)
    column = w.op("slice_axis", first, axis=2, begin=0, end=1)  # (1, N, 1)
    return w.op("tile", w.op("zeros_like", column), reps=(directions, 1, hidden))
