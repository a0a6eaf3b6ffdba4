"""LSTM, GRU and RNN, with all attributes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dragoman.validators.evaluator.call import Array, EvaluationError, NodeCall
from dragoman.validators.evaluator.kernels.activation import logistic
from dragoman.validators.evaluator.kernels.linear import product
from dragoman.validators.evaluator.kernels.table import Family

family = Family()

Activation = Callable[[Array], Array]
Step = Callable[[Array, tuple[Array, ...]], tuple[Array, ...]]

# Each activation with its default alpha and beta.
ACTIVATIONS: dict[str, tuple[Callable[[Array, float, float], Array], float, float]] = {
    "affine": (lambda x, a, b: a * x + b, 1.0, 0.0),
    "elu": (lambda x, a, b: np.where(x < 0, a * np.expm1(np.minimum(x, 0)), x), 1.0, 0.0),
    "hardsigmoid": (lambda x, a, b: np.clip(a * x + b, 0, 1), 0.2, 0.5),
    "leakyrelu": (lambda x, a, b: np.where(x < 0, a * x, x), 0.01, 0.0),
    "relu": (lambda x, a, b: np.maximum(x, 0), 0.0, 0.0),
    "scaledtanh": (lambda x, a, b: a * np.tanh(b * x), 1.0, 1.0),
    "sigmoid": (lambda x, a, b: logistic(x), 0.0, 0.0),
    "softplus": (lambda x, a, b: np.logaddexp(x.dtype.type(0), x), 0.0, 0.0),
    "softsign": (lambda x, a, b: x / (1 + np.abs(x)), 0.0, 0.0),
    "tanh": (lambda x, a, b: np.tanh(x), 0.0, 0.0),
    "thresholdedrelu": (lambda x, a, b: np.where(x > a, x, 0), 1.0, 0.0),
}
TAKES_ALPHA = frozenset({"affine", "elu", "hardsigmoid", "leakyrelu", "scaledtanh", "thresholdedrelu"})
TAKES_BETA = frozenset({"affine", "hardsigmoid", "scaledtanh"})


@dataclass(frozen=True)
class Layer:
    """What the three operators share: sizes, activations by direction, and the tensors by direction."""

    directions: int
    reverse: tuple[bool, ...]
    activations: list[list[Activation]]
    x: Array
    """(time, batch, input)."""
    lengths: Array
    initial: Array


def _layer(node: NodeCall, x: Array, r: Array, lengths: Array | None, initial: Array | None, names: list[str]) -> Layer:
    direction = node.text("direction", "forward")
    reverse = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}.get(direction)
    if reverse is None or len(reverse) != r.shape[0]:
        raise EvaluationError(f"direction {direction} with weights for {r.shape[0]}")
    x = x.swapaxes(0, 1) if node.integer("layout", 0) else x
    if initial is not None and node.integer("layout", 0):
        initial = initial.swapaxes(0, 1)
    batch, hidden = x.shape[1], r.shape[-1]
    if initial is None:
        initial = np.zeros((len(reverse), batch, hidden), x.dtype)
    steps = np.full(batch, x.shape[0], np.int64) if lengths is None else lengths.astype(np.int64)
    named = [name.lower() for name in node.texts("activations", ())] or names * len(reverse)
    return Layer(len(reverse), reverse, _activations(node, named, len(reverse)), x, steps, initial)


def _activations(node: NodeCall, names: list[str], directions: int) -> list[list[Activation]]:
    """By direction; ``activation_alpha`` and ``activation_beta`` are consumed by those that take them.

    ``clip`` bounds what goes into the gates' activations, and as in ONNX Runtime not into an LSTM's third, of the cell.
    """
    alphas, betas = iter(node.floats("activation_alpha")), iter(node.floats("activation_beta"))
    limit = node.number("clip", 0.0) if node.has("clip") else None
    found: list[Activation] = []
    each = len(names) // directions
    for k, name in enumerate(names):
        if name not in ACTIVATIONS:
            raise EvaluationError(f"activation {name}")
        function, alpha, beta = ACTIVATIONS[name]
        alpha = next(alphas, float(np.float32(alpha))) if name in TAKES_ALPHA else alpha
        beta = next(betas, float(np.float32(beta))) if name in TAKES_BETA else beta
        found.append(_bound(function, alpha, beta, None if k % each == 2 else limit))
    return [found[k * each : (k + 1) * each] for k in range(directions)]


def _bound(function: Callable[[Array, float, float], Array], alpha: float, beta: float, limit: float | None) -> Activation:
    def apply(x: Array) -> Array:
        return function(x if limit is None else np.clip(x, -limit, limit), alpha, beta)

    return apply


def _unroll(layer: Layer, k: int, step: Step, state: tuple[Array, ...]) -> tuple[Array, tuple[Array, ...]]:
    """Run direction ``k`` over time. An item that is over keeps its state, and puts out zeros."""
    time = layer.x.shape[0]
    y = np.zeros((time, *state[0].shape), layer.x.dtype)
    items = np.arange(layer.x.shape[1])
    for t in range(time):
        alive = (t < layer.lengths)[:, None]
        at = np.where(alive[:, 0], layer.lengths - 1 - t, t) if layer.reverse[k] else np.full(len(items), t)
        new = step(layer.x[at, items], state)
        state = tuple(np.where(alive, after, before) for after, before in zip(new, state, strict=True))
        y[at, items] = np.where(alive, state[0], 0)
    return y, state


def _outputs(node: NodeCall, ys: list[Array], *states: list[Array]) -> tuple[Array, ...]:
    """Y (time, directions, batch, hidden) and the last states (directions, batch, hidden); batch first with ``layout`` 1."""
    y, last = np.stack(ys, 1), [np.stack(s) for s in states]
    if node.integer("layout", 0):
        return y.transpose(2, 0, 1, 3), *(s.swapaxes(0, 1) for s in last)
    return y, *last


def _biases(b: Array | None, k: int, gates: int, hidden: int, dtype: np.dtype[Any]) -> tuple[Array, Array]:
    values = np.zeros(2 * gates * hidden, dtype) if b is None else b[k]
    return values[: gates * hidden], values[gates * hidden :]


@family.op("RNN")
def rnn(
    node: NodeCall,
    x: Array,
    w: Array,
    r: Array,
    b: Array | None = None,
    lengths: Array | None = None,
    initial: Array | None = None,
) -> tuple[Array, ...]:
    """``h = f(x Wᵀ + h Rᵀ + Wb + Rb)``."""
    layer = _layer(node, x, r, lengths, initial, ["tanh"])
    ys, last = list[Array](), list[Array]()
    for k in range(layer.directions):
        (f,) = layer.activations[k]
        wb, rb = _biases(b, k, 1, r.shape[-1], x.dtype)
        weights, recurrence = w[k].T, r[k].T

        def step(
            x: Array,
            state: tuple[Array, ...],
            f: Activation = f,
            weights: Array = weights,
            recurrence: Array = recurrence,
            bias: Array = wb + rb,
        ) -> tuple[Array, ...]:
            return (f(product(x, weights, node.order) + product(state[0], recurrence, node.order) + bias),)

        y, state = _unroll(layer, k, step, (layer.initial[k],))
        ys.append(y)
        last.append(state[0])
    return _outputs(node, ys, last)


@family.op("GRU")
def gru(
    node: NodeCall,
    x: Array,
    w: Array,
    r: Array,
    b: Array | None = None,
    lengths: Array | None = None,
    initial: Array | None = None,
) -> tuple[Array, ...]:
    """Gates z, r, h; ``h' = (1 - z) g(…) + z h``, the reset before the recurrent product or (``linear_before_reset``) after."""
    layer, hidden = _layer(node, x, r, lengths, initial, ["sigmoid", "tanh"]), r.shape[-1]
    after = bool(node.integer("linear_before_reset", 0))
    ys, last = list[Array](), list[Array]()
    for k in range(layer.directions):
        f, g = layer.activations[k]
        wb, rb = _biases(b, k, 3, hidden, x.dtype)

        def step(
            x: Array,
            state: tuple[Array, ...],
            f: Activation = f,
            g: Activation = g,
            weights: Array = w[k].T,
            recurrence: Array = r[k].T,
            wb: Array = wb,
            rb: Array = rb,
        ) -> tuple[Array, ...]:
            h, two = state[0], 2 * hidden
            inner = product(x, weights, node.order) + wb
            gates = f(inner[:, :two] + product(h, recurrence[:, :two], node.order) + rb[:two])
            z, reset = gates[:, :hidden], gates[:, hidden:]
            if after:
                candidate = g(inner[:, two:] + reset * (product(h, recurrence[:, two:], node.order) + rb[two:]))
            else:
                candidate = g(inner[:, two:] + product(reset * h, recurrence[:, two:], node.order) + rb[two:])
            return ((1 - z) * candidate + z * h,)

        y, state = _unroll(layer, k, step, (layer.initial[k],))
        ys.append(y)
        last.append(state[0])
    return _outputs(node, ys, last)


