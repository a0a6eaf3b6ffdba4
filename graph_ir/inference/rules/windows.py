"""Convolutions and poolings."""

from __future__ import annotations

from collections.abc import Sequence

from dragoman.graph_ir.inference.call import Call, UnknownError, unless_none
from dragoman.graph_ir.inference.dimension import ceil_divide, minimum
from dragoman.graph_ir.inference.facts import UNKNOWN, Fact, Tensor, show
from dragoman.graph_ir.inference.size import Dim
from dragoman.graph_ir.inference.table import MICROSOFT, rule


@rule("Conv", "ConvInteger", "DeformConv")
@rule("FusedConv", domain=MICROSOFT)
def conv(c: Call) -> Fact:
    """X (n, c, d…), W (m, c / group, k…) → (n, m, windows…)."""
    return Tensor(None, convolved(c, c.dims(0), c.dims(1)))


@rule("QLinearConv")
def quantized_conv(c: Call) -> Fact:
    """The same; X and W are inputs 0 and 3."""
    return Tensor(None, convolved(c, c.dims(0), c.dims(3)))


def convolved(c: Call, x: tuple[Dim, ...], w: tuple[Dim, ...]) -> tuple[Dim, ...]:
    """The shape that the filter ``w`` makes of ``x``."""
    if len(x) != len(w) or len(x) < 3:
        c.fail(f"its input {show(x)} and weights {show(w)} don't fit: they must have one rank, 3 at least")
    group = c.number("group", 1)
    if isinstance(x[1], int) and isinstance(w[1], int) and x[1] != w[1] * group:
        c.fail(f"its input {show(x)} has {x[1]} channels, its weights {show(w)} in {group} groups take {w[1] * group}")
    kernel: Sequence[Dim] = c.numbers("kernel_shape") or w[2:]
    return (x[0], w[0], *windows(c, x[2:], kernel))


