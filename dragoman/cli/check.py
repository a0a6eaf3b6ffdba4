"""dragoman check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dragoman.cli.options import PATH, given, output_options, source_options
from dragoman.cli.output import coverage_text, emit


@click.command("check")
@click.argument("source", type=PATH)
@source_options
@click.option("--to", "target_format", metavar="FORMAT", help="Look at this target only.")
@click.option("--opset", type=int, help="ONNX: the operator set that the result should have.")
@output_options
def command(source: Path, inputs: tuple[Any, ...], as_json: bool, debug: bool, **options: Any) -> int:
    """List every operator of SOURCE that can't be converted, how often it occurs and where; nothing is written."""
    from dragoman.coverage import check  # noqa: PLC0415  # --help needs none of it

    report = check(source, inputs=dict(inputs) or None, **given(options))
    emit(report, coverage_text, as_json)
    return int(report.exit_code)
