"""MXNet, in a process of its own: this interpreter, or another one that has it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from dragoman.graph_ir.errors import MissingRuntime
from dragoman.validators.runners.base import TensorSpec
from dragoman.validators.runners.process import ProcessRunner
from dragoman.validators.runtimes import HOW_TO_GET


def mxnet_runner(
    settings: Mapping[str, Any],
    *,
    inputs: Sequence[TensorSpec],
    python: str | Sequence[str] | None = None,
    timeout: float = 600.0,
) -> ProcessRunner:
    """A runner of a symbol: ``settings`` name its files, and the symbol's variable of each array in the weights' file.

    ``python`` is an interpreter or command prefix with mxnet; without it this one is asked. Raises ``MissingRuntime`` if it has
    none. Taps are internal outputs (``conv0_output``).
    """
    options = {**settings, "inputs": [{"name": s.name, "dtype": s.dtype, "shape": list(s.shape or ())} for s in inputs]}
    try:
        return ProcessRunner("mxnet", options, python or sys.executable, timeout=timeout)
    except MissingRuntime as error:
        if python is None and "can't import mxnet" in error.message:
            raise MissingRuntime(f"nothing here runs MXNet: {HOW_TO_GET['mxnet']}") from error
        raise
