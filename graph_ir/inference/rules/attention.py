"""Attention and what goes with it."""

from __future__ import annotations

from dragoman.graph_ir.inference.call import Call, UnknownError
from dragoman.graph_ir.inference.facts import Fact, Tensor
from dragoman.graph_ir.inference.size import Dim
from dragoman.graph_ir.inference.table import rule


@rule("Attention")
def attention(c: Call) -> list[Fact]:
    """Q (n, h, q, d), K (n, g, k, d), V (n, g, k, e) → (n, h, q, e), past and new keys, past and new values, the scores.

    With three dimensions the heads are in the last: Q (n, q, h·d) → (n, q, h·e).
    """
    q, k, v = c.dims(0), c.dims(1), c.dims(2)
    flat = len(q) == 3
    if not len(q) == len(k) == len(v) or len(q) not in (3, 4):
        raise UnknownError
    heads: Dim
    groups: Dim
    if flat:
        heads, groups = c.number("q_num_heads", 0), c.number("kv_num_heads", 0)
        if not heads or not groups:
            c.fail("needs q_num_heads and kv_num_heads for inputs of 3 dimensions")
        depth, width, length = k[2] // groups, v[2] // groups, k[1]
        y: tuple[Dim, ...] = (q[0], q[1], heads * width)
        steps = q[1]
    else:
        heads, groups, depth, width, length, steps = q[1], k[1], k[3], v[3], k[2], q[2]
        y = (q[0], heads, steps, width)
    total = length
    if c.has(4):
        total = c.dims(4, 4)[2] + length
    keys, values = (q[0], groups, total, depth), (q[0], groups, total, width)
    return [Tensor(None, y), Tensor(None, keys), Tensor(None, values), Tensor(None, (q[0], heads, steps, total))]


@rule("LinearAttention")
def linear_attention(c: Call) -> list[Fact]:
    """Q (n, t, h·d), K (n, t, g·d), V (n, t, g·e) → (n, t, h·e), the state (n, g, d, e), which has the past one's dtype."""
    q, k, v = (c.dims(index, 3) for index in range(3))
    heads, groups = c.number("q_num_heads", 1), c.number("kv_num_heads", 1)
    depth, width = k[2] // groups, v[2] // groups
    return [Tensor(None, (q[0], q[1], width * heads)), Tensor(None, (q[0], groups, depth, width))]


@rule("CausalConvWithState")
def causal_conv(c: Call) -> list[Fact]:
    """X (n, c, d), W (c, 1, k) → (n, c, d), the state (n, c, k - 1)."""
    x, w = c.dims(0, 3), c.dims(1, 3)
    return [Tensor(None, x), Tensor(None, (x[0], x[1], w[2] - 1))]


@rule("RotaryEmbedding")
def rotary(c: Call) -> Fact:
    """(d…) → (d…)."""
    return Tensor(None, c.dims(0))


@rule("FlexAttention", domain="ai.onnx.preview")
def flex_attention(c: Call) -> Fact:
    """Q (n, h, q, d), K, V (n, g, k, e) → (n, h, q, e)."""
    return Tensor(None, (*c.dims(0, 4)[:3], c.dims(2, 4)[3]))
