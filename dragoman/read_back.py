"""A written model without a runtime of its own here: read back from its files, and run in ONNX Runtime."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dragoman.converters import formats
from dragoman.graph_ir.model import Model
from dragoman.validators.runners.base import Array, Description, Feeds, RunnerBase
from dragoman.validators.runners.onnxruntime import OnnxRuntimeRunner


class ReadBackRunner(RunnerBase):
    """The graph that the importer makes of a target's files. It proves what was written, not that the target's runtime takes it."""

    def __init__(self, model: Model, title: str) -> None:
        """``title`` is the format's name. Raises ``TargetError``."""
        self._folder = tempfile.TemporaryDirectory(prefix="dragoman-")
        path = formats.by_name("onnx").module("exporter").save(model, Path(self._folder.name) / "model.onnx")
        self._runner = OnnxRuntimeRunner(path)
        self._runtime = f"{title} files read back in ONNX Runtime"

    def describe(self) -> Description:
        """The graph's inputs and outputs; the runtime's name says that it isn't the target's own."""
        return replace(self._runner.describe(), runtime=self._runtime)

    def run(self, feeds: Feeds, taps: Sequence[str] = ()) -> dict[str, Array]:
        """The outputs by name, and the graph's values that ``taps`` name."""
        return self._runner.run(feeds, taps)

    def close(self) -> None:
        """Free the session and its file."""
        self._runner.close()
        self._folder.cleanup()
