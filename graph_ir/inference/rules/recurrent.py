"""Recurrent layers."""

from __future__ import annotations

from dragoman.graph_ir.inference.call import Call
from dragoman.graph_ir.inference.facts import Fact, Tensor
from dragoman.graph_ir.inference.size import Dim
from dragoman.graph_ir.inference.table import rule


@rule("LSTM", "GRU", "RNN")
def recurrent(c: Call) -> list[Fact]:
    """X (t, n, i) → every step (t, directions, n, h), the last (directions, n, h), of LSTM the last cell too.

    With ``layout`` 1: X (n, t, i) → (n, t, directions, h), (n, directions, h).
    """
    first, second, _ = c.dims(0, 3)
    directions = 2 if c.text("direction", "forward") == "bidirectional" else 1
    hidden: Dim = c.number("hidden_size", 0) or c.dims(2, 3)[2]
    every: tuple[Dim, ...] = (first, directions, second, hidden)
    last: tuple[Dim, ...] = (directions, second, hidden)
    if c.number("layout", 0):
        every, last = (first, second, directions, hidden), (first, directions, hidden)
    return [Tensor(None, every), Tensor(None, last), Tensor(None, last)]
