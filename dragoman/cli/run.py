"""dragoman run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dragoman.cli.options import PATH, given, output_options, source_options
from dragoman.cli.output import arrays_json, arrays_text, emit


@click.command("run")
@click.argument("model", type=PATH)
@click.option("--feeds", type=PATH, help="The inputs: .npz, or .npy for a single input. Without it, seeded noise.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the noise.")
@click.option("--save", type=PATH, help="Write the outputs to this .npz file.")
@click.option("--source-python", metavar="COMMAND", help="An interpreter (or command prefix) that has the model's framework.")
@source_options
@output_options
def command(
    model: Path,
    feeds: Path | None,
    seed: int,
    save: Path | None,
    inputs: tuple[Any, ...],
    as_json: bool,
    debug: bool,
    **options: Any,
) -> int:
    """Run MODEL in its own runtime and print what it gives.

    \b
    dragoman run net.onnx --feeds batch.npz --save out.npz
    dragoman run deploy.prototxt --weights net.caffemodel
    """
    from dragoman.execution import load_feeds, run, save_outputs  # noqa: PLC0415  # --help needs none of it

    settings = given(options)
    values = load_feeds(model, feeds, seed=seed, inputs=dict(inputs) or None, **settings)
    found = run(model, values, inputs=dict(inputs) or None, **settings)
    if save is not None:
        save_outputs(save, found)
    emit(found, arrays_text, as_json, to_json=arrays_json)
    return 0
