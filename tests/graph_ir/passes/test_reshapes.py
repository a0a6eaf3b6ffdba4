"""Chains of Reshape and its like, computed targets, and Expand."""

# ruff: noqa: E501  # a case is a line

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir
import pytest

from dragoman.graph_ir.passes import simplify
from dragoman.graph_ir.passes.reshapes import merge_reshapes

RANDOM = np.random.default_rng(0)


def operators(model: ir.Model) -> list[str]:
    return [node.op_type for node in model.graph]


def floats(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize(
    ("inputs", "outputs", "body", "left"),
    [
        ("2, 3, 4", "6, 4", "a = Unsqueeze (x, first) b = Reshape (a, flat) c = Unsqueeze (b, first) y = Squeeze (c, first)", ["Reshape"]),
        ("n, 3, 4", "n, 12", "a = Reshape (x, pairs) y = Flatten (a)", ["Reshape"]),
        ("n, 3, 4", "n, 3, 4", "a = Unsqueeze (x, first) y = Squeeze (a, first)", []),
        ("n, m", "n, m", "a = Unsqueeze (x, last) y = Squeeze (a, last)", []),
        ("1, n, m", "1, n, m", "a = Squeeze (x, first) y = Unsqueeze (a, first)", []),
        ("n, m, 4", "n, m, 4", "s = Shape (x) y = Reshape (x, s)", []),
        ("n, m, 8", "n, m, 2, 4", "s = Shape <start = 0, end = 2> (x) t = Concat <axis = 0> (s, heads) y = Reshape (x, t)", ["Reshape"]),
        ("n, m, 8", "k, 8", "i = Constant <value_int = 2> () s = Shape (x) g = Gather (s, i) u = Unsqueeze (g, first) t = Concat <axis = 0> (minus, u) y = Reshape (x, t)", ["Reshape"]),
        ("n, 0, 4", "n, 4, 0", "s = Shape <start = 0, end = 1> (x) t = Concat <axis = 0> (s, four, none) y = Reshape <allowzero = 1> (x, t)", ["Shape", "Concat", "Reshape"]),
        ("n, m, 6", "n, m, 2, 3", "a = Reshape (x, keep) y = Reshape (a, split)", ["Reshape"]),
        ("n, 1, m", "n, 5, m", "s = Constant <value_ints = [1, 5, 1]> () y = Expand (x, s)", ["Expand"]),
        ("2, 1, 3", "2, 5, 3", "s = Constant <value_ints = [1, 5, 1]> () a = Expand (x, s) t = Constant <value_ints = [2, 1, 1]> () y = Expand (a, t)", ["Expand"]),
    ],
)
@pytest.mark.parametrize("sizes", [(2, 3), (1, 1), (3, 4), (0, 2)])
def test_chains(rewrite_text: Callable[..., ir.Model], inputs: str, outputs: str, body: str, left: list[str], sizes: tuple[int, int]) -> None:
    constants = "<int64[1] first = {0}, int64[1] last = {-1}, int64[2] flat = {6, 4}, int64[3] pairs = {-1, 6, 2}, int64[2] heads = {2, 4}, int64[1] minus = {-1}, int64[1] four = {4}, int64[1] none = {0}, int64[3] keep = {0, 0, 6}, int64[4] split = {0, 0, 2, 3}>"
    text = f"g (float[{inputs}] input) => (float[{outputs}] z) {constants} {{ x = Neg (input) {body} z = Reciprocal (y) }}"
    shape = [{"n": sizes[0], "m": sizes[1]}[d] if d in "nm" else int(d) for d in inputs.split(", ")]
    assert operators(rewrite_text(text, [floats(*shape)], simplify)) == ["Neg", *left, "Reciprocal"]


@pytest.mark.parametrize("named", [True, False])
def test_the_names_in_an_output_s_declaration_prove_nothing(rewrite_text: Callable[..., ir.Model], named: bool) -> None:
    """A Reshape to a shape that is an input, into an output whose author says that it has the input's dimensions."""
    dims = "n, m" if named else "k, l"
    text = f"g (float[n, m] x, int64[2] s) => (float[{dims}] y) {{ a = Neg (x) y = Reshape (a, s) }}"
    model = rewrite_text(text, [floats(2, 6), np.array([3, 4])], merge_reshapes)
    assert operators(model) == ["Neg", "Reshape"]
