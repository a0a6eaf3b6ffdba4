"""Sequences of several lengths in one tensor."""

from __future__ import annotations

from onnx_ir import DataType, Value

from dragoman.converters.mxnet.arithmetic import cast, number, select
from dragoman.converters.mxnet.ops.arrange import flipped
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import dims


def _lengths(g: SymbolBuilder, node: Node, data: Value, given: Value | None, use: bool, axis: int, least: int) -> Value | None:
    """The lengths (N) as int64; None if they aren't used. ``axis`` of data (T, N, …) or (N, T, …) is time's."""
    if axis not in (0, 1) or g.rank(node, data) < least:
        raise g.malformed(node, f"has sequences along axis {axis} of {len(dims(data))}")
    if use and given is None:
        raise g.malformed(node, "uses the lengths of its sequences, and has no input that says them")
    return cast(g, given, DataType.INT64) if use and given is not None else None


@op("SequenceLast")
def sequence_last(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    sequence_length: Value | None = None,
    *,
    use_sequence_length: bool = False,
    axis: int = 0,
) -> Value:
    """MXNet SequenceLast: (T, N, *F), or (N, T, *F) with axis 1 → (N, *F), the last element of each sequence. sequence_last-inl.h."""
    lengths = _lengths(g, node, data, sequence_length, use_sequence_length, axis, 2)
    if lengths is None:
        return g.op("Gather", data, g.const(-1), axis=axis)
    rank = len(dims(data))
    by_sequence = data if axis == 1 else g.op("Transpose", data, perm=[1, 0, *range(2, rank)])
    places = g.op("Unsqueeze", g.op("Sub", lengths, g.const(1)), g.const([1]))
    return g.op("GatherND", by_sequence, places, batch_dims=1)


@op("SequenceMask", "_npx_sequence_mask")
def sequence_mask(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    sequence_length: Value | None = None,
    *,
    use_sequence_length: bool = False,
    value: float = 0.0,
    axis: int = 0,
) -> Value:
    """MXNet SequenceMask: (T, N, *F), or (N, T, *F) with axis 1, with ``value`` behind the end of each sequence. sequence_mask-inl.h."""
    lengths = _lengths(g, node, data, sequence_length, use_sequence_length, axis, 2)
    if lengths is None:
        return data
    steps = g.op("Range", g.const(0), g.op("Squeeze", g.dim(data, axis)), g.const(1))
    within = g.op("Less", g.op("Unsqueeze", steps, g.const([1 - axis])), g.op("Unsqueeze", lengths, g.const([axis])))
    further = list(range(2, len(dims(data))))
    return select(g, g.op("Unsqueeze", within, g.const(further)) if further else within, data, number(g, data, value))


@op("SequenceReverse")
def sequence_reverse(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    sequence_length: Value | None = None,
    *,
    use_sequence_length: bool = False,
    axis: int = 0,
) -> Value:
    """MXNet SequenceReverse: (T, N, *F) with each sequence reversed, and what is behind its end as it was. sequence_reverse-inl.h."""
    lengths = _lengths(g, node, data, sequence_length, use_sequence_length, axis, 2)
    if axis != 0:
        raise g.malformed(node, f"has the axis {axis}; MXNet reverses along axis 0 only")
    return flipped(g, data, [0]) if lengths is None else g.op("ReverseSequence", data, lengths, time_axis=0, batch_axis=1)
