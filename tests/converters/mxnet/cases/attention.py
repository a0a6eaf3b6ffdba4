"""Attention over interleaved queries, keys and values."""

from itertools import product

from .case import Case, normal


def sweep(mx):
    """Heads, sizes, lengths; what doesn't divide."""
    x, y = mx.sym.Variable("data"), mx.sym.Variable("other")
    own, cross = "interleaved_matmul_selfatt", "interleaved_matmul_encdec"
    for heads, size, length, batch, other in product((1, 2, 3), (1, 4), (1, 5), (1, 2), (3,)):
        label = f"{heads} heads of {size},{batch}×{length},{other}"
        feeds = {"data": normal(length, batch, heads * 3 * size)}
        moving = {"data": ("length", "batch", heads * 3 * size)}
        contrib = mx.sym.contrib
        yield Case(f"{own}_qk,{label}", getattr(contrib, f"{own}_qk")(x, heads=heads, name="a"), feeds, dynamic=moving)
        scores = normal(batch * heads, length, length)
        yield Case(
            f"{own}_valatt,{label}",
            getattr(contrib, f"{own}_valatt")(x, y, heads=heads, name="a"),
            {**feeds, "other": scores},
            dynamic={**moving, "other": ("rows", "length", "length")},
        )
        queries, pairs = normal(length, batch, heads * size), normal(other, batch, heads * 2 * size)
        yield Case(
            f"{cross}_qk,{label}",
            getattr(contrib, f"{cross}_qk")(x, y, heads=heads, name="a"),
            {"data": queries, "other": pairs},
            dynamic={"data": ("length", "batch", heads * size), "other": ("keys", "batch", heads * 2 * size)},
        )
        yield Case(
            f"{cross}_valatt,{label}",
            getattr(contrib, f"{cross}_valatt")(x, y, heads=heads, name="a"),
            {"data": pairs, "other": normal(batch * heads, length, other)},
            dynamic={"data": ("keys", "batch", heads * 2 * size), "other": ("rows", "length", "keys")},
        )
    for shape, dtype in (((5, 2), "float32"), ((2, 5, 2, 12), "float32"), ((5, 2, 24), "float64")):
        symbol = mx.sym.contrib.interleaved_matmul_selfatt_qk(mx.sym.Variable("data", dtype=dtype), heads=2, name="a")
        yield Case(f"{own}_qk,{shape},{dtype}", symbol, {"data": normal(*shape, dtype=dtype)})
