"""check: every blocker of a conversion, before any work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dragoman.conversion import PathLike, Shapes, accepted, outline, readable, resolve_source
from dragoman.converters import formats
from dragoman.graph_ir.errors import ExitCode, Gap, SourceError


@dataclass(frozen=True)
class CoverageReport:
    """What keeps a model from being converted: gaps on the way in, and on the way out to each target."""

    source: str
    source_format: str
    operators: dict[str, int]
    reading: tuple[Gap, ...]
    writing: dict[str, tuple[Gap, ...]]

    @property
    def passed(self) -> bool:
        """Whether nothing was found."""
        return not self.reading and not any(self.writing.values())

    @property
    def exit_code(self) -> ExitCode:
        """OK, or SOURCE if something can't be converted."""
        return ExitCode.OK if self.passed else ExitCode.SOURCE

    def to_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return {**asdict(self), "passed": self.passed}


def check(
    source: PathLike,
    *,
    target_format: str | None = None,
    weights: PathLike | None = None,
    source_format: str | None = None,
    inputs: Shapes | None = None,
    outputs: Sequence[str] | None = None,
    opset: int | None = None,
    **reader_options: Any,
) -> CoverageReport:
    """List every operator that can't be read, or can't be written to ``target_format`` (None: to any format that is
    written).
    """
    path, fmt = resolve_source(source, source_format)
    options = accepted(fmt, "reader", reader_options)
    importer = fmt.module("importer")
    targets = [formats.by_name(target_format)] if target_format else [f for f in formats.formats().values() if f.exporter]
    reading = tuple(importer.check(path, weights=readable(weights), inputs=inputs, outputs=outputs, **options))
    operators: dict[str, int] = {}
    writing: dict[str, tuple[Gap, ...]] = {}
    if not reading:
        try:
            model = outline(path, weights=weights, source_format=fmt.name, inputs=inputs, outputs=outputs, **options)
        except SourceError as error:
            reading = (Gap("the network", [error.layer or str(path)], error.message),)
        else:
            for node in model.nodes():
                operators[node.op_type] = operators.get(node.op_type, 0) + 1
            for target in targets:
                extra = {"opset": opset} if opset is not None and any(o.name == "opset" for o in target.writer_options) else {}
                writing[target.name] = tuple(target.module("exporter").check(model, **extra))
    return CoverageReport(str(path), fmt.name, dict(sorted(operators.items())), reading, writing)
