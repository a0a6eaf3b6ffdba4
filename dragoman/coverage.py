"""check: every blocker of a conversion, before any work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import onnx
import onnx_ir as ir

from dragoman.conversion import PathLike, Shapes, accepted, outline, readable, resolve_source
from dragoman.converters import formats
from dragoman.converters.formats import Format
from dragoman.graph_ir.errors import ExitCode, Gap, SourceError, UsageError
from dragoman.graph_ir.model import Model
from dragoman.graph_ir.opsets import NEWEST, OLDEST
from dragoman.graph_ir.traversal import parts, walk
from dragoman.products import operator_name


@dataclass(frozen=True)
class OpsetRange:
    """The opsets of a target that can say all of a model; ``gaps`` is what the one before ``oldest`` can't."""

    oldest: int
    newest: int
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True)
class CoverageReport:
    """What keeps a model from being converted: gaps on the way in, and on the way out to each target.

    ``opsets`` are those that a target could have, if none was asked for. ``foreign`` counts operators that neither ONNX nor the
    model defines: they are kept as they are, and whoever runs the result has to know them.
    """

    source: str
    source_format: str
    operators: dict[str, int]
    foreign: dict[str, int]
    reading: tuple[Gap, ...]
    writing: dict[str, tuple[Gap, ...]]
    opsets: dict[str, OpsetRange]
    opset: int | None = None

    @property
    def passed(self) -> bool:
        """Whether the model can be read, and written: to the target that was named, or to one of them."""
        return not self.reading and (not self.writing or not all(self.writing.values()))

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
    written), at ``opset`` where a target has opsets.
    """
    path, fmt = resolve_source(source, source_format)
    options = accepted(fmt, "reader", reader_options)
    importer = fmt.module("importer")
    targets = _targets(target_format, opset)
    reading = tuple(importer.check(path, weights=readable(weights), inputs=inputs, outputs=outputs, **options))
    model = None
    if not reading:
        try:
            model = outline(path, weights=weights, source_format=fmt.name, inputs=inputs, outputs=outputs, **options)
        except SourceError as error:
            reading = (Gap("the network", [error.layer or str(path)], error.message),)
    writing: dict[str, tuple[Gap, ...]] = {}
    ranges: dict[str, OpsetRange] = {}
    operators: Counter[str] = Counter()
    foreign: Counter[str] = Counter()
    if model is not None:
        nodes = [node for part in parts(model.ir) for node in walk(part)]
        operators.update(operator_name(node) for node in nodes)
        foreign.update(operator_name(node) for node in nodes if _is_foreign(node, model))
        for target in targets:
            exporter = target.module("exporter")
            if opset is not None and _has_opsets(target):
                writing[target.name] = tuple(exporter.check(model, opset=opset))
                continue
            writing[target.name] = tuple(exporter.check(model))
            if _has_opsets(target) and (found := _opsets(exporter, model)) is not None:
                ranges[target.name] = found
    return CoverageReport(
        str(path), fmt.name, dict(sorted(operators.items())), dict(sorted(foreign.items())), reading, writing, ranges, opset
    )


def _targets(target_format: str | None, opset: int | None) -> list[Format]:
    if target_format is None:
        return [f for f in formats.formats().values() if f.exporter]
    target = formats.by_name(target_format)
    if opset is not None and not _has_opsets(target):
        raise UsageError(f"{target.title} has no opsets")
    return [target]


def _has_opsets(target: Format) -> bool:
    return any(option.name == "opset" for option in target.writer_options)


def _is_foreign(node: ir.Node, model: Model) -> bool:
    return node.op_identifier() not in model.ir.functions and not onnx.defs.has(node.op_type, node.domain)


def _opsets(exporter: Any, model: Model) -> OpsetRange | None:
    """The oldest opset without a gap, by bisection: what an opset can say, newer ones can. None if even the newest can't."""
    gaps = tuple(exporter.check(model, opset=OLDEST))
    if not gaps:
        return OpsetRange(OLDEST, NEWEST)
    if exporter.check(model, opset=NEWEST):
        return None
    works, fails = NEWEST, OLDEST
    while works - fails > 1:
        middle = (works + fails) // 2
        if found := tuple(exporter.check(model, opset=middle)):
            fails, gaps = middle, found
        else:
            works = middle
    return OpsetRange(works, NEWEST, gaps)
