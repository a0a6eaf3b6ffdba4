"""Pooling: dilations, and the last window of ceil_mode."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.opsets.step import CannotConvertError, Emitter, attribute, lowers, needed, sizes


@lowers(19, "AveragePool")
def average_without_dilations(node: ir.Node, e: Emitter) -> None:
    """Dilations came with 19."""
    if any(d != 1 for d in attribute(node, "dilations", ())):
        raise CannotConvertError("the average of a dilated window")
    node.attributes.pop("dilations", None)


@lowers(18, "LpPool")
def lp_without_dilations(node: ir.Node, e: Emitter) -> None:
    """Dilations came with 18."""
    if any(d != 1 for d in attribute(node, "dilations", ())):
        raise CannotConvertError("the norm of a dilated window")
    node.attributes.pop("dilations", None)


@dataclass(frozen=True)
class _Axis:
    """One spatial axis of a pooling window: sizes in elements, ``kernel`` with its dilation; ``size`` None if it is dynamic."""

    size: int | None
    kernel: int
    stride: int
    before: int
    after: int

    @property
    def may_drop(self) -> bool:
        """Whether, at some size, the last window of ceil_mode starts in the padding at the end."""
        return self.after + self.stride > self.kernel

    def all_windows(self, size: int) -> int:
        """How many windows ceil_mode has if none is dropped."""
        return -(-(size + self.before + self.after - self.kernel) // self.stride) + 1

    def windows(self, size: int) -> int:
        """How many of them start before the padding at the end."""
        return min(self.all_windows(size), (size + self.before - 1) // self.stride + 1)


@lowers(22, "MaxPool", "AveragePool")
def ceil_mode_as_padding(node: ir.Node, e: Emitter) -> ir.Value | tuple[ir.Value, ...] | None:
    """Since 22 a window that starts in the padding at the end is dropped; before, nothing said so. Where that happens, the
    same windows come from floor and another padding. A window never counts what lies beyond its own padding, so an average
    over the padding pads first."""
    if not attribute(node, "ceil_mode", 0) or attribute(node, "auto_pad", "NOTSET") != "NOTSET":
        return None
    x = needed(node, 0)
    axes = _axes(node, sizes(x)[2:])
    if not any(axis.may_drop for axis in axes):
        return None
    known = [axis.size for axis in axes if axis.size is not None]
    if len(known) < len(axes):
        raise CannotConvertError("ceil_mode with a last window that starts in the padding at some of its dynamic sizes")
    counts = [axis.windows(size) for axis, size in zip(axes, known, strict=True)]
    if counts == [axis.all_windows(size) for axis, size in zip(axes, known, strict=True)]:
        return None
    before, after = [axis.before for axis in axes], [axis.after for axis in axes]
    filled = known
    if node.op_type == "AveragePool" and attribute(node, "count_include_pad", 0):
        x = e.op("Pad", x, e.const([0, 0, *before, 0, 0, *after], np.int64))
        filled = [axis.before + size + axis.after for axis, size in zip(axes, known, strict=True)]
        before = [0] * len(axes)
    reach = [(count - 1) * axis.stride + axis.kernel for axis, count in zip(axes, counts, strict=True)]
    after = [max(0, end - start - size) for end, start, size in zip(reach, before, filled, strict=True)]
    given = {name: attribute(node, name) for name in ("kernel_shape", "strides", "dilations", "storage_order")}
    return e.ops(node.op_type, x, outputs=len(node.outputs), pads=before + after, **given)


def _axes(node: ir.Node, spatial: tuple[int | None, ...]) -> list[_Axis]:
    kernel = attribute(node, "kernel_shape")
    ones, zeros = [1] * len(kernel), [0] * (2 * len(kernel))
    strides, dilations = attribute(node, "strides", ones), attribute(node, "dilations", ones)
    pads = attribute(node, "pads", zeros)
    return [
        _Axis(size, (kernel[i] - 1) * dilations[i] + 1, strides[i], pads[i], pads[i + len(kernel)])
        for i, size in enumerate(spatial)
    ]
