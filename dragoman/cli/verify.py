"""dragoman verify."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dragoman.cli.options import PATH, given, output_options, source_options, verify_options
from dragoman.cli.output import emit, parity_text
from dragoman.cli.progress import Progress


@click.command("verify")
@click.argument("source", type=PATH)
@click.argument("target", type=PATH)
@source_options
@click.option("--to", "target_format", metavar="FORMAT", help="The target's format, if its content doesn't tell.")
@click.option("--target-weights", type=PATH, help="The target's weights, where its format keeps them apart.")
@verify_options
@click.option("--layerwise", is_flag=True, help="Compare layer by layer even if the outputs agree.")
@output_options
def command(source: Path, target: Path, inputs: tuple[Any, ...], as_json: bool, debug: bool, **options: Any) -> int:
    """Run SOURCE and TARGET on the same inputs and say, with evidence, whether they compute the same.

    \b
    dragoman verify deploy.prototxt net.onnx --weights net.caffemodel
    dragoman verify deploy.prototxt net.onnx -w net.caffemodel --samples batch.npz --source-python /path/to/caffe/python
    """
    from dragoman.execution import verify  # noqa: PLC0415  # --help needs none of it

    progress = Progress(enabled=not as_json)
    try:
        report = verify(source, target, inputs=dict(inputs) or None, progress=progress, **given(options))
    finally:
        progress.clear()
    emit(report, parity_text, as_json)
    return int(report.exit_code)
