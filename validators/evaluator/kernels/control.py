"""Control flow: subgraphs run in a scope inside their node's; and values that may be absent."""

from __future__ import annotations

from typing import Any

import numpy as np

from dragoman.validators.evaluator.call import Array, EvaluationError, NodeCall, axis_of
from dragoman.validators.evaluator.kernels.table import Family

family = Family()


@family.op("If")
def if_(node: NodeCall, condition: Array) -> tuple[Any, ...]:
    """One branch or the other."""
    return tuple(node.run_graph(node.graph("then_branch" if condition.ravel()[0] else "else_branch"), []))


@family.op("Loop")
def loop(node: NodeCall, most: Array | None = None, condition: Array | None = None, *carried: Any) -> tuple[Any, ...]:
    """(iteration, condition, carried…) → (condition, carried…, scanned…), while the condition holds, ``most`` times at most."""
    body = node.graph("body")
    state, more = list(carried), condition is None or bool(condition.ravel()[0])
    scanned: list[list[Array]] = [[] for _ in range(len(body.outputs) - 1 - len(state))]
    iteration = 0
    while more and (most is None or iteration < int(most.ravel()[0])):
        results = node.run_graph(body, [np.array(iteration, np.int64), np.array(more), *state])
        more = bool(np.asarray(results[0]).ravel()[0])
        state = results[1 : 1 + len(state)]
        for rows, row in zip(scanned, results[1 + len(state) :], strict=True):
            rows.append(row)
        iteration += 1
    return *state, *(_stacked(rows, body.outputs[1 + len(state) + k], node) for k, rows in enumerate(scanned))


def _stacked(rows: list[Array], output: Any, node: NodeCall) -> Array:
    """Rows along a new first axis; of no rows, an empty tensor of the declared type."""
    if rows:
        return np.stack(rows)
    dims = [d if isinstance(d, int) else 0 for d in output.shape or ()]
    return np.empty((0, *dims), output.dtype.numpy() if output.dtype is not None else node.dtype)


@family.op("Scan")
def scan(node: NodeCall, *inputs: Any) -> tuple[Any, ...]:
    """The body (states…, elements…) → (states…, elements…), once for each element along the scanned axes."""
    if node.version < 9:
        return _batched(node, inputs)
    return tuple(_scan(node, list(inputs)))


def _scan(node: NodeCall, inputs: list[Any], length: int | None = None) -> list[Any]:
    body, count = node.graph("body"), node.integer("num_scan_inputs", 0)
    if not 0 < count <= len(inputs):
        raise EvaluationError(f"num_scan_inputs {count} of {len(inputs)} inputs")
    state, scanned = inputs[: len(inputs) - count], inputs[len(inputs) - count :]
    name = "directions" if node.version < 9 else "scan_input_directions"
    axes = node.ints("scan_input_axes", [0] * count)
    rows = [np.moveaxis(x, axis_of(a, x.ndim), 0) for x, a in zip(scanned, axes, strict=True)]
    steps = len(rows[0]) if length is None else length
    rows = [x[:steps][::-1] if backward else x[:steps] for x, backward in zip(rows, node.ints(name, [0] * count), strict=True)]
    made = len(body.outputs) - len(state)
    collected: list[list[Array]] = [[] for _ in range(made)]
    for elements in zip(*rows, strict=True):
        results = node.run_graph(body, [*state, *elements])
        state = results[: len(state)]
        for into, row in zip(collected, results[len(state) :], strict=True):
            into.append(row)
    out_axes, backward = node.ints("scan_output_axes", [0] * made), node.ints("scan_output_directions", [0] * made)
    outputs = []
    for k, found in enumerate(collected):
        whole = _stacked(found[::-1] if backward[k] else found, body.outputs[len(state) + k], node)
        outputs.append(np.moveaxis(whole, 0, axis_of(out_axes[k], whole.ndim)))
    return [*state, *outputs]


def _batched(node: NodeCall, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Opset 8: a first input of lengths, and a batch axis before every other axis; outputs are padded to the longest."""
    lengths, values = inputs[0], list(inputs[1:])
    batch = len(values[0])
    longest = values[-1].shape[1]
    counts = [longest] * batch if lengths is None else [int(n) for n in lengths]
    items = [_scan(node, [v[k] for v in values], counts[k]) for k in range(batch)]
    states = len(values) - node.integer("num_scan_inputs", 0)
    stacked = []
    for k, parts in enumerate(zip(*items, strict=True)):
        if k >= states:
            parts = tuple(np.pad(p, [(0, longest - len(p))] + [(0, 0)] * (p.ndim - 1)) for p in parts)  # noqa: PLW2901
        stacked.append(np.stack(parts))
    return tuple(stacked)


@family.op("Optional", "OptionalGetElement")
def optional(node: NodeCall, value: Any = None) -> Any:
    """The value, which may be absent; ``OptionalGetElement`` demands one."""
    if value is None and node.op == "OptionalGetElement":
        raise EvaluationError("its optional input is empty")
    return value


@family.op("OptionalHasElement")
def optional_has_element(_: NodeCall, value: Any = None) -> Array:
    """Whether there is a value."""
    return np.array(value is not None)
