"""Shapes: reshaping, transposing, joining and cutting."""

from __future__ import annotations

import onnx_ir as ir

from dragoman.converters.mxnet.emitters.padding import padded
from dragoman.converters.mxnet.emitters.table import emits
from dragoman.converters.mxnet.symbol import Ref
from dragoman.converters.mxnet.symbol_writer import CannotEmitError, SymbolWriter, known_sizes
from dragoman.graph_ir.passes.editing import attribute


@emits("Shape", "Size")
def shape_of(w: SymbolWriter, node: ir.Node) -> Ref:
    """Sizes that a graph computes with aren't MXNet's to give: its operators take them as settings."""
    del w, node
    raise CannotEmitError("it reads sizes while it runs; give the inputs fixed sizes (--input NAME:SIZES)")


@emits("Reshape")
def reshape(w: SymbolWriter, node: ir.Node) -> Ref:
    """0 keeps an axis and -1 is what remains, in both. A scalar needs numpy's reshape."""
    shape = w.ints(node, 1, "shape") or ()
    if attribute(node, "allowzero", 0) and 0 in shape:
        raise CannotEmitError("it makes a tensor without elements")
    return _reshaped(w, w.ref(node.inputs[0]), shape)


def _reshaped(w: SymbolWriter, x: Ref, shape: tuple[int, ...]) -> Ref:
    return w.op("Reshape", x, shape=shape) if shape else w.op("_np_reshape", x, newshape=())


@emits("Flatten")
def flatten(w: SymbolWriter, node: ir.Node) -> Ref:
    """To a matrix; the first ``axis`` axes are its rows."""
    shape = known_sizes(node.inputs[0])
    axis = attribute(node, "axis", 1)
    axis += len(shape) if axis < 0 else 0
    x = w.ref(node.inputs[0])
    if axis == 1 and len(shape) > 1:
        return w.op("Flatten", x)
    if axis == len(shape):
        return w.op("Reshape", x, shape=(-1, 1))
    rows = shape[:axis]
    if None in rows:
        raise CannotEmitError("an axis that it joins into the rows is dynamic")
    count = 1
    for size in rows:
        count *= size or 0
    return w.op("Reshape", x, shape=(count, -1))


@emits("Squeeze")
def squeeze(w: SymbolWriter, node: ir.Node) -> Ref:
    """Without axes of size 1."""
    shape = known_sizes(node.inputs[0])
    given = w.ints(node, 1, "axes")
    if given is None and None in shape:
        raise CannotEmitError("it takes away the axes of size 1, and a size is dynamic")
    axes = {i for i, n in enumerate(shape) if n == 1} if given is None else {a % len(shape) for a in given}
    if len(axes) == len(shape):
        return _reshaped(w, w.ref(node.inputs[0]), ())
    return w.op("squeeze", w.ref(node.inputs[0]), axis=tuple(sorted(axes))) if axes else w.op("_copy", w.ref(node.inputs[0]))


@emits("Unsqueeze")
def unsqueeze(w: SymbolWriter, node: ir.Node) -> Ref:
    """With new axes of size 1."""
    axes = w.ints(node, 1, "axes") or ()
    rank = len(known_sizes(node.inputs[0])) + len(axes)
    x = w.ref(node.inputs[0])
    for axis in sorted(a % rank for a in axes):
        x = w.op("expand_dims", x, axis=axis)
    return x


@emits("Transpose")
def transpose(w: SymbolWriter, node: ir.Node) -> Ref:
    """Axes in another order."""
    rank = len(known_sizes(node.inputs[0]))
    return w.op("transpose", w.ref(node.inputs[0]), axes=tuple(attribute(node, "perm", range(rank - 1, -1, -1))))


@emits("Concat")
def concat(w: SymbolWriter, node: ir.Node) -> Ref:
    """One behind the other."""
    refs = [w.ref(value) for value in node.inputs]
    return w.op("Concat", *refs, dim=attribute(node, "axis"), num_args=len(refs))


@emits("Split")
def split(w: SymbolWriter, node: ir.Node) -> tuple[Ref, ...]:
    """Equal parts → SliceChannel, others → _split_v2."""
    x, count = w.ref(node.inputs[0]), len(node.outputs)
    shape = known_sizes(node.inputs[0])
    axis = attribute(node, "axis", 0) % len(shape)
    parts = w.ints(node, 1, "parts")
    if parts is None or len(set(parts)) == 1:
        first = w.op("SliceChannel", x, axis=axis, num_outputs=count, squeeze_axis=False)
    else:
        starts = tuple(sum(parts[:i]) for i in range(count))
        first = w.op("_split_v2", x, axis=axis, indices=starts, sections=0, squeeze_axis=False)
    return tuple(Ref(first.node, i) for i in range(count))


