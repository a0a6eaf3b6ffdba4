"""dragoman inspect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dragoman.cli.options import PATH, given, output_options, source_options
from dragoman.cli.output import emit, summary_text


@click.command("inspect")
@click.argument("model", type=PATH)
@source_options
@click.option("--graph", "show_graph", is_flag=True, help="Print every node, with the source layer it came from.")
@output_options
def command(model: Path, inputs: tuple[Any, ...], show_graph: bool, as_json: bool, debug: bool, **options: Any) -> int:
    """Show MODEL's inputs, outputs, parameters, operators and multiply-adds."""
    from dragoman.conversion import outline  # noqa: PLC0415  # --help needs none of it
    from dragoman.summary import summarise  # noqa: PLC0415

    loaded = outline(model, inputs=dict(inputs) or None, **given(options))
    emit(summarise(loaded, graph=show_graph), summary_text, as_json)
    return 0
