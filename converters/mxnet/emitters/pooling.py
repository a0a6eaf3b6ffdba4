"""Pooling."""

from __future__ import annotations

import onnx_ir as ir

from dragoman.converters.mxnet.emitters.padding import explicit_pads, padded
from dragoman.converters.mxnet.emitters.table import emits
from dragoman.converters.mxnet.symbol import Ref
from dragoman.converters.mxnet.symbol_writer import CannotEmitError, SymbolWriter, known_sizes
from dragoman.graph_ir.passes.editing import attribute

_TYPES = {"MaxPool": "max", "AveragePool": "avg", "LpPool": "lp"}
_LOWEST = -3.4028234663852886e38


@emits("MaxPool", "AveragePool", "LpPool")
def pooling(w: SymbolWriter, node: ir.Node) -> Ref:
    """Max, average and Lp pooling of 1 to 3 axes. Windows that differ at the two ends of an axis need a Pad before."""
    x = node.inputs[0]
    kernel = list(attribute(node, "kernel_shape"))
    count = len(kernel)
    if not 1 <= count <= 3:
        raise CannotEmitError(f"it has {count} spatial axes; MXNet pools 1 to 3")
    if any(d != 1 for d in attribute(node, "dilations", [])):
        raise CannotEmitError("its windows are dilated; MXNet's aren't")
    if len(node.outputs) > 1 and node.outputs[1].uses():
        raise CannotEmitError("the indices of its maxima are read; MXNet doesn't give them")
    kind = _TYPES[node.op_type]
    strides = list(attribute(node, "strides", [1] * count))
    spatial = known_sizes(x)[2:]
    begins, ends = explicit_pads(node, spatial, kernel, strides)
    whole = attribute(node, "count_include_pad", 0) == 1
    p = attribute(node, "p", 2) if kind == "lp" else None
    if p is not None and p > 3:
        raise CannotEmitError(f"its p is {p}; MXNet's is 1, 2 or 3")
    if x is None or x.dtype is None or not x.dtype.is_floating_point():
        raise CannotEmitError("it pools integers; MXNet pools floating-point numbers")
    data = w.op("abs", w.ref(x)) if kind == "lp" else w.ref(x)
    settings = {
        "kernel": tuple(kernel),
        "stride": tuple(strides),
        "pool_type": kind,
        "p_value": p,
        "count_include_pad": whole if kind == "avg" else None,
    }
    if begins == ends and _is_full(node, spatial, kernel, strides, begins):
        return w.op("Pooling", data, pad=tuple(begins), pooling_convention="full", **settings)
    behind = _behind(node, spatial, kernel, strides, begins, ends)
    if begins == behind and (behind == ends or kind != "avg" or not whole):
        return w.op("Pooling", data, pad=tuple(begins), **settings)
    if kind != "avg" or (whole and behind == ends):
        around = padded(w, data, [0, 0, *begins], [0, 0, *behind], _LOWEST if kind == "max" else 0.0)
        return w.op("Pooling", around, **settings)
    more = [b - e for b, e in zip(behind, ends, strict=True)]
    counted = padded(w, w.op("ones_like", data), [0, 0, *begins], [0, 0, *ends], float(whole))
    counted = padded(w, counted, [0] * (count + 2), [0, 0, *more], 0.0)
    settings["pool_type"] = "sum"
    sums = w.op("Pooling", padded(w, data, [0, 0, *begins], [0, 0, *behind], 0.0), **settings)
    return w.op("elemwise_div", sums, w.op("Pooling", counted, **settings))


def _is_full(node: ir.Node, spatial: tuple[int | None, ...], kernel: list[int], strides: list[int], pads: list[int]) -> bool:
    """Whether rounding up is MXNet's ``full``, which has no rule that a window must begin before the padding behind."""
    if not attribute(node, "ceil_mode", 0):
        return False
    for size, k, s, pad in zip(spatial, kernel, strides, pads, strict=True):
        if s > k - pad and (size is None or -(-(size + 2 * pad - k) // s) * s >= size + pad):
            return False
    return True


def _behind(
    node: ir.Node, spatial: tuple[int | None, ...], kernel: list[int], strides: list[int], begins: list[int], ends: list[int]
) -> list[int]:
    """The padding behind each axis with which rounding down gives the node's size.

    ceil_mode adds a last window that isn't whole, if it begins in the input or in the padding before it.
    """
    if not attribute(node, "ceil_mode", 0):
        return ends
    behind = []
    for size, k, s, begin, end in zip(spatial, kernel, strides, begins, ends, strict=True):
        if size is None and s > 1:
            raise CannotEmitError("it rounds up, and the size of its input is dynamic")
        if size is None:
            behind.append(end)
            continue
        windows = -(-(size + begin + end - k) // s) + 1
        if (windows - 1) * s >= size + begin:
            windows -= 1
        behind.append(max((windows - 1) * s + k - size - begin, 0))
    return behind


@emits("GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool")
def global_pooling(w: SymbolWriter, node: ir.Node) -> Ref:
    """Pooling of everything."""
    kind = _TYPES[node.op_type.removeprefix("Global")]
    count = len(known_sizes(node.inputs[0])) - 2
    if not 1 <= count <= 3:
        raise CannotEmitError(f"it has {count} spatial axes; MXNet pools 1 to 3")
    p = attribute(node, "p", 2) if kind == "lp" else None
    if p is not None and p > 3:
        raise CannotEmitError(f"its p is {p}; MXNet's is 1, 2 or 3")
    data = w.op("abs", w.ref(node.inputs[0])) if kind == "lp" else w.ref(node.inputs[0])
    return w.op("Pooling", data, global_pool=True, kernel=(1,) * count, pool_type=kind, p_value=p)
