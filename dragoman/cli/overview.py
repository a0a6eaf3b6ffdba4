"""What ``inspect`` prints: a model in a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from dragoman.cli.wording import GLUE, clipped, count_text, counts_text, folded, plural, shape_text, size_text, visible

if TYPE_CHECKING:
    from dragoman.summary import Summary, Tensor

_TITLE = 15
_SHOWN = 12
"""Inputs, outputs and metadata beyond this number are only counted; --json has them all."""


def summary_text(summary: Summary) -> str:
    """A model in a page: what it takes and gives, how large it is, what it is made of; or its graph, if that was asked for."""
    if summary.graph:
        return "\n".join(summary.graph)
    rows = [*_origin_rows(summary)]
    for title, tensors in (("input", summary.inputs), ("output", summary.outputs)):
        rows += _tensor_rows(title, tensors)
    rows += [("parameters", _parameters(summary)), ("multiply-adds", _multiply_adds(summary))]
    rows += [("", f"note: {visible(note)}") for note in summary.macs_notes]
    rows += _node_rows(summary)
    rows += _listed("metadata", [f"{clipped(key)}: {clipped(value)}" for key, value in summary.metadata.items()])
    rows += [("note", visible(note)) for note in summary.notes]
    title = click.style(visible(summary.path) or summary.format, bold=True)
    return "\n".join([title, *(line for name, text in rows for line in _row(name, text))])


def _row(title: str, text: str) -> list[str]:
    return folded(text, f"  {title:<{_TITLE}}", " " * (_TITLE + 2))


def _origin_rows(summary: Summary) -> list[tuple[str, str]]:
    opsets = ", ".join(f"{visible(domain)}{GLUE}{version}" for domain, version in summary.opsets.items())
    from_file = summary.format == "onnx"
    by = f", by {clipped(summary.producer)}" if summary.producer and from_file else ""
    version = f", IR version {summary.ir_version}" if from_file else ""
    graph = "" if from_file else "; the graph is in ONNX operators"
    rows = [("format", f"{summary.format}, {size_text(summary.bytes)}{version}{by}{graph}")]
    if summary.description:
        rows.append(("about", clipped(summary.description)))
    return [*rows, ("opsets", opsets)]


def _tensor_rows(title: str, tensors: tuple[Tensor, ...]) -> list[tuple[str, str]]:
    width = min(max((len(visible(t.name)) for t in tensors[:_SHOWN]), default=0), 48)
    names = (f"{visible(t.name):<{width}}".replace(" ", GLUE) for t in tensors)
    found = [f"{name}{GLUE}{GLUE}{tensor_text(t)}" for name, t in zip(names, tensors, strict=True)]
    return _listed(title, found) or [(title, "none")]


def _listed(title: str, texts: Sequence[str]) -> list[tuple[str, str]]:
    """A row for each, the title before the first; of many, the first ones and how many more there are."""
    shown = texts if len(texts) <= _SHOWN else texts[: _SHOWN - 1]
    rows = [(title if not i else "", text) for i, text in enumerate(shown)]
    if len(texts) > len(shown):
        rows.append(("", f"… and {len(texts) - len(shown):,} more (--json lists them)"))
    return rows


def tensor_text(tensor: Tensor) -> str:
    """A type and a shape: ``float32 1×3×224×224``, ``sequence of float32 ?×4``."""
    holds = "" if tensor.kind == "tensor" else f"{tensor.kind} of "
    return f"{holds}{tensor.dtype} {shape_text(tensor.shape)}"


def _parameters(summary: Summary) -> str:
    if not summary.weights:
        return "none"
    count = sum(w.tensors for w in summary.weights)
    text = f"{summary.parameters:,} in {plural(count, 'tensor')}, {size_text(summary.parameter_bytes)}"
    if len(summary.weights) > 1:
        text += ": " + ", ".join(f"{w.parameters:,} {w.dtype} ({size_text(w.bytes)})" for w in summary.weights)
    else:
        text += f", {summary.weights[0].dtype}"
    return text


def _multiply_adds(summary: Summary) -> str:
    if not summary.macs:
        return "none that could be counted" if summary.macs_notes else "no products of matrices or convolutions"
    text = f"{summary.macs:,}"
    parts = [f"{visible(name)} {count_text(n)}".replace(" ", GLUE) for name, n in summary.macs_by_operator.items()]
    text += ": " + ", ".join(parts) if len(parts) > 1 else f" in {visible(next(iter(summary.macs_by_operator)))}"
    return text + (_assumptions(summary) if summary.assumed else "")


def _assumptions(summary: Summary) -> str:
    """Which dynamic dimensions were taken as 1, and how to give them a size."""
    inputs = [t for t in summary.inputs if t.shape and not all(isinstance(d, int) for d in t.shape)]
    named = list(dict.fromkeys("?" if d is None else d for t in inputs for d in t.shape or () if not isinstance(d, int)))
    given = [visible(name) for name in named if name in summary.assumed]
    computed = len(summary.assumed) - len(given)
    if computed:
        given.append(f"{plural(computed, 'dimension')} that the network computes")
    text = f"; with {' and '.join(filter(None, (', '.join(given[:-1]), given[-1])))} taken as 1"
    if inputs:
        dims = ",".join(str(d) if isinstance(d, int) else "1" for d in inputs[0].shape or ())
        text += f" (set sizes with --input{GLUE}{visible(inputs[0].name)}:{dims}{' …' if len(inputs) > 1 else ''})"
    return text


def _node_rows(summary: Summary) -> list[tuple[str, str]]:
    inside = [
        text
        for count, text in (
            (summary.nodes_in_subgraphs, f"{summary.nodes_in_subgraphs:,} in subgraphs"),
            (summary.nodes_in_functions, f"{summary.nodes_in_functions:,} in functions"),
        )
        if count
    ]
    nodes = plural(summary.nodes, "node") + "".join(f", {text}" for text in inside)
    if summary.source_layers and summary.format != "onnx":
        nodes += f", from {plural(summary.source_layers, f'{summary.format} layer')} (--graph shows which)"
    rows = [("graph", nodes)]
    if summary.operators:
        rows.append(("operators", counts_text(summary.operators)))
    if summary.functions:
        rows.append(("functions", counts_text(summary.functions)))
    return rows
