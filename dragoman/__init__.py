"""Dragoman reads a neural network in one format, writes it in another, and proves that both compute the same.

Everything a user needs is here; nothing heavy is imported before it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dragoman.conversion import ConversionResult, convert, load, save
    from dragoman.coverage import CoverageReport, check
    from dragoman.execution import run, verify
    from dragoman.graph_ir.errors import (
        ContractMismatch,
        DragomanError,
        MalformedModel,
        MissingRuntime,
        ParityError,
        SourceError,
        TargetError,
        UnsupportedAttribute,
        UnsupportedOperator,
        UsageError,
    )
    from dragoman.graph_ir.model import Model
    from dragoman.validators.report import ParityReport

__version__ = "0.1.0"

_HOMES = {
    "dragoman.conversion": ("ConversionResult", "convert", "load", "save"),
    "dragoman.coverage": ("CoverageReport", "check"),
    "dragoman.execution": ("run", "verify"),
    "dragoman.graph_ir.errors": (
        "ContractMismatch", "DragomanError", "MalformedModel", "MissingRuntime", "ParityError", "SourceError", "TargetError",
        "UnsupportedAttribute", "UnsupportedOperator", "UsageError",
    ),
    "dragoman.graph_ir.model": ("Model",),
    "dragoman.validators.report": ("ParityReport",),
}  # fmt: skip
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "ContractMismatch",
    "ConversionResult",
    "CoverageReport",
    "DragomanError",
    "MalformedModel",
    "MissingRuntime",
    "Model",
    "ParityError",
    "ParityReport",
    "SourceError",
    "TargetError",
    "UnsupportedAttribute",
    "UnsupportedOperator",
    "UsageError",
    "__version__",
    "check",
    "convert",
    "load",
    "run",
    "save",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'dragoman' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
