"""The errors that Dragoman raises: each one readable message, and the exit code that the command line gives it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """What the command line's exit status says."""

    OK = 0
    PARITY = 1
    USAGE = 2
    CONTRACT = 3
    SOURCE = 4
    SOURCE_RUNTIME = 5
    TARGET = 6
    INCONCLUSIVE = 7


@dataclass(frozen=True)
class Location:
    """A place in a model file; ``line`` counts from 1, and is None in binary files."""

    file: str
    line: int | None = None

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


class DragomanError(Exception):
    """Base of every error that Dragoman raises on purpose: its text is meant for the user."""

    exit_code: ExitCode = ExitCode.USAGE

    def __init__(self, message: str, *, location: Location | None = None, layer: str | None = None) -> None:
        """``location`` and ``layer`` say where the fault is; they go before the message."""
        self.message = message
        self.location = location
        self.layer = layer
        where = [str(location)] if location is not None else []
        where += [f"layer {layer}"] if layer else []
        super().__init__(": ".join([*where, message]))


class UsageError(DragomanError):
    """An argument is wrong or missing."""

    exit_code = ExitCode.USAGE


class ContractMismatch(DragomanError):
    """An input or output is missing, or is of another name, shape or dtype than the model's."""

    exit_code = ExitCode.CONTRACT


class SourceError(DragomanError):
    """The source model can't be read or converted."""

    exit_code = ExitCode.SOURCE


class MalformedModel(SourceError):
    """The file is truncated, corrupt, or not what its format demands."""


class UnsupportedAttribute(SourceError):
    """An operator is known, but not with this attribute or setting."""


@dataclass(frozen=True)
class Gap:
    """One operator that can't be converted: how it is called, and in which layers it stands."""

    operator: str
    layers: Sequence[str]
    reason: str = ""

    def __str__(self) -> str:
        shown = ", ".join(self.layers[:5]) + (f", … ({len(self.layers) - 5} more)" if len(self.layers) > 5 else "")
        return f"{self.operator} × {len(self.layers)}: {shown}" + (f" — {self.reason}" if self.reason else "")


class UnsupportedOperator(SourceError):
    """Operators that can't be converted: all of them at once."""

    def __init__(self, gaps: Iterable[Gap], *, location: Location | None = None) -> None:
        """``gaps`` has one entry for each operator."""
        self.gaps = tuple(gaps)
        count = len(self.gaps)
        head = "1 operator can't be converted" if count == 1 else f"{count} operators can't be converted"
        super().__init__("\n".join([f"{head}:", *(f"  {gap}" for gap in self.gaps)]), location=location)


class MissingRuntime(DragomanError):
    """The runtime that a model needs isn't installed, or failed to run it; the message says how to get it."""

    exit_code = ExitCode.SOURCE_RUNTIME


class TargetError(DragomanError):
    """The target can't be written, expressed or run."""

    exit_code = ExitCode.TARGET


class ParityError(DragomanError):
    """The original and the converted model compute different things."""

    exit_code = ExitCode.PARITY
