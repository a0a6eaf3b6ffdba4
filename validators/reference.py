"""The graphs evaluated by ourselves, in float64 and float32, when that is needed: what sizes the rounding noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.errors import DragomanError
from dragoman.graph_ir.traversal import walk
from dragoman.validators.judge import References
from dragoman.validators.noise import DRAWS, Draw
from dragoman.validators.runners.base import Array, Feeds

SELECTING = frozenset({"NonMaxSuppression", "TopK", "Unique"})
"""Operators whose results stand in an order, or have a length, that the values decide."""


class Reference:
    """Evaluations of the converted graph and the source's; ``problem`` says why there are none, once one has failed."""

    def __init__(self, graph: ir.Model | None, source: ir.Model | None = None) -> None:
        """``graph`` None: no floor can be measured. ``source`` is the graph from which more noise is drawn."""
        self._graph = graph
        self._source = source if source is not None else graph
        self._selects = graph is not None and _selects(graph)
        self._evaluators: dict[tuple[int, type[Any], int], Any] = {}
        self.problem = "" if graph is not None else "the converted graph isn't at hand to measure its rounding noise"

    def evaluate(self, feeds: Feeds, outputs: Sequence[str], dtype: type[Any]) -> dict[str, Array]:
        """The values named ``outputs`` at ``dtype``; nothing for values that can't be computed."""
        if self._graph is None or self.problem:
            return {}
        try:
            return self._run(self._graph, feeds, outputs, dtype)
        except (DragomanError, MemoryError) as error:
            self.problem = f"the converted graph can't be evaluated to measure its rounding noise: {error or 'out of memory'}"
            return {}

    def draw(self, feeds: Feeds, outputs: Sequence[str]) -> list[tuple[dict[str, Array], dict[str, Array]]]:
        """``DRAWS`` float32 evaluations in different orders of summation, each with the float64 one; none if that fails."""
        graph = self._source
        if graph is None or self.problem:
            return []
        try:
            wide = self._run(graph, feeds, outputs, np.float64)
            return [(self._run(graph, feeds, outputs, np.float32, order), wide) for order in range(1, DRAWS + 1)]
        except (DragomanError, MemoryError):
            if graph is self._graph:
                return []
            self._source = self._graph
            return self.draw(feeds, outputs)

    def _run(self, graph: ir.Model, feeds: Feeds, outputs: Sequence[str], dtype: type[Any], order: int = 0) -> dict[str, Array]:
        from dragoman.validators.evaluator import Evaluator  # noqa: PLC0415 - an explicit tolerance never needs it

        key = id(graph), dtype, order
        if key not in self._evaluators:
            self._evaluators[key] = Evaluator(graph, dtype, order=order)
        values: dict[str, Array] = self._evaluators[key].run(feeds, outputs)
        return values

    def sample(self, feeds: Feeds, outputs: Sequence[str]) -> Callable[[str, Array | None], References]:
        """Gives the references of one output of a sample, and of its ``O64``.

        All ``outputs`` are evaluated together, when the first of them is asked for.
        """

        @cache
        def at(dtype: type[Any]) -> dict[str, Array]:
            return self.evaluate(feeds, outputs, dtype)

        @cache
        def drawn() -> list[tuple[dict[str, Array], dict[str, Array]]]:
            return self.draw(feeds, outputs)

        def draws(name: str) -> list[Draw]:
            return [(narrow[name], wide[name]) for narrow, wide in drawn()]

        def references(name: str, o64: Array | None) -> References:
            return References(
                lambda: at(np.float64).get(name), lambda: at(np.float32).get(name), o64, lambda: draws(name), self._selects
            )

        return references


def _selects(graph: ir.Model) -> bool:
    """Whether anything in the graph or its functions orders or chooses elements by comparing them."""
    bodies: list[ir.Graph | ir.Function] = [graph.graph, *graph.functions.values()]
    return any(node.op_type in SELECTING for body in bodies for node in walk(body))
