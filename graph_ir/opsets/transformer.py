"""What transformers need around attention: rotary positions, and writing into a cache."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.opsets.arithmetic import Arithmetic, Number, whole
from dragoman.graph_ir.opsets.attention import heads_apart
from dragoman.graph_ir.opsets.operators import END, unsqueeze
from dragoman.graph_ir.opsets.step import CannotConvertError, Emitter, attribute, input_at, lowers, needed, rank, sizes


@lowers(23, "RotaryEmbedding")
def rotary_embedding(node: ir.Node, e: Emitter) -> ir.Value:
    """Each pair (a, b) of a head's first elements becomes (a · cos − b · sin, a · sin + b · cos), the angle that of its position.

    x (B, H, S, D), or (B, S, H · D); a pair is two neighbours if ``interleaved``, else the same place in both halves.
    """
    given = needed(node, 0)
    heads_first = rank(given) == 4
    x = given if heads_first else heads_apart(node, given, "num_heads", e)
    n, last = Arithmetic(e), 3
    cos, sin = (_angles(node, needed(node, i), 1 if heads_first else 2, e) for i in (1, 2))
    half = n.size(cos, -1)
    turned, wanted = n.mul(half, whole(2)), attribute(node, "rotary_embedding_dim", 0) or sizes(x)[last]
    known = int(turned.item()) if isinstance(turned, np.ndarray) else None
    if known is not None and wanted not in (known, None):
        raise CannotConvertError(f"{known // 2} angles for {wanted} elements, two of which share one")
    interleaved = attribute(node, "interleaved", 0)
    a, b = _neighbours(x, turned, e) if interleaved else (n.crop(x, last, whole(0), half), n.crop(x, last, half, turned))
    real = e.op("Sub", e.op("Mul", a, cos), e.op("Mul", b, sin))
    imaginary = e.op("Add", e.op("Mul", a, sin), e.op("Mul", b, cos))
    if interleaved:
        pair = e.op("Concat", *(unsqueeze(e, value, [4]) for value in (real, imaginary)), axis=-1)
        pieces = [n.reshape(pair, [n.size(x, 0), n.size(x, 1), n.size(x, 2), turned])]
    else:
        pieces = [real, imaginary]
    if attribute(node, "rotary_embedding_dim", 0) and (known is None or sizes(x)[last] != known):
        pieces.append(n.crop(x, last, turned, whole(END)))
    y = e.op("Concat", *pieces, axis=-1) if len(pieces) > 1 else pieces[0]
    return y if heads_first else e.op("Reshape", y, e.op("Shape", given))


def _neighbours(x: ir.Value, count: Number, e: Emitter) -> tuple[ir.Value, ir.Value]:
    """The first ``count`` elements of a head, those in even places and those in odd ones."""
    end, last, two = Arithmetic(e).value(count), e.vector(3), e.vector(2)
    return e.op("Slice", x, e.vector(0), end, last, two), e.op("Slice", x, e.vector(1), end, last, two)


def _angles(node: ir.Node, cache: ir.Value, heads: int, e: Emitter) -> ir.Value:
    """The cosines or sines (B, S, R / 2) of the positions, with an axis for the heads."""
    positions = input_at(node, 3)
    found = cache if positions is None else e.op("Gather", cache, positions, axis=0)
    return unsqueeze(e, found, [heads])


@lowers(24, "TensorScatter")
def tensor_scatter(node: ir.Node, e: Emitter) -> ir.Value:
    """The update (B, …, L, …) goes into the cache (B, …, M, …) from each sample's write index on; if ``circular``, modulo M."""
    cache, update, start = needed(node, 0), needed(node, 1), input_at(node, 2)
    axis = attribute(node, "axis", -2) % rank(cache)
    n, dims = Arithmetic(e), rank(cache)
    place = n.along(n.count(n.size(update, axis)), axis, dims)
    if start is not None:
        place = n.add(n.along(n.of(start), 0, dims), place)
    if attribute(node, "mode", "linear") == "circular":
        place = n.mod(place, n.size(cache, axis))
    return e.op("ScatterElements", cache, e.op("Expand", n.value(place), e.op("Shape", update)), update, axis=axis)
