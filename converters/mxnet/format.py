"""MXNet: a symbol as JSON, its weights as .params."""

from __future__ import annotations

from pathlib import Path

from dragoman.converters.formats import Format, sniff


def _recognise(path: Path) -> bool:
    """JSON that opens like a graph of nnvm's."""
    if path.suffix.lower() != ".json":
        return False
    start = sniff(path).lstrip()
    return start.startswith(b"{") and b'"nodes"' in start and b'"op"' in start


FORMAT = Format(
    name="mxnet",
    title="MXNet",
    suffixes=("-symbol.json",),
    recognise=_recognise,
    importer="dragoman.converters.mxnet.importer",
    exporter="dragoman.converters.mxnet.exporter",
    weights=".params (found beside the symbol if it is called as MXNet does)",
    runtime="MXNet 1.9.1, here (pip install 'dragoman[mxnet]') or in another interpreter (--source-python)",
)
