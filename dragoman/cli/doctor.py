"""dragoman doctor."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from dragoman.cli.options import output_options


@click.command("doctor")
@click.option(
    "--add",
    "added",
    metavar="NAME=COMMAND",
    multiple=True,
    help="Remember an interpreter for a runtime: caffe=/path/to/python.",
)
@click.option("--remove", "removed", metavar="NAME", multiple=True, help="Forget a remembered runtime.")
@output_options
def command(added: tuple[str, ...], removed: tuple[str, ...], as_json: bool, debug: bool) -> int:
    """Start each runtime once and say which work, in which version, and how to get the others."""
    from dragoman.validators import runtimes  # noqa: PLC0415  # --help needs none of it

    for entry in added:
        name, separator, value = entry.partition("=")
        if not separator or not value:
            raise click.UsageError(f"{entry!r}: write NAME=COMMAND, such as caffe=/path/to/python")
        runtimes.add(name, value)
    for name in removed:
        runtimes.remove(name)
    statuses = runtimes.probe()
    if as_json:
        click.echo(json.dumps({"runtimes": [{**asdict(s), "works": s.works} for s in statuses]}, indent=2))
        return 0
    width = max(len(s.name) for s in statuses)
    for s in statuses:
        mark = click.style("works  ", fg="green") if s.works else click.style("missing", fg="yellow")
        click.echo(
            f"{s.name:<{width}}  {mark}  {s.version if s.works else s.problem}"
            + (f"  ({s.command})" if s.works and s.command else "")
        )
        if not s.works and s.hint:
            click.echo(" " * width + f"           {s.hint}")
    return 0
