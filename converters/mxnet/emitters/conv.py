"""Convolutions and transposed convolutions."""

from __future__ import annotations

import onnx_ir as ir

from dragoman.converters.mxnet.emitters.padding import explicit_pads, padded
from dragoman.converters.mxnet.emitters.table import emits
from dragoman.converters.mxnet.symbol import Ref
from dragoman.converters.mxnet.symbol_writer import CannotEmitError, SymbolWriter, known_sizes, sizes
from dragoman.graph_ir.passes.editing import attribute


@emits("Conv")
def conv(w: SymbolWriter, node: ir.Node) -> Ref:
    """Conv → Convolution, behind a Pad where the two ends of an axis are padded differently."""
    x, weight, bias = _inputs(node)
    kernel = sizes(weight, "its weight")[2:]
    count = _axes(kernel)
    strides, dilations = attribute(node, "strides", [1] * count), attribute(node, "dilations", [1] * count)
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    begins, ends = explicit_pads(node, known_sizes(x)[2:], spans, strides)
    data = w.ref(x)
    if begins != ends:
        data = padded(w, data, [0, 0, *begins], [0, 0, *ends], 0.0)
        begins = [0] * count
    return w.op(
        "Convolution",
        *(data, w.ref(weight)),
        *([w.ref(bias)] if bias is not None else []),
        kernel=kernel,
        stride=tuple(strides),
        dilate=tuple(dilations),
        pad=tuple(begins),
        num_filter=sizes(weight, "its weight")[0],
        num_group=attribute(node, "group", 1),
        no_bias=bias is None,
    )


@emits("ConvTranspose")
def conv_transpose(w: SymbolWriter, node: ir.Node) -> Ref:
    """ConvTranspose → Deconvolution; what MXNet can't cut off the two ends of an axis, a slice does."""
    x, weight, bias = _inputs(node)
    kernel = sizes(weight, "its weight")[2:]
    count = _axes(kernel)
    strides, dilations = attribute(node, "strides", [1] * count), attribute(node, "dilations", [1] * count)
    extra = list(attribute(node, "output_padding", [0] * count))
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    begins, ends = _cuts(node, known_sizes(x)[2:], spans, strides, extra)
    settings = {
        "kernel": kernel,
        "stride": tuple(strides),
        "dilate": tuple(dilations),
        "num_filter": sizes(weight, "its weight")[1] * attribute(node, "group", 1),
        "num_group": attribute(node, "group", 1),
        "no_bias": bias is None,
    }
    inputs = [w.ref(value) for value in (x, weight, bias) if value is not None]
    adj = [e + b - c for e, b, c in zip(extra, begins, ends, strict=True)]  # what remains behind if `begins` is cut at both ends
    if min(begins) >= 0 and all(0 <= a < s for a, s in zip(adj, strides, strict=True)):
        return w.op("Deconvolution", *inputs, pad=tuple(begins), adj=tuple(adj), **settings)
    if min(begins) < 0 or min(c - e for c, e in zip(ends, extra, strict=True)) < 0:
        raise CannotEmitError("its output is padded beyond what a transposed convolution makes")
    whole = w.op("Deconvolution", *inputs, pad=(0,) * count, **settings)
    stops = tuple(e - c or None for e, c in zip(extra, ends, strict=True))
    return w.op("slice", whole, begin=(None, None, *begins), end=(None, None, *stops))


def _inputs(node: ir.Node) -> tuple[ir.Value, ir.Value, ir.Value | None]:
    x, weight = node.inputs[0], node.inputs[1]
    assert x is not None and weight is not None
    return x, weight, node.inputs[2] if len(node.inputs) > 2 else None


def _axes(kernel: tuple[int, ...]) -> int:
    if not 1 <= len(kernel) <= 3:
        raise CannotEmitError(f"it has {len(kernel)} spatial axes; MXNet convolves 1 to 3")
    return len(kernel)


def _cuts(
    node: ir.Node, spatial: tuple[int | None, ...], spans: list[int], strides: list[int], extra: list[int]
) -> tuple[list[int], list[int]]:
    """How much is cut off the beginning and the end of each axis."""
    count = len(spans)
    auto = attribute(node, "auto_pad", "NOTSET")
    wanted = attribute(node, "output_shape")
    if wanted is None and auto in ("NOTSET", "VALID"):
        pads = attribute(node, "pads") if auto == "NOTSET" else None
        pads = pads or [0] * (2 * count)
        return list(pads[:count]), list(pads[count:])
    begins, ends = [], []
    for axis, (size, span, stride, more) in enumerate(zip(spatial, spans, strides, extra, strict=True)):
        if wanted is None:
            total = span + more - stride  # the output is size · stride
        elif size is None:
            raise CannotEmitError("the size of its input is dynamic, and output_shape decides the padding by it")
        else:
            total = (size - 1) * stride + span + more - wanted[-count:][axis]
            if total < 0:  # the output is larger than what the input makes: at its end
                begins.append(0)
                ends.append(total)
                continue
        small, large = total // 2, total - total // 2
        begins.append(large if auto == "SAME_LOWER" else small)
        ends.append(small if auto == "SAME_LOWER" else large)
    return begins, ends
