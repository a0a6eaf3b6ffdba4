"""Reshape, Transpose, Reshape: axes that are merged, moved and split again."""

# ruff: noqa: E501  # a case is a line

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir
import pytest

from dragoman.graph_ir.inference import infer_shapes
from dragoman.graph_ir.passes import simplify

MERGED = "s = Shape (x) l = Slice (s, minus2, minus1) t = Concat <axis = 0> (minus1, l, four) a = Reshape (x, t) b = Transpose <perm = [0, 2, 1]> (a)"
SPLIT = "h = Slice (s, zero, minus2) u = Concat <axis = 0> (h, four, l) y = Reshape (b, u)"


def infer(model: ir.Model) -> bool:
    """onnx's inference doesn't multiply dimensions."""
    infer_shapes(model)
    return False


@pytest.mark.parametrize(
    ("inputs", "outputs", "body", "left", "perm"),
    [
        # PyTorch's keys: two axes merged, of which one is dynamic
        ("n, 3, m, 4", "n, 3, 4, m", f"{MERGED} {SPLIT}", ["Transpose"], [0, 1, 3, 2]),
        ("2, 3, 5, 4", "2, 3, 4, 5", f"{MERGED} {SPLIT}", ["Transpose"], [0, 1, 3, 2]),
        # after a Transpose: one for both
        ("n, m, 3, 4", "n, 3, 4, m", f"v = Neg (x) w = Transpose <perm = [0, 2, 1, 3]> (v) {MERGED.replace('(x)', '(w)').replace('(x,', '(w,')} {SPLIT}", ["Neg", "Transpose", "Transpose"], [0, 1, 3, 2]),
        # merged ones go to the end
        ("2, 3, 5", "5, 2, 3", "a = Reshape (x, six) b = Transpose (a) c = Constant <value_ints = [5, 2, 3]> () y = Reshape (b, c)", ["Transpose"], [2, 0, 1]),
        ("n, m", "m, n", "a = Reshape (x, one) b = Transpose <perm = [1, 0, 2]> (a) s = Shape <start = 0, end = 1> (x) t = Shape <start = 1> (x) u = Concat <axis = 0> (t, s) y = Reshape (b, u)", ["Transpose"], [1, 0]),
        # split in another way than it was merged
        ("2, 3, 5", "5, 3, 2", "a = Reshape (x, six) b = Transpose (a) c = Constant <value_ints = [5, 3, 2]> () y = Reshape (b, c)", ["Reshape", "Transpose", "Reshape"], [1, 0]),
        ("2, 6, 5", "5, 3, 4", "c = Constant <value_ints = [12, 5]> () a = Reshape (x, c) b = Transpose (a) d = Constant <value_ints = [5, 3, 4]> () y = Reshape (b, d)", ["Reshape", "Transpose", "Reshape"], [1, 0]),
        # the transposed tensor is read as well
        ("2, 3, 5", "5, 2, 3", "a = Reshape (x, six) b = Transpose (a) c = Constant <value_ints = [5, 2, 3]> () d = Reshape (b, c) e = ReduceSum <keepdims = 0> (b) y = Add (d, e)", ["Reshape", "Transpose", "Reshape", "ReduceSum", "Add"], [1, 0]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("sizes", [(2, 3), (1, 1), (3, 4), (0, 2), (2, 0)])
def test_one_transpose(rewrite_text: Callable[..., ir.Model], inputs: str, outputs: str, body: str, left: list[str], perm: list[int], sizes: tuple[int, int]) -> None:
    constants = "<int64[1] zero = {0}, int64[1] minus1 = {-1}, int64[1] minus2 = {-2}, int64[1] four = {4}, int64[2] six = {6, 5}, int64[3] one = {0, 0, 1}>"
    text = f"g (float[{inputs}] input) => (float[{outputs}] z) {constants} {{ x = Abs (input) {body} z = Reciprocal (y) }}"
    if 0 in sizes and "minus1, l" in body:
        sizes = (1, 2)  # −1 can't be told beside a 0
    shape = [{"n": sizes[0], "m": sizes[1]}[d] if d in "nm" else int(d) for d in inputs.split(", ")]
    model = rewrite_text(text, [np.random.default_rng(0).standard_normal(shape).astype(np.float32)], infer, simplify)
    assert [node.op_type for node in model.graph] == ["Abs", *left, "Reciprocal"]
    transpose = next(node for node in reversed(list(model.graph)) if node.op_type == "Transpose")
    attribute = transpose.attributes.get("perm")
    assert (list(attribute.as_ints()) if attribute is not None else [1, 0]) == perm
