"""dragoman inspect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dragoman.cli.options import PATH, given, output_options, source_options
from dragoman.cli.output import emit
from dragoman.cli.overview import summary_text


@click.command("inspect")
@click.argument("model", type=PATH)
@source_options
@click.option(
    "--graph", "show_graph", is_flag=True, help="Print the graph instead, as text that can be compared and read back."
)
@click.option("--hash", "hashes", is_flag=True, help="With --graph: a hash for each large weight, which is read for it.")
@output_options
def command(
    model: Path, inputs: tuple[Any, ...], show_graph: bool, hashes: bool, as_json: bool, debug: bool, **options: Any
) -> int:
    """Show MODEL's inputs, outputs, parameters, multiply-adds and operators; no weight is read for it.

    \b
    dragoman inspect net.onnx
    dragoman inspect net.onnx --input data:1,3,224,224
    diff <(dragoman inspect old.onnx --graph) <(dragoman inspect new.onnx --graph)
    """
    from dragoman.conversion import load, outline, resolve_source  # noqa: PLC0415  # --help needs none of it
    from dragoman.summary import summarise  # noqa: PLC0415

    reading = given(options)
    _, fmt = resolve_source(model, reading.get("source_format"))
    if any(option.name == "keep_opset" for option in fmt.reader_options):
        reading.setdefault("keep_opset", True)  # the model as it is, not as the graph would have it
    loaded = (load if hashes else outline)(model, inputs=dict(inputs) or None, **reading)
    complete = hashes or "weights" in reading or not hasattr(fmt.module("importer"), "outline")
    emit(summarise(loaded, graph=show_graph or hashes, hashes=hashes, complete=complete), summary_text, as_json)
    return 0
