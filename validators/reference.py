"""The converted graph evaluated by ourselves, in float64 and when needed in float32: what sizes the rounding noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.errors import DragomanError
from dragoman.validators.judge import References
from dragoman.validators.runners.base import Array, Feeds


class Reference:
    """Evaluations of one graph; ``problem`` says why there are none, once one has failed."""

    def __init__(self, graph: ir.Model | None) -> None:
        """``graph`` None: there is nothing to evaluate, and no floor can be measured."""
        self._graph = graph
        self._evaluators: dict[type[Any], Any] = {}
        self.problem = "" if graph is not None else "the converted graph isn't at hand to measure its rounding noise"

    def evaluate(self, feeds: Feeds, outputs: Sequence[str], dtype: type[Any]) -> dict[str, Array]:
        """The values named ``outputs`` at ``dtype``; nothing for values that can't be computed."""
        if self._graph is None or self.problem:
            return {}
        from dragoman.validators.evaluator import Evaluator  # noqa: PLC0415 - an explicit tolerance never needs it

        try:
            if dtype not in self._evaluators:
                self._evaluators[dtype] = Evaluator(self._graph, dtype)
            values: dict[str, Array] = self._evaluators[dtype].run(feeds, outputs)
        except (DragomanError, MemoryError) as error:
            self.problem = f"the converted graph can't be evaluated to measure its rounding noise: {error or 'out of memory'}"
            return {}
        return values

    def sample(self, feeds: Feeds, outputs: Sequence[str]) -> Callable[[str, Array | None], References]:
        """Evaluate one sample in float64; gives the references of one output, and of its ``O64``.

        The float32 values of all ``outputs`` are computed together, when the first of them is asked for.
        """
        c64 = self.evaluate(feeds, outputs, np.float64)
        c32: dict[str, Array] = {}

        def narrow(name: str) -> Array | None:
            if not c32 and c64:
                c32.update(self.evaluate(feeds, outputs, np.float32))
            return c32.get(name)

        def references(name: str, o64: Array | None) -> References:
            return References(c64.get(name), lambda: narrow(name), o64)

        return references
