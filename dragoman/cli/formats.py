"""dragoman formats."""

from __future__ import annotations

import json

import click

from dragoman.cli.options import output_options


@click.command("formats")
@output_options
def command(as_json: bool, debug: bool) -> int:
    """List the formats that Dragoman reads and writes, and what runs them for a verification."""
    from dragoman.converters.formats import formats  # noqa: PLC0415

    known = formats().values()
    if as_json:
        rows = [
            {"name": f.name, "title": f.title, "reads": f.importer is not None, "writes": f.exporter is not None,
             "suffixes": list(f.suffixes), "weights": f.weights, "runtime": f.runtime}
            for f in known
        ]  # fmt: skip
        click.echo(json.dumps({"formats": rows}, indent=2))
        return 0
    for f in known:
        does = " and ".join([*(["read"] if f.importer else []), *(["written"] if f.exporter else [])])
        click.echo(click.style(f"{f.name}", bold=True) + f"  {f.title}: {does}  ({', '.join(f.suffixes)})")
        click.echo(f"    weights  {f.weights}\n    runs in  {f.runtime}")
    return 0
