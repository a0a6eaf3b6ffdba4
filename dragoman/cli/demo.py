"""dragoman demo."""

from __future__ import annotations

from pathlib import Path

import click

from dragoman.cli.options import PATH, output_options
from dragoman.cli.output import conversion_text, emit
from dragoman.cli.progress import Progress


@click.command("demo")
@click.option("--dir", "folder", type=PATH, default=Path("dragoman-demo"), show_default=True, help="Where the files go.")
@click.option(
    "--network",
    default="resnet18",
    show_default=True,
    help="lenet, alexnet, vgg16, googlenet, resnet18, resnet50, squeezenet, mobilenet, fcn8s.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the weights.")
@click.option("--source-python", metavar="COMMAND", help="An interpreter (or command prefix) that has real Caffe.")
@output_options
def command(folder: Path, network: str, seed: int, source_python: str | None, as_json: bool, debug: bool) -> int:
    """Write a full-size Caffe network with seeded weights, convert it to ONNX, verify the result, and say where the files
    are.
    """
    from dragoman.conversion import convert  # noqa: PLC0415  # --help needs none of it
    from dragoman.converters.caffe import zoo  # noqa: PLC0415
    from dragoman.graph_ir.errors import TargetError  # noqa: PLC0415

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TargetError(f"can't make the folder {folder}: {error.strerror or error}") from error
    progress = Progress(enabled=not as_json)
    progress("making", 0, 1)
    try:
        prototxt, weights = zoo.write(network, folder, seed=seed)
        target = folder / f"{network}.onnx"
        options = {"source_python": source_python} if source_python else {}
        result = convert(prototxt, target, weights=weights, progress=progress, **options)  # type: ignore[arg-type]
    finally:
        progress.clear()
    if not as_json:
        click.echo(f"made  {prototxt}\n      {weights}")
        click.echo(click.style("ran   ", dim=True) + f"dragoman convert {prototxt} {target} --weights {weights}")
    emit(result, conversion_text, as_json)
    return int(result.report.exit_code) if result.report is not None else 0
