"""Padding: what MXNet's own operators can't pad, and where ONNX says it by a rule."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from dragoman.converters.mxnet.symbol import Ref
from dragoman.converters.mxnet.symbol_writer import CannotEmitError, SymbolWriter
from dragoman.graph_ir.passes.editing import attribute


def explicit_pads(
    node: ir.Node, spatial: Sequence[int | None], spans: Sequence[int], strides: Sequence[int]
) -> tuple[list[int], list[int]]:
    """The padding before and behind each axis of a convolution or pooling."""
    count = len(spans)
    auto = attribute(node, "auto_pad", "NOTSET")
    if auto in ("NOTSET", "VALID"):
        pads = attribute(node, "pads") if auto == "NOTSET" else None
        pads = list(pads or [0] * (2 * count))
        return pads[:count], pads[count:]
    begins, ends = [], []
    for size, span, stride in zip(spatial, spans, strides, strict=True):
        if size is None and stride > 1:
            raise CannotEmitError(f"{auto} pads by the size of its input, which is dynamic")
        total = max((-(-size // stride) - 1) * stride + span - size, 0) if size is not None else span - 1
        small, large = total // 2, total - total // 2
        begins.append(large if auto == "SAME_LOWER" else small)
        ends.append(small if auto == "SAME_LOWER" else large)
    return begins, ends


def padded(w: SymbolWriter, x: Ref, begins: Sequence[int], ends: Sequence[int], value: float) -> Ref:
    """``x`` with a constant around it, any rank; negative padding cuts."""
    if min(*begins, *ends) < 0:
        cut = tuple(max(-b, 0) or None for b in begins), tuple(min(e, 0) or None for e in ends)
        x = w.op("slice", x, begin=cut[0], end=cut[1])
        begins, ends = [max(b, 0) for b in begins], [max(e, 0) for e in ends]
    if not any(begins) and not any(ends):
        return x
    if len(begins) in (4, 5) and not any([*begins[:2], *ends[:2]]):
        width = tuple(n for pair in zip(begins, ends, strict=True) for n in pair)
        return w.op("Pad", x, mode="constant", pad_width=width, constant_value=value)
    return w.op("_npi_pad", x, mode="constant", pad_width=tuple(zip(begins, ends, strict=True)), constant_value=value)
