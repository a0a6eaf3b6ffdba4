"""MXNet: a symbol as JSON, its weights as .params."""

from __future__ import annotations

from pathlib import Path

from dragoman.converters.formats import Format, Option, sniff


def _recognise(path: Path) -> bool:
    """JSON that opens like a graph of nnvm's."""
    if path.suffix.lower() != ".json":
        return False
    start = sniff(path).lstrip()
    return start.startswith(b"{") and b'"nodes"' in start and b'"op"' in start


_LIVE = "dragoman.converters.mxnet.live"

FORMAT = Format(
    name="mxnet",
    title="MXNet",
    suffixes=("-symbol.json",),
    recognise=_recognise,
    importer="dragoman.converters.mxnet.importer",
    exporter="dragoman.converters.mxnet.exporter",
    weights=".params (found beside the symbol if it is called as MXNet does)",
    reader_options=(Option("input_dtype", "an input's type, where it isn't what the files say, as data:float16", multiple=True),),
    runtime="MXNet 1.9.1, here (pip install 'dragoman[mxnet]') or in another interpreter (--source-python)",
    objects=dict.fromkeys(
        (
            *("mxnet.gluon.block.HybridBlock", "mxnet.symbol.symbol.Symbol", "mxnet.symbol.numpy._symbol._Symbol"),
            "mxnet.module.base_module.BaseModule",
        ),
        _LIVE,
    ),
)
