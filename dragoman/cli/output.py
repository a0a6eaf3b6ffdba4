"""Results as text for people, or as one JSON document."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from dragoman.conversion import ConversionResult
    from dragoman.coverage import CoverageReport
    from dragoman.summary import Summary
    from dragoman.validators.report import ParityReport

T = TypeVar("T")
Arrays = dict[str, "npt.NDArray[np.generic]"]

_UNITS = ("B", "KB", "MB", "GB", "TB")


def emit(result: T, to_text: Callable[[T], str], as_json: bool, *, to_json: Callable[[T], Any] | None = None) -> None:
    """Print ``result``; JSON comes from ``to_json``, or from the result's own method."""
    if as_json:
        document = to_json(result) if to_json is not None else result.to_json()  # type: ignore[attr-defined]
        click.echo(json.dumps(document, indent=2))
    else:
        click.echo(to_text(result))


def size_text(nbytes: int) -> str:
    """Bytes in the unit that a person would choose: 553.4 MB."""
    value = float(nbytes)
    for unit in _UNITS:
        if value < 1000 or unit == _UNITS[-1]:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return ""


def shape_text(shape: tuple[int | str | None, ...] | None) -> str:
    """A shape as people write it: 1×3×224×224."""
    return "shape unknown" if shape is None else "×".join("?" if d is None else str(d) for d in shape) or "scalar"


def conversion_text(result: ConversionResult) -> str:
    """What was written, what was assumed, and the verdict."""
    nbytes = result.path.stat().st_size
    nodes = sum(1 for _ in result.model.graph)
    lines = [click.style("wrote ", bold=True) + f"{result.path}  {size_text(nbytes)}, {nodes} nodes"]
    lines += [f"  note: {note}" for note in result.model.notes]
    lines.append(parity_text(result.report) if result.report is not None else "not verified (--no-verify)")
    return "\n".join(lines)


def parity_text(report: ParityReport) -> str:
    """The verdict with its evidence."""
    from dragoman.validators.terminal import render  # noqa: PLC0415

    return render(report)


def coverage_text(report: CoverageReport) -> str:
    """What stands in the way, per target."""
    lines = []
    if report.reading:
        lines.append(click.style(f"{report.source} can't be read as {report.source_format}:", fg="red"))
        lines += [f"  {gap}" for gap in report.reading]
        return "\n".join(lines)
    count = sum(report.operators.values())
    lines.append(f"{report.source}: {report.source_format}, {count} operators of {len(report.operators)} kinds once read")
    for target, gaps in report.writing.items():
        if gaps:
            lines.append(click.style(f"to {target}: {len(gaps)} kinds can't be converted", fg="red"))
            lines += [f"  {gap}" for gap in gaps]
        else:
            lines.append(click.style(f"to {target}: nothing stands in the way", fg="green"))
    return "\n".join(lines)


def summary_text(summary: Summary) -> str:
    """A model in a few lines."""
    lines = [f"{summary.path}: {summary.format}, graph at ONNX opset {summary.opset}"]
    lines += [f"  input   {t.name}  {t.dtype} {shape_text(t.shape)}" for t in summary.inputs]
    lines += [f"  output  {t.name}  {t.dtype} {shape_text(t.shape)}" for t in summary.outputs]
    lines.append(f"  {summary.parameters:,} parameters, {size_text(summary.parameter_bytes)}")
    counted = " (dynamic dimensions taken as 1)" if summary.dynamic else ""
    lines.append(f"  {summary.macs:,} multiply-adds in convolutions and matrix products{counted}")
    lines.append("  " + ", ".join(f"{name} × {count}" for name, count in summary.operators.items()))
    lines += [f"  note: {note}" for note in summary.notes]
    return "\n".join([*lines, *summary.graph])


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
