"""Results as text for people, or as one JSON document."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dragoman.cli.wording import counts_text, folded, plural, shape_text, size_text, visible

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from dragoman.conversion import ConversionResult
    from dragoman.coverage import CoverageReport
    from dragoman.graph_ir.errors import Gap
    from dragoman.validators.report import ParityReport

T = TypeVar("T")
Arrays = dict[str, "npt.NDArray[np.generic]"]


def emit(result: T, to_text: Callable[[T], str], as_json: bool, *, to_json: Callable[[T], Any] | None = None) -> None:
    """Print ``result``; JSON comes from ``to_json``, or from the result's own method."""
    if as_json:
        document = to_json(result) if to_json is not None else result.to_json()  # type: ignore[attr-defined]
        click.echo(json.dumps(document, indent=2))
    else:
        click.echo(to_text(result))


def conversion_text(result: ConversionResult) -> str:
    """What was written, what was assumed, and the verdict."""
    files, before = result.files, result.source_nodes
    names, nbytes = " and ".join(map(str, files)), sum(file.stat().st_size for file in files)
    nodes = plural(result.nodes, "node") + (f" ({before:,} before)" if before is not None else "")
    lines = [click.style("wrote ", bold=True) + f"{names}  {size_text(nbytes)}, {nodes}"]
    lines += [f"  note: {note}" for note in result.model.notes]
    lines.append(parity_text(result.report) if result.report is not None else "not verified (--no-verify)")
    return "\n".join(lines)


def parity_text(report: ParityReport) -> str:
    """The verdict with its evidence."""
    from dragoman.validators.terminal import render  # noqa: PLC0415

    return render(report)


def coverage_text(report: CoverageReport) -> str:
    """What stands in the way, per target."""
    source = visible(report.source)
    if report.reading:
        head = click.style(f"{source} can't be read as {report.source_format}:", fg="red")
        return "\n".join([head, *_gaps(report.reading)])
    count = sum(report.operators.values())
    kinds = plural(len(report.operators), "kind")
    lines = [f"{source}: {report.source_format}, {plural(count, 'operator')} of {kinds} once read"]
    if report.foreign:
        lines += folded(f"kept as they are, for a runtime that knows them: {counts_text(report.foreign)}", "  ", "    ")
    for target, gaps in report.writing.items():
        name = f"{target} at opset {report.opset}" if report.opset is not None else target
        if gaps:
            wrong = plural(len({gap.operator for gap in gaps}), "operator")
            lines.append(click.style(f"to {name}: {wrong} can't be converted", fg="red"))
            lines += _gaps(gaps)
        else:
            lines.append(click.style(f"to {name}: nothing stands in the way", fg="green"))
        if (found := report.opsets.get(target)) is not None:
            lines.append(f"  any opset from {found.oldest} to {found.newest} can be asked for (--opset)")
            if found.gaps:
                lines += [f"  opset {found.oldest - 1} lacks:", *_gaps(found.gaps, "    ")]
    return "\n".join(lines)


def _gaps(gaps: Sequence[Gap], indent: str = "  ") -> list[str]:
    return [line for gap in gaps for line in folded(visible(" ".join(str(gap).split())), indent, indent + "    ")]


def arrays_text(arrays: Arrays) -> str:
    """One line for each output."""
    return "\n".join(_array_line(name, array) for name, array in arrays.items())


def _array_line(name: str, array: npt.NDArray[Any]) -> str:
    head = f"{name}  {array.dtype} {shape_text(array.shape)}"
    if array.size == 0 or array.dtype.kind not in "fiub":
        return head
    values = ", ".join(f"{v:.6g}" for v in array.reshape(-1)[:5].tolist()) + (", …" if array.size > 5 else "")
    return f"{head}  min {array.min():.6g}  max {array.max():.6g}  mean {array.mean():.6g}  [{values}]"


def arrays_json(arrays: Arrays) -> dict[str, Any]:
    """Shape, type and range of each output; the values themselves go to --save."""
    return {
        "outputs": [
            {"name": name, "dtype": str(a.dtype), "shape": list(a.shape)}
            | (
                {"min": float(a.min()), "max": float(a.max()), "mean": float(a.mean())}
                if a.size and a.dtype.kind in "fiu"
                else {}
            )
            for name, a in arrays.items()
        ]
    }
