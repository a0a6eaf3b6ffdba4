"""Recurrent layers between opsets."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def floats(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def inputs(kind: str, directions: int = 1, *, batch_first: bool = False, full: bool = True) -> list[np.ndarray | None]:
    """x, w, r, then bias, lengths and initial states if ``full``: 5 steps, 2 samples, 4 elements, a state of 3."""
    gates = GATES[kind] * 3
    x, states = floats(5, 2, 4), [floats(directions, 2, 3, seed=n) for n in (5, 6)]
    if batch_first:
        x, states = x.transpose(1, 0, 2), [state.transpose(1, 0, 2) for state in states]
    given: list[np.ndarray | None] = [x, floats(directions, gates, 4, seed=1), floats(directions, gates, 3, seed=2)]
    if full:
        given += [floats(directions, 2 * gates, seed=3), np.array([5, 3], np.int32), *states[: 2 if kind == "LSTM" else 1]]
    return given


def outputs(kind: str) -> tuple[str, ...]:
    return ("y", "h", "c") if kind == "LSTM" else ("y", "h")


@pytest.mark.parametrize("dynamic", [(), (0,)], ids=["static", "dynamic"])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("kind", GATES)
def test_lowered(kind: str, direction: str, dynamic: tuple[int, ...], same_below: Callable[..., None]) -> None:
    given = inputs(kind, 2 if direction == "bidirectional" else 1)
    same_below(kind, given, dynamic=dynamic, hidden_size=3, direction=direction, outputs=outputs(kind))


@pytest.mark.parametrize("dynamic", [(), (0, 5)], ids=["static", "dynamic"])
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("kind", GATES)
@pytest.mark.parametrize("full", [True, False], ids=["full", "short"])
def test_batch_first(
    kind: str, directions: int, full: bool, dynamic: tuple[int, ...], one_at: Callable[..., list[np.ndarray]]
) -> None:
    """layout 1 came with 14, and ONNX Runtime has yet to run it: the numbers are those of the same layer with time first."""
    direction = "bidirectional" if directions == 2 else "forward"
    given = {"hidden_size": 3, "direction": direction, "outputs": outputs(kind)}
    y, *states = one_at(22, kind, inputs(kind, directions, full=full), **given)
    batch_first = inputs(kind, directions, batch_first=True, full=full)
    for opset in (11, 13):
        got = one_at(
            opset, kind, batch_first, source=22, layout=1, dynamic=tuple(i for i in dynamic if full or i == 0), **given
        )
        wanted = [y.transpose(2, 0, 1, 3), *(state.transpose(1, 0, 2) for state in states)]
        for mine, theirs in zip(got, wanted, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("names", [("", "h"), ("y",)], ids=["only-h", "only-y"])
def test_batch_first_with_some_outputs(names: tuple[str, ...], one_at: Callable[..., list[np.ndarray]]) -> None:
    given = {"hidden_size": 3, "outputs": names}
    (wanted,) = one_at(22, "GRU", inputs("GRU"), **given)
    (got,) = one_at(13, "GRU", inputs("GRU", batch_first=True), source=22, layout=1, **given)
    np.testing.assert_allclose(got, wanted.transpose((1, 0, 2) if names[0] == "" else (2, 0, 1, 3)), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("opset", [7, 13, 14, 21])
@pytest.mark.parametrize("kind", GATES)
def test_raised(kind: str, opset: int, same_raised: Callable[..., None]) -> None:
    same_raised(kind, inputs(kind), opset=opset, hidden_size=3, outputs=outputs(kind))
