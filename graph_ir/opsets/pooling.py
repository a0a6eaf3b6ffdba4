"""Pooling: dilations, the last window of ceil_mode, and small integers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.opsets.arithmetic import Arithmetic, Number, whole
from dragoman.graph_ir.opsets.step import CannotConvertError, Emitter, attribute, lowers, needed, numpy_dtype, raises


@lowers(22, "MaxPool", "AveragePool", "LpPool")
def ceil_mode_as_padding(node: ir.Node, e: Emitter) -> ir.Value | tuple[ir.Value, ...] | None:
    """Since 22 a window that starts in the padding at the end is dropped; before, nothing said so. Where that happens, the
    same windows come from floor and another padding; where it may happen at some dynamic size, or the padding would be as large
    as the window, which ONNX Runtime doesn't take, they are cut off if they are there. A window never counts what lies beyond
    its own padding, so an average over the padding pads first.
    """
    if not attribute(node, "ceil_mode", 0) or attribute(node, "auto_pad", "NOTSET").startswith("SAME"):
        return None
    n = Arithmetic(e)
    x = needed(node, 0)
    axes = _axes(node, n)
    if not any(axis.may_drop for axis in axes):
        return None
    counts = [axis.windows(n) for axis in axes]
    static = all(isinstance(count, np.ndarray) for count in counts)
    if static and counts == [axis.all_windows(n) for axis in axes]:
        return None
    _set_windows(node, counts)
    before, after = [axis.before for axis in axes], [axis.after for axis in axes]
    length = [axis.size for axis in axes]
    if node.op_type == "AveragePool" and attribute(node, "count_include_pad", 0):
        x = e.op("Pad", x, e.vector(0, 0, *before, 0, 0, *after))
        length = [n.add(axis.size, whole(axis.before + axis.after)) for axis in axes]
        before, after = [0] * len(axes), [0] * len(axes)
    given = {name: attribute(node, name) for name in ("kernel_shape", "strides", "dilations", "storage_order", "p")}
    needed_after = [
        n.maximum(whole(0), n.sub(axis.reach(count, n), n.add(size, whole(start))))
        for axis, count, start, size in zip(axes, counts, before, length, strict=True)
    ]
    if any(not isinstance(pad, np.ndarray) or pad.item() >= axis.taps for pad, axis in zip(needed_after, axes, strict=True)):
        outs = e.ops(node.op_type, x, outputs=len(node.outputs), pads=before + after, ceil_mode=1, **given)
        return tuple(_first_windows(out, counts, n) for out in outs)
    after = [_known(pad) for pad in needed_after]
    return e.ops(node.op_type, x, outputs=len(node.outputs), pads=before + after, **given)


@raises(19, "AveragePool")
def average_of_a_window_larger_than_everything(node: ir.Node, e: Emitter) -> None:
    """Where padding counts, ONNX Runtime divided by all of such a window before 19, and since by what isn't beyond the padding:
    there is more of that then."""
    if not attribute(node, "count_include_pad", 0) or needed(node, 0).shape is None:
        return
    axes = _axes(node, Arithmetic(e))
    lacking = [axis.lacking for axis in axes]
    if max(lacking) > 0:
        pads = [axis.before for axis in axes] + [axis.after + more for axis, more in zip(axes, lacking, strict=True)]
        node.attributes["auto_pad"] = ir.AttrString("auto_pad", "NOTSET")
        node.attributes["pads"] = ir.AttrInt64s("pads", pads)


@lowers(19, "AveragePool")
def average_without_dilations(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Dilations came with 19: the sum by Conv, over the number of elements that each window counts.

    So it is with automatic padding that is negative, for windows that leave elements out: ONNX Runtime doesn't run that before. For
    windows larger than everything see above.
    """
    n = Arithmetic(e)
    axes = _axes(node, n)
    if not any(axis.dilation != 1 or axis.leaves_out(n) for axis in axes):
        node.attributes.pop("dilations", None)
        if attribute(node, "count_include_pad", 0):
            smaller = [axis.kernel - axis.lacking for axis in axes]
            node.attributes["kernel_shape"] = ir.AttrInt64s("kernel_shape", smaller)
        return None
    include = bool(attribute(node, "count_include_pad", 0))
    divisor: Number = np.array([1])
    for i, axis in enumerate(axes):
        divisor = n.mul(divisor, n.along(axis.counted(n, include=include), 2 + i, 2 + len(axes)))
    x = needed(node, 0)
    return e.op("Div", _window_sums(node, x, axes, e), n.value(n.cast(divisor, numpy_dtype(x))))


