"""A report as text for a terminal: the verdict, one line for each output, and what it stands on."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator

import click

from dragoman.validators.report import Departure, Localisation, OutputReport, ParityReport, SideReport, Verdict

COLOURS = {Verdict.PASSED: "green", Verdict.FAILED: "red", Verdict.CONTRACT: "red", Verdict.INCONCLUSIVE: "yellow"}
COLUMNS = 120
DIGITS = 12
"""How many digits of a file's hash are shown; the JSON report has them all."""
HEADLINES = {
    Verdict.PASSED: "PASSED: the original and the converted model compute the same",
    Verdict.FAILED: "FAILED: the models compute different things",
    Verdict.CONTRACT: "CONTRACT BROKEN: the inputs or outputs differ",
    Verdict.INCONCLUSIVE: "INCONCLUSIVE: nothing is proven",
}
MARKS = {"agrees": ("✓", "green"), "differs": ("✗", "red"), "undecided": ("?", "yellow"), "unsized": ("?", "yellow")}


def render(report: ParityReport) -> str:
    """The report as lines of text, with ANSI colours (``click.echo`` strips them where they don't belong)."""
    return "\n".join(_lines(report))


def _lines(report: ParityReport) -> Iterator[str]:
    yield click.style(HEADLINES[report.verdict], fg=COLOURS[report.verdict], bold=True)
    for reason in report.reasons:
        for line in reason.splitlines():
            yield from textwrap.wrap(line, COLUMNS, initial_indent="  ", subsequent_indent="    ", break_long_words=False)
    width = max((len(o.name) for o in report.outputs), default=0)
    for output in report.outputs:
        yield from _output(output, width, report.limit)
    for output in report.outputs:
        yield from (click.style(f"  note: {output.name}: {note}", fg="yellow") for note in output.notes)
    if report.localisation is not None:
        yield from _localisation(report.localisation)
    yield from (click.style(f"  warning: {warning}", fg="yellow") for warning in report.warnings)
    yield from (f"  skipped: {item.name}: {item.reason}" for item in report.skipped)
    yield from _side("original ", report.original)
    yield from _side("converted", report.converted)
    yield f"  tolerance  {report.tolerance}"
    if report.samples:
        origins = ", ".join(dict.fromkeys(s.origin for s in report.samples))
        names = f"{len(report.samples)} ({', '.join(s.name for s in report.samples)}; {origins})"
        yield from (f"  {'samples' if not i else '':<11}{line}" for i, line in enumerate(textwrap.wrap(names, COLUMNS - 13)))


def _output(output: OutputReport, width: int, limit: float) -> Iterator[str]:
    worst = output.worst
    if worst is None:
        yield f"  - {output.name:<{width}}  {output.dtype}  not compared"
        return
    mark, colour = MARKS[worst.outcome]
    if output.degenerate:
        mark, colour = "?", "yellow"
    agree = f"{output.count('agrees')}/{len(output.measurements)} samples"
    shape = f"({', '.join(map(str, worst.shape))})"
    if worst.basis == "exact":
        measure = "exact" if worst.outcome == "agrees" else worst.detail
    elif math.isinf(worst.ratio):
        measure = worst.detail or "differs where no difference is allowed"
    else:
        measure = f"{worst.ratio:.3g} × floor (limit {limit:g})" if worst.floor_max else f"{worst.ratio:.3g} × tolerance"
    tick = click.style(mark, fg=colour)
    yield f"  {tick} {output.name:<{width}}  {output.dtype} {shape}  {agree}  {measure}"
    if worst.worst is not None:
        yield f"    worst in {worst.sample} at {worst.worst}"


def _localisation(found: Localisation) -> Iterator[str]:
    if found.departure is None:
        yield f"  layers     {found.compared} of {found.mapped} tensors compared: {found.detail or 'none departs'}"
        return
    yield from _departure(found.departure)


def _departure(found: Departure) -> Iterator[str]:
    operator = f" ({found.operator})" if found.operator else ""
    place = f", {found.location}" if found.location else ""
    yield click.style(f"  first layer that departs: {found.layer}{operator}{place}", fg="red", bold=True)
    agreed = {True: "its inputs agree", False: "its inputs already differ", None: "its inputs aren't mapped"}
    how = found.detail if math.isinf(found.ratio) else f"{found.ratio:.3g} × the noise floor"
    yield f"    tensor {found.tensor} → {found.converted_tensor}: {how} in sample {found.sample}; {agreed[found.inputs_agreed]}"
    if found.worst is not None:
        yield f"    worst element {found.worst}"


def _side(which: str, side: SideReport) -> Iterator[str]:
    details = ", ".join(f"{key} {value}" for key, value in side.details.items())
    yield f"  {which}  {side.runtime} {side.version}".rstrip() + (f" ({details})" if details else "")
    if side.file:
        yield f"  {'':<11}{side.file}" + (f"  sha256 {side.sha256[:DIGITS]}…" if side.sha256 else "")
