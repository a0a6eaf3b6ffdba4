"""What transformers need around attention: rotary positions, and writing into a cache."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.opsets.dimensions import counted, part_or_rest, size, times, vector
from dragoman.graph_ir.opsets.step import CannotConvertError, Emitter, attribute, input_at, lowers, needed, rank, sizes

_ALL = np.iinfo(np.int64).max


@lowers(23, "RotaryEmbedding")
def rotary_embedding(node: ir.Node, e: Emitter) -> ir.Value:
    """Each pair (a, b) of a head's first elements becomes (a · cos − b · sin, a · sin + b · cos), the angle that of its position.

    x (B, H, S, D), or (B, S, H · D); a pair is two neighbours if ``interleaved``, else the same place in both halves.
    """
    given = needed(node, 0)
    heads_first = rank(given) == 4
    x = given if heads_first else _by_head(node, given, e)
    cos, sin = (_angles(node, needed(node, i), 1 if heads_first else 2, e) for i in (1, 2))
    half = size(cos, -1, e)
    turned = times(half, 2, e)
    wanted = attribute(node, "rotary_embedding_dim", 0) or sizes(x)[3]
    if isinstance(turned, int) and wanted not in (turned, None):
        raise CannotConvertError(f"{half} angles for {wanted} elements, two of which share one")
    start, end, last = e.const([0], np.int64), vector(e, turned), e.const([-1], np.int64)
    if attribute(node, "interleaved", 0):
        two = e.const([2], np.int64)
        a, b = e.op("Slice", x, start, end, last, two), e.op("Slice", x, e.const([1], np.int64), end, last, two)
    else:
        middle = vector(e, half)
        a, b = e.op("Slice", x, start, middle, last), e.op("Slice", x, middle, end, last)
    real = e.op("Sub", e.op("Mul", a, cos), e.op("Mul", b, sin))
    imaginary = e.op("Add", e.op("Mul", a, sin), e.op("Mul", b, cos))
    if attribute(node, "interleaved", 0):
        pair = [e.op("Unsqueeze", value, last) for value in (real, imaginary)]
        flat = e.const([0, 0, 0, turned if isinstance(turned, int) else -1], np.int64)
        pieces = [e.op("Reshape", e.op("Concat", *pair, axis=-1), flat)]
    else:
        pieces = [real, imaginary]
    if attribute(node, "rotary_embedding_dim", 0) and sizes(x)[3] != turned:
        pieces.append(e.op("Slice", x, end, e.const([_ALL], np.int64), last))
    y = e.op("Concat", *pieces, axis=-1) if len(pieces) > 1 else pieces[0]
    if heads_first:
        return y
    width = sizes(given)[2]
    return e.op("Reshape", y, e.const([0, 0, width if width is not None else -1], np.int64))


def _by_head(node: ir.Node, x: ir.Value, e: Emitter) -> ir.Value:
    """(B, S, H · D) → (B, S, H, D)."""
    if not (heads := attribute(node, "num_heads", 0)):
        raise CannotConvertError("its missing num_heads")
    return e.op("Reshape", x, e.const([0, 0, heads, part_or_rest(sizes(x)[2], heads)], np.int64))


def _angles(node: ir.Node, cache: ir.Value, heads: int, e: Emitter) -> ir.Value:
    """The cosines or sines (B, S, R / 2) of the positions, with an axis for the heads."""
    positions = input_at(node, 3)
    found = cache if positions is None else e.op("Gather", cache, positions, axis=0)
    return e.op("Unsqueeze", found, e.const([heads], np.int64))


@lowers(24, "TensorScatter")
def tensor_scatter(node: ir.Node, e: Emitter) -> ir.Value:
    """The update (B, …, L, …) goes into the cache (B, …, M, …) from each sample's write index on; if ``circular``, modulo M."""
    cache, update, start = needed(node, 0), needed(node, 1), input_at(node, 2)
    axis = attribute(node, "axis", -2) % rank(cache)
    behind = [1] * (rank(cache) - axis - 1)
    place = e.op("Reshape", counted(size(update, axis, e), e), e.const([-1, *behind], np.int64))
    if start is not None:
        place = e.op("Add", e.op("Reshape", start, e.const([-1] + [1] * (rank(cache) - 1), np.int64)), place)
    if attribute(node, "mode", "linear") == "circular":
        place = e.op("Mod", place, vector(e, size(cache, axis, e)))
    return e.op("ScatterElements", cache, e.op("Expand", place, e.op("Shape", update)), update, axis=axis)