def windows(c: Call, sizes: Sequence[Dim], kernel: Sequence[Dim], *, ceil: bool = False) -> list[Dim]:
    """⌊(d + pads - dilation·(k - 1) - 1) / stride⌋ + 1 along each axis: one for a window larger than all by less than its stride.

    ``auto_pad``: SAME gives ⌈d / stride⌉, VALID has no pads. ``ceil``: rounded up, but a last window that would start
    in the end's padding is dropped.
    """
    rank = len(sizes)
    if len(kernel) != rank:
        c.fail(f"has a window of {len(kernel)} dimensions for {rank}")
    strides, dilations = c.numbers("strides") or [1] * rank, c.numbers("dilations") or [1] * rank
    automatic = c.text("auto_pad", "NOTSET")
    pads = (c.numbers("pads") if automatic == "NOTSET" else None) or [0] * (2 * rank)
    if not (len(strides) == len(dilations) == rank and len(pads) == 2 * rank) or min(strides, default=1) < 1:
        c.fail(f"its strides {strides}, dilations {dilations} and pads {pads} don't fit {rank} dimensions")
    found: list[Dim] = []
    for axis, (d, k, s, dilation) in enumerate(zip(sizes, kernel, strides, dilations, strict=True)):
        if automatic.startswith("SAME"):
            found.append(ceil_divide(d, s))
            continue
        before, after = pads[axis], pads[axis + rank]
        room = d + (before + after - 1) - (k - 1) * dilation
        if isinstance(room, int) and room // s + 1 < 0:
            c.fail(f"a window of {k} (dilation {dilation}) is larger than {d} with pads {before} and {after}")
        rounded = ceil or (isinstance(room, int) and room < 0)  # onnx, and ONNX Runtime, cut what is negative towards zero
        count = (ceil_divide(room, s) if rounded else room // s) + 1
        if ceil and s > 1:
            # window i starts at i·stride, and must start before d + before
            count = minimum(count, ceil_divide(d + before, s))
        found.append(count)
    return found


@rule("MaxPool", "AveragePool", "LpPool")
def pool(c: Call) -> list[Fact]:
    """(n, c, d…) → (n, c, windows…), and of MaxPool where the maxima stand."""
    x = c.dims(0)
    kernel = c.numbers("kernel_shape")
    if kernel is None or len(x) < 3:
        raise UnknownError
    dims = (*x[:2], *windows(c, x[2:], kernel, ceil=c.number("ceil_mode", 0) == 1))
    return [Tensor(None, dims)] * 2


@rule("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
def global_pool(c: Call) -> Fact:
    """(n, c, d…) → (n, c, 1…)."""
    x = c.dims(0)
    if len(x) < 2:
        c.fail(f"its input {show(x)} has no channels")
    return Tensor(None, (*x[:2], *(1 for _ in x[2:])))


@rule("ConvTranspose")
def conv_transpose(c: Call) -> Fact:
    """X (n, c, d…), W (c, m / group, k…) → (n, m, stride·(d - 1) + dilation·(k - 1) + 1 + output_padding - pads …).

    With SAME and without ``output_shape`` it is d·stride.
    """
    x, w = c.dims(0), c.dims(1)
    if len(x) != len(w) or len(x) < 3:
        c.fail(f"its input {show(x)} and weights {show(w)} don't fit: they must have one rank, 3 at least")
    if isinstance(x[1], int) and isinstance(w[0], int) and x[1] != w[0]:
        c.fail(f"its input {show(x)} has {x[1]} channels, its weights {show(w)} take {w[0]}")
    channels = w[1] * c.number("group", 1)
    rank = len(x) - 2
    if wanted := c.numbers("output_shape"):
        return Tensor(None, (x[0], channels, *wanted[-rank:]))
    kernel: Sequence[Dim] = c.numbers("kernel_shape") or w[2:]
    strides, dilations = c.numbers("strides") or [1] * rank, c.numbers("dilations") or [1] * rank
    extra = c.numbers("output_padding") or [0] * rank
    automatic = c.text("auto_pad", "NOTSET")
    pads = (c.numbers("pads") if automatic == "NOTSET" else None) or [0] * (2 * rank)
    if not (len(kernel) == len(strides) == len(dilations) == len(extra) == rank and len(pads) == 2 * rank):
        c.fail(f"its settings don't fit {rank} dimensions")
    found: list[Dim] = []
    for axis, d in enumerate(x[2:]):
        if automatic.startswith("SAME"):
            found.append(d * strides[axis])
            continue
        full = (d - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1 + extra[axis]
        found.append(full - pads[axis] - pads[axis + rank])
    return Tensor(None, (x[0], channels, *found))


@rule("MaxUnpool")
def max_unpool(c: Call) -> Fact:
    """(n, c, d…) → (n, c, stride·(d - 1) + k - pads …), or ``output_shape``."""
    x = c.dims(0)
    if c.has(2):
        sizes = c.sizes(2)
        return Tensor(None, tuple(map(unless_none, sizes)) if sizes is not None else (UNKNOWN,) * len(x))
    kernel = c.numbers("kernel_shape") or []
    rank = len(x) - 2
    strides, pads = c.numbers("strides") or [1] * rank, c.numbers("pads") or [0] * (2 * rank)
    sizes_ = [(d - 1) * s + k - b - e for d, s, k, b, e in zip(x[2:], strides, kernel, pads, pads[rank:], strict=False)]
    return Tensor(None, (*x[:2], *sizes_))


@rule("MaxRoiPool")
def max_roi_pool(c: Call) -> Fact:
    """X (n, c, h, w), regions (r, 5) → (r, c, pooled h, pooled w)."""
    return Tensor(None, (c.dims(1)[0], c.dims(0)[1], *(c.numbers("pooled_shape") or [])))


@rule("RoiAlign")
def roi_align(c: Call) -> Fact:
    """X (n, c, h, w), regions (r, 4) → (r, c, output_height, output_width)."""
    return Tensor(None, (c.dims(1)[0], c.dims(0)[1], c.number("output_height", 1), c.number("output_width", 1)))
