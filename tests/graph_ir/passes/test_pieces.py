"""Slices, concatenations, splits and parts of shapes; casts."""

# ruff: noqa: E501  # a case is a line

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir
import pytest

from dragoman.graph_ir.passes.casts import merge_casts
from dragoman.graph_ir.passes.constants import fold_constants
from dragoman.graph_ir.passes.pieces import merge_pieces

X = np.random.default_rng(0).standard_normal((4, 6)).astype(np.float32)
CONSTANTS = "<int64[1] c0 = {0}, int64[1] c1 = {1}, int64[1] c2 = {2}, int64[1] c5 = {5}, int64[1] m1 = {-1}, int64[2] c01 = {0, 1}, int64[2] c12 = {1, 2}, int64[2] c21 = {2, 1}, float[0, 6] empty = {}>"


def operators(model: ir.Model) -> list[str]:
    return [node.op_type for node in model.graph]


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ("a = Slice (x, c1, c5, c1) y = Slice (a, c0, c2, c0)", ["Slice"]),
        ("a = Slice (x, c1, c5, c1) y = Slice (a, c1, c2, c1)", ["Slice"]),
        ("a = Slice (x, c1, c2, c1) y = Slice (a, c0, c5, c1)", ["Slice"]),
        ("a = Slice (x, c1, c5, c1) y = Slice (a, c0, m1, c1)", ["Slice", "Slice"]),
        ("a = Slice (x, m1, c0, c1, m1) y = Slice (a, c0, c2, c1)", ["Slice", "Slice"]),
        ("a = Slice (x, m1, c0, c1, m1) y = Slice (a, c1, c2, c0)", ["Slice"]),
        ("a = Concat <axis = 0> (x, x) y = Concat <axis = 0> (x, a, x)", ["Concat"]),
        ("a = Concat <axis = 1> (x, x) y = Concat <axis = -1> (a, x)", ["Concat"]),
        ("a = Concat <axis = 1> (x, x) y = Concat <axis = 0> (a, a)", ["Concat", "Concat"]),
        ("y = Concat <axis = 0> (x, empty)", ["Concat"]),
        ("a, b = Split <axis = 1, num_outputs = 2> (x) y = Concat <axis = 1> (a, b)", []),
        ("a, b = Split <axis = 1, num_outputs = 2> (x) y = Concat <axis = 1> (b, a)", ["Split", "Concat"]),
        ("a, b = Split <axis = 1, num_outputs = 2> (x) y = Concat <axis = 0> (a, b)", ["Split", "Concat"]),
    ],
)
def test_pieces(rewrite_text: Callable[..., ir.Model], body: str, left: list[str]) -> None:
    text = f"g (float[4, 6] input) => (float[a, b] z) {CONSTANTS} {{ x = Neg (input) {body} z = Reciprocal (y) }}"
    assert operators(rewrite_text(text, [X], merge_pieces)) == ["Neg", *left, "Reciprocal"]


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ("y = Gather (s, c01)", ["Shape"]),
        ("y = Gather (s, c12)", ["Shape"]),
        ("y = Gather (s, m1)", None),
        ("y = Gather (s, c21)", ["Shape", "Gather"]),
        ("y = Slice (s, c1, c5)", ["Shape"]),
        ("y = Slice (s, m1, c5)", None),
    ],
)
def test_parts_of_shapes(rewrite_text: Callable[..., ir.Model], body: str, left: list[str] | None) -> None:
    """None is left of the last dimension, which is known."""
    text = f"g (float[n, m, 2] x) => (int64[k] z) {CONSTANTS} {{ s = Shape (x) {body} z = Neg (y) }}"
    assert operators(rewrite_text(text, [X.reshape(4, 3, 2)], merge_pieces, fold_constants)) == ([*left, "Neg"] if left else ["Constant"])
    assert operators(rewrite_text(text, [X.reshape(4, 3, 2)], merge_pieces, opset=13)) == ["Shape", body.split()[2], "Neg"]


FLOATS = np.array([0.1, -2.5, 3e5, 1e-8, 65504, 1.00048828125], np.float32)
INTS = np.array([0, 1, -1, 127, -128, 1000], np.int32)


@pytest.mark.parametrize(
    ("kind", "feed", "types", "left"),  # types: 1 float32, 2 uint8, 3 int8, 6 int32, 7 int64, 9 bool, 10 float16, 11 float64
    [
        ("float", FLOATS, (11, 1), 0),
        ("float", FLOATS, (10, 1), 2),
        ("float", FLOATS, (11, 10), 1),
        ("float", FLOATS, (11, 7), 2),
        ("float16", FLOATS.astype(np.float16), (1, 11), 1),
        ("float16", FLOATS.astype(np.float16), (1, 10), 0),
        ("int32", INTS, (7, 3), 1),
        ("int32", INTS, (7, 6), 0),
        ("int32", INTS, (1, 6), 2),
        ("int32", INTS, (11, 6), 0),
        ("int32", INTS, (11, 7), 1),
        ("int32", INTS, (3, 7), 2),
        ("int32", INTS, (2, 6), 2),
        ("int32", INTS, (7, 9), 1),
        ("bool", INTS.astype(bool), (1, 9), 0),
        ("bool", INTS.astype(bool), (6, 7), 1),
        ("int32", INTS, (9, 6), 2),
        ("int32", INTS, (7, 11, 7), 1),
    ],
)
def test_casts(rewrite_text: Callable[..., ir.Model], kind: str, feed: np.ndarray, types: tuple[int, ...], left: int) -> None:
    from onnx import helper

    from dragoman.graph_ir.passes.identities import remove_identities

    casts = " ".join(f"v{k + 1} = Cast <to = {to}> (v{k})" for k, to in enumerate(types))
    last = helper.tensor_dtype_to_string(types[-1]).split(".")[-1].lower()
    text = f"g ({kind}[6] x) => ({last}[6] y) {{ v0 = Gather (x, i) {casts} y = Gather (v{len(types)}, i) }}"
    text = text.replace("y) {", "y) <int64[6] i = {5, 4, 3, 2, 1, 0}> {")
    model = rewrite_text(text, [feed], merge_casts, remove_identities)
    assert operators(model).count("Cast") == left
