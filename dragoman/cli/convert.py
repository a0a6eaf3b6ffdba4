"""dragoman convert."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dragoman.cli.options import PATH, given, output_options, source_options, verify_options, writer_options
from dragoman.cli.output import conversion_text, emit
from dragoman.cli.progress import Progress


@click.command("convert")
@click.argument("source", type=PATH)
@click.argument("target", type=PATH)
@source_options
@click.option("--to", "target_format", metavar="FORMAT", help="The target's format, if its suffix doesn't tell.")
@writer_options
@click.option("--optimize/--no-optimize", default=True, help="Simplify the graph before writing it. On by default.")
@click.option("--verify/--no-verify", default=True, help="Run the original and the result on the same inputs. On by default.")
@verify_options
@output_options
def command(source: Path, target: Path, inputs: tuple[Any, ...], as_json: bool, debug: bool, **options: Any) -> int:
    """Convert SOURCE to TARGET and prove that both compute the same.

    \b
    dragoman convert deploy.prototxt net.onnx --weights net.caffemodel
    dragoman convert deploy.prototxt net.onnx -w net.caffemodel --input data:batch,3,224,224 --opset 17
    """
    from dragoman.conversion import convert  # noqa: PLC0415  # --help needs none of it

    progress = Progress(enabled=not as_json)
    try:
        result = convert(source, target, inputs=dict(inputs) or None, progress=progress, **given(options))
    finally:
        progress.clear()
    emit(result, conversion_text, as_json)
    return int(result.report.exit_code) if result.report is not None else 0
