"""What a verification found, as plain data: the same that the terminal shows and that ``to_json`` writes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any

from dragoman.graph_ir.errors import ExitCode
from dragoman.validators.comparison import Element

SCHEMA_VERSION = 1


class Verdict(StrEnum):
    """What can be signed."""

    PASSED = "passed"
    FAILED = "failed"
    CONTRACT = "contract"
    INCONCLUSIVE = "inconclusive"


EXIT_CODES: Mapping[Verdict, ExitCode] = {
    Verdict.PASSED: ExitCode.OK,
    Verdict.FAILED: ExitCode.PARITY,
    Verdict.CONTRACT: ExitCode.CONTRACT,
    Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
}


@dataclass(frozen=True)
class SideReport:
    """One side's runtime; ``file`` and ``sha256`` where the caller gave them."""

    runtime: str
    version: str
    details: Mapping[str, str] = field(default_factory=dict)
    file: str | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Measurement:
    """One output on one sample; ``outcome`` is agrees, differs, undecided (rounding decides) or unsized (no noise floor)."""

    sample: str
    shape: tuple[int, ...]
    outcome: str
    ratio: float
    """The difference over the noise floor (over the explicit tolerance where there is one); at most K (1) where they agree."""
    rms: float = 0.0
    max: float = 0.0
    floor_rms: float = 0.0
    floor_max: float = 0.0
    basis: str = ""
    worst: Element | None = None
    detail: str = ""


@dataclass(frozen=True)
class OutputReport:
    """One output over all samples; ``degenerate`` says why agreement on it proves nothing."""

    name: str
    converted_name: str
    dtype: str
    measurements: tuple[Measurement, ...]
    degenerate: str = ""
    notes: tuple[str, ...] = ()

    def count(self, outcome: str) -> int:
        """How many samples ended in ``outcome``."""
        return sum(m.outcome == outcome for m in self.measurements)

    @property
    def worst(self) -> Measurement | None:
        """The sample with the largest ratio; those that differ come first, those that rounding decides last."""
        rank = {"differs": 3, "unsized": 2, "agrees": 1}
        return max(self.measurements, key=lambda m: (rank.get(m.outcome, 0), m.ratio), default=None)


@dataclass(frozen=True)
class Departure:
    """The first source tensor, in network order, that the converted model computes differently."""

    layer: str
    operator: str
    tensor: str
    converted_tensor: str
    sample: str
    ratio: float
    worst: Element | None
    inputs_agreed: bool | None
    """Whether the layer's own inputs agreed; None where they aren't mapped."""
    detail: str = ""
    location: str | None = None


@dataclass(frozen=True)
class Localisation:
    """How far the search for the guilty layer came; ``departure`` None if every mapped tensor agrees."""

    departure: Departure | None
    compared: int
    mapped: int
    detail: str = ""


@dataclass(frozen=True)
class Skipped:
    """Something that wasn't compared, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class SampleReport:
    """A sample as it was run."""

    name: str
    origin: str
    shapes: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class ParityReport:
    """The verdict on a conversion, with its evidence."""

    verdict: Verdict
    reasons: tuple[str, ...]
    original: SideReport
    converted: SideReport
    outputs: tuple[OutputReport, ...]
    samples: tuple[SampleReport, ...]
    tolerance: str
    limit: float
    """The ratio up to which outputs agree."""
    warnings: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    localisation: Localisation | None = None
    failure_code: ExitCode | None = None
    """The exit code of a runtime that failed half-way, where nothing that was measured is worse."""

    @property
    def passed(self) -> bool:
        """Whether every required output was compared and agrees."""
        return self.verdict is Verdict.PASSED

    @property
    def exit_code(self) -> ExitCode:
        """The command line's exit status."""
        if self.verdict is Verdict.INCONCLUSIVE and self.failure_code is not None:
            return self.failure_code
        return EXIT_CODES[self.verdict]

    @property
    def ratio(self) -> float:
        """The largest ratio of all outputs and samples, less those that rounding alone decides."""
        return max((m.ratio for o in self.outputs for m in o.measurements if m.outcome != "undecided"), default=0.0)

    def to_json(self) -> dict[str, Any]:
        """A document of plain JSON types; its ``version`` changes when a field changes its meaning.

        JSON has no NaN or infinity: they are the strings "nan", "inf" and "-inf".
        """
        summary = {"version": SCHEMA_VERSION, "passed": self.passed, "exit_code": int(self.exit_code), "ratio": self.ratio}
        return {**{key: _plain(value) for key, value in summary.items()}, **_plain(self)}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