@family.op("LSTM")
def lstm(
    node: NodeCall,
    x: Array,
    w: Array,
    r: Array,
    b: Array | None = None,
    lengths: Array | None = None,
    initial: Array | None = None,
    initial_c: Array | None = None,
    peepholes: Array | None = None,
) -> tuple[Array, ...]:
    """Gates i, o, f, c; ``c' = f c + i g(…)``, ``h' = o h(c')``; with ``input_forget`` the forget gate is ``1 - i``."""
    layer, hidden = _layer(node, x, r, lengths, initial, ["sigmoid", "tanh", "tanh"]), r.shape[-1]
    coupled = bool(node.integer("input_forget", 0))
    if initial_c is None:
        cells = np.zeros_like(layer.initial)
    else:
        cells = initial_c.swapaxes(0, 1) if node.integer("layout", 0) else initial_c
    ys, last, last_c = list[Array](), list[Array](), list[Array]()
    for k in range(layer.directions):
        f, g, h_of = layer.activations[k]
        wb, rb = _biases(b, k, 4, hidden, x.dtype)
        peep = np.zeros(3 * hidden, x.dtype) if peepholes is None else peepholes[k]

        def step(
            x: Array,
            state: tuple[Array, ...],
            f: Activation = f,
            g: Activation = g,
            h_of: Activation = h_of,
            weights: Array = w[k].T,
            recurrence: Array = r[k].T,
            bias: Array = wb + rb,
            peep: tuple[Array, ...] = tuple(np.split(peep, 3)),
        ) -> tuple[Array, ...]:
            h, c = state
            i, o, forget, new = np.split(product(x, weights, node.order) + product(h, recurrence, node.order) + bias, 4, 1)
            i = f(i + peep[0] * c)
            forget = 1 - i if coupled else f(forget + peep[2] * c)
            c = forget * c + i * g(new)
            return f(o + peep[1] * c) * h_of(c), c

        y, state = _unroll(layer, k, step, (layer.initial[k], cells[k]))
        ys.append(y)
        last.append(state[0])
        last_c.append(state[1])
    return _outputs(node, ys, last, last_c)