@lowers(18, "LpPool")
def lp_without_dilations(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Dilations and ceil_mode came with 18: (Σ |x|^p)^(1/p), the sum by Conv."""
    if all(d == 1 for d in attribute(node, "dilations", ())) and not attribute(node, "ceil_mode", 0):
        for name in ("dilations", "ceil_mode"):
            node.attributes.pop(name, None)
        return None
    x, p = needed(node, 0), attribute(node, "p", 2)
    power = e.op("Pow", e.op("Abs", x), e.const(p, numpy_dtype(x)))
    total = _window_sums(node, power, _axes(node, Arithmetic(e)), e)
    return e.op("Pow", total, e.const(1 / p, numpy_dtype(x)))


def _set_windows(node: ir.Node, counts: list[Number]) -> None:
    """Give the outputs the sizes that they have: onnx's inference counts some windows that are dropped."""
    for out in node.outputs:
        if out.shape is not None:
            known = [int(count.item()) if isinstance(count, np.ndarray) else None for count in counts]
            out.shape = ir.Shape([*out.shape[:2], *(new or old for new, old in zip(known, out.shape[2:], strict=True))])


# -- windows ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Axis:
    """One spatial axis of a window: sizes in elements, ``kernel`` with its dilation."""

    size: Number
    taps: int
    dilation: int
    stride: int
    before: int
    after: int
    same: bool
    """Whether the padding makes ⌈size / stride⌉ windows: ``before`` says then whether an odd element is put before."""
    ceil: bool

    @property
    def kernel(self) -> int:
        return (self.taps - 1) * self.dilation + 1

    def leaves_out(self, n: Arithmetic) -> bool:
        """Whether automatic padding may be negative."""
        if not self.same or self.stride <= self.kernel:
            return False
        missing = n.sub(self.reach(self.all_windows(n), n), self.size)
        return not isinstance(missing, np.ndarray) or missing.item() < 0

    @property
    def lacking(self) -> int:
        """By how much a single window is known to be larger than the input and its padding."""
        if self.same or not isinstance(self.size, np.ndarray):
            return 0
        more = self.kernel - int(self.size.item()) - self.before - self.after
        return more if 0 < more < self.stride else 0

    @property
    def may_drop(self) -> bool:
        """Whether, at some size, the last window of ceil_mode starts in the padding at the end."""
        return self.after + self.stride > self.kernel

    def all_windows(self, n: Arithmetic) -> Number:
        """How many windows there are if none is dropped."""
        if self.same:
            return n.div(n.add(self.size, whole(self.stride - 1)), whole(self.stride))
        more = self.stride - 1 if self.ceil else 0
        room = n.add(self.size, whole(self.before + self.after - self.kernel + more))
        return n.add(n.div(room, whole(self.stride)), whole(1))

    def windows(self, n: Arithmetic) -> Number:
        """How many of them start before the padding at the end."""
        if self.same or not self.ceil:
            return self.all_windows(n)
        starts = n.add(n.div(n.add(self.size, whole(self.before - 1)), whole(self.stride)), whole(1))
        return n.minimum(self.all_windows(n), starts)

    def reach(self, count: Number, n: Arithmetic) -> Number:
        """The elements from the start of the first window to the end of the last."""
        return n.add(n.mul(n.sub(count, whole(1)), whole(self.stride)), whole(self.kernel))

    def padding(self, n: Arithmetic) -> tuple[Number, Number]:
        """The elements before and after, as the model says it, or for as many windows as SAME says: fewer than none if those leave
        elements out, as ONNX Runtime has it."""
        if not self.same:
            return whole(self.before), whole(self.after)
        missing = n.sub(self.reach(self.windows(n), n), self.size)
        before = n.div(n.add(missing, whole(self.before)), whole(2))
        return before, n.sub(missing, before)

    def counted(self, n: Arithmetic, *, include: bool) -> Number:
        """(windows,): how many of the elements of each window are in the input, or, to ``include`` it, in its padding."""
        before, after = self.padding(n)
        taps = n.along(n.mul(n.count(whole(self.taps)), whole(self.dilation)), 1, 2)
        start = n.sub(n.along(n.mul(n.count(self.windows(n)), whole(self.stride)), 0, 2), before)
        at = n.add(start, taps)
        end = n.add(self.size, after) if include else self.size
        outside = n.negation(n.less(at, end))
        if not include:
            outside = n.either(outside, n.less(at, whole(0)))
        inside = n.cast(n.negation(outside), np.float32)
        return n.cast(n.total(inside, 1), np.int64)


def _axes(node: ir.Node, n: Arithmetic) -> list[_Axis]:
    kernel = attribute(node, "kernel_shape")
    ones, zeros = [1] * len(kernel), [0] * (2 * len(kernel))
    strides, dilations = attribute(node, "strides", ones), attribute(node, "dilations", ones)
    auto = attribute(node, "auto_pad", "NOTSET")
    pads = attribute(node, "pads", zeros) if auto == "NOTSET" else zeros
    if auto == "SAME_LOWER":
        pads = ones + pads[len(kernel) :]
    same, ceil = auto.startswith("SAME"), bool(attribute(node, "ceil_mode", 0))
    x = needed(node, 0)
    return [
        _Axis(n.size(x, 2 + i), kernel[i], dilations[i], strides[i], pads[i], pads[i + len(kernel)], same, ceil)
        for i in range(len(kernel))
    ]


def _known(number: Number) -> int:
    assert isinstance(number, np.ndarray)
    return int(number.item())


def _first_windows(x: ir.Value, counts: list[Number], n: Arithmetic) -> ir.Value:
    """``x``, of which an older opset doesn't say how many windows it has, cut to ``counts``."""
    if x.shape is not None:
        x.shape = ir.Shape([*x.shape[:2], *[None] * len(counts)])
    for i, count in enumerate(counts):
        x = n.crop(x, 2 + i, whole(0), count)
    return x


def _window_sums(node: ir.Node, x: ir.Value, axes: list[_Axis], e: Emitter) -> ir.Value:
    """(N, C, …) → (N, C, windows …): what is in each window, every channel by itself, as one Conv of ones."""
    if any(axis.same and axis.dilation != 1 for axis in axes):
        # ONNX Runtime pads as if the window weren't dilated, and the standard doesn't.
        raise CannotConvertError("automatic padding of dilated windows")
    n = Arithmetic(e)
    counts = [axis.windows(n) for axis in axes]
    _set_windows(node, counts)
    before = [axis.padding(n)[0] for axis in axes]
    after = [
        n.maximum(whole(0), n.sub(n.sub(axis.reach(count, n), axis.size), start))
        for axis, count, start in zip(axes, counts, before, strict=True)
    ]
    padded = e.op("Pad", x, n.value(n.concat([whole(0, 0), *before, whole(0, 0), *after])))
    channels = [n.size(x, 0), n.size(x, 1)]
    alone = e.op(
        "Reshape", padded, n.value(n.concat([n.mul(*channels), whole(1), *(n.size(padded, 2 + i) for i in range(len(axes)))]))
    )
    taps = [axis.taps for axis in axes]
    ones = e.const(np.ones([1, 1, *taps]), numpy_dtype(x))
    sums = e.op("Conv", alone, ones, strides=[axis.stride for axis in axes], dilations=[axis.dilation for axis in axes])
    return n.reshape(sums, [*channels, *counts])
