"""Layouts: ONNX has the channels second, MXNet has them there or last."""

from __future__ import annotations

from typing import Literal

from onnx_ir import Value

from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder

Layout = Literal["None", "NCW", "NCHW", "NCDHW", "NWC", "NHWC", "NDHWC"]


def check_layout(g: SymbolBuilder, node: Node, data: Value, kernel: tuple[int, ...], layout: Layout) -> None:
    """The data has as many spatial axes as the kernel, one to three of them, and as the layout."""
    rank = g.rank(node, data)
    if rank - 2 not in (1, 2, 3) or len(kernel) not in (0, rank - 2) or (layout != "None" and len(layout) != rank):
        wanted = f", the layout {layout}" if layout != "None" else ""
        raise g.malformed(node, f"its input has {rank} axes, its kernel {kernel} {len(kernel)} of them{wanted}")


def channels_first(g: SymbolBuilder, value: Value, layout: Layout) -> Value:
    """(N, *S, C) → (N, C, *S), if the layout has the channels last."""
    if not layout.endswith("C"):
        return value
    return g.op("Transpose", value, perm=[0, len(layout) - 1, *range(1, len(layout) - 1)])


def channels_back(g: SymbolBuilder, value: Value, layout: Layout) -> Value:
    """(N, C, *S) → (N, *S, C), if the layout has the channels last."""
    return g.op("Transpose", value, perm=[0, *range(2, len(layout)), 1]) if layout.endswith("C") else value
