"""The graph between formats: ONNX operators on onnx_ir, with provenance, mapped tensors, passes and a writer of bytes.

What stands on onnx_ir is imported when it is first used: the errors and the formats are wanted without it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from dragoman.graph_ir.deferred import defer
from dragoman.graph_ir.errors import DragomanError, ExitCode, Gap, Location

if TYPE_CHECKING:
    from dragoman.graph_ir.builder import Builder
    from dragoman.graph_ir.model import DOMAIN, IR_OPSET, Model, Source, dims, static_dims
    from dragoman.graph_ir.provenance import Origin

defer()

__all__ = [
    "DOMAIN",
    "IR_OPSET",
    "Builder",
    "DragomanError",
    "ExitCode",
    "Gap",
    "Location",
    "Model",
    "Origin",
    "Source",
    "dims",
    "static_dims",
]

_HOME = {"Builder": "builder", "Origin": "provenance"} | dict.fromkeys(
    ("DOMAIN", "IR_OPSET", "Model", "Source", "dims", "static_dims"), "model"
)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"dragoman.graph_ir.{_HOME[name]}"), name)
    raise AttributeError(f"module 'dragoman.graph_ir' has no attribute {name!r}")