@emits("Slice")
def slice_(w: SymbolWriter, node: ir.Node) -> Ref:
    """Begin, end and step of some axes; limits beyond the ends are the ends."""
    rank = len(known_sizes(node.inputs[0]))
    starts, ends = w.ints(node, 1, "starts") or (), w.ints(node, 2, "ends") or ()
    axes = w.ints(node, 3, "axes") or tuple(range(len(starts)))
    steps = w.ints(node, 4, "steps") or (1,) * len(starts)
    begin: list[int | None] = [None] * rank
    end, step = list(begin), list(begin)
    shape = known_sizes(node.inputs[0])
    for axis, b, e, s in zip(axes, starts, ends, steps, strict=True):
        at = axis % rank
        begin[at], end[at], step[at] = _limit(b, shape[at], s, first=True), _limit(e, shape[at], s, first=False), s
    if all(s in (None, 1) for s in step):
        return w.op("slice", w.ref(node.inputs[0]), begin=tuple(begin), end=tuple(end))
    return w.op("slice", w.ref(node.inputs[0]), begin=tuple(begin), end=tuple(end), step=tuple(step))


def _limit(value: int, size: int | None, step: int, *, first: bool) -> int | None:
    """A limit within the axis; None is the axis's own end in the direction of the step."""
    forward = step > 0
    if first and (value == 0 if forward else value in (-1,) or value >= (1 << 31) - 1):
        return None
    if not first and (value >= (1 << 31) - 1 if forward else value <= -(1 << 31)):
        return None
    if size is None:
        return value
    if forward:
        value = min(max(value + size if value < 0 else value, 0), size)
        return None if value == (0 if first else size) else value
    value = min(max(value + size if value < 0 else value, 0 if first else -1), size - 1)
    return value if value >= 0 else None


@emits("Expand")
def expand(w: SymbolWriter, node: ir.Node) -> Ref:
    """Broadcast to a shape that broadcasts with the input's own."""
    wanted = w.ints(node, 1, "shape") or ()
    shape = known_sizes(node.inputs[0])
    rank = max(len(shape), len(wanted))
    own: tuple[int | None, ...] = (1,) * (rank - len(shape)) + shape
    other = (1,) * (rank - len(wanted)) + wanted
    x = w.ref(node.inputs[0])
    for _ in range(rank - max(len(shape), 1)):  # a constant scalar is one element to MXNet
        x = w.op("expand_dims", x, axis=0)
    sizes = tuple(0 if n == 1 else n for n in other)  # 0 keeps an axis
    if any(n == 0 for n in other) or not sizes:
        raise CannotEmitError("it makes a tensor without elements, or a scalar")
    return w.op("broadcast_to", x, shape=tuple(0 if s == o else s for s, o in zip(sizes, own, strict=True)))


@emits("Tile")
def tile(w: SymbolWriter, node: ir.Node) -> Ref:
    """Repeated along each axis; MXNet can't do many axes at once."""
    x, repeats = w.ref(node.inputs[0]), w.ints(node, 1, "repeats") or ()
    for axis, count in enumerate(repeats):
        if count != 1:
            x = w.op("tile", x, reps=tuple(count if i == axis else 1 for i in range(len(repeats))))
    return x if any(count != 1 for count in repeats) else w.op("_copy", x)


@emits("Pad")
def pad(w: SymbolWriter, node: ir.Node) -> Ref:
    """A constant, the edge, or a reflection around the tensor."""
    mode = attribute(node, "mode", "constant")
    pads = list(w.ints(node, 1, "pads") or ())
    rank = len(pads) // 2
    begins, ends = pads[:rank], pads[rank:]
    if mode == "constant":
        value = node.inputs[2] if len(node.inputs) > 2 else None
        constant = 0.0 if value is None else float(w.array(value, "value").reshape(-1)[0])
        return padded(w, w.ref(node.inputs[0]), begins, ends, constant)
    if mode not in ("edge", "reflect") or min(pads) < 0:
        raise CannotEmitError(f"it pads by {mode}{', and cuts' if min(pads) < 0 else ''}; MXNet has constant, edge and reflect")
    return w.op("_npi_pad", w.ref(node.inputs[0]), mode=mode, pad_width=tuple(zip(begins, ends, strict=True)))


@emits("DepthToSpace", "SpaceToDepth")
def depth(w: SymbolWriter, node: ir.Node) -> Ref:
    """Blocks of pixels into channels and back; CRD is spelled out."""
    block = attribute(node, "blocksize")
    operator = "depth_to_space" if node.op_type == "DepthToSpace" else "space_to_depth"
    if attribute(node, "mode", "DCR") == "DCR":
        return w.op(operator, w.ref(node.inputs[0]), block_size=block)
    _, channels, height, width = known_sizes(node.inputs[0])
    if channels is None or height is None or width is None:
        raise CannotEmitError("a size of its input is dynamic")
    apart = w.op("Reshape", w.ref(node.inputs[0]), shape=(0, channels // block**2, block, block, height, width))
    return w.op("Reshape", w.op("transpose", apart, axes=(0, 1, 4, 2, 5, 3)), shape=(0, 0, height * block, width * block))
