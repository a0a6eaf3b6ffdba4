"""What changes nothing goes; what changes a sign, a shape or a name stays."""

# ruff: noqa: E501  # a case is a line

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir
import pytest

from dragoman.graph_ir.passes.identities import remove_identities

X = np.array([[-0.0, 0.0, -1.5], [np.nan, np.inf, 2.5]], np.float32)
N = np.array([[0, -7, 3], [1, 2, 1 << 40]], np.int64)
B = np.array([[True, False, True], [False, False, True]])

GONE = {
    "cast": "Cast <to = 1> (x)",
    "cast like": "CastLike (x, x)",
    "expand to ones": "Expand (x, ones)",
    "expand to itself": "Expand (x, shape)",
    "tile": "Tile (x, ones)",
    "pad": "Pad (x, no_pads)",
    "slice": "Slice (x, zeros, ends)",
    "slice past the end": "Slice (x, zero, far, one)",
    "concat": "Concat <axis = 1> (x)",
    "split": "Split <axis = 1, num_outputs = 1> (x)",
    "max": "Max (x)",
    "sum": "Sum (x)",
    "add -0": "Add (minus, x)",
    "sub 0": "Sub (x, plus)",
    "mul 1": "Mul (x, unit)",
    "mul by ones": "Mul (row, x)",
    "div 1": "Div (x, unit)",
    "pow 1": "Pow (x, unit)",
    "where true": "Where (yes, x, plus)",
    "where false": "Where (no, plus, x)",
}
STAYS = {
    "add 0": "Add (x, plus)",
    "sub -0": "Sub (x, minus)",
    "1 - x": "Sub (unit, x)",
    "1 / x": "Div (unit, x)",
    "1 to the x": "Pow (unit, x)",
    "broadcast": "Mul (x, plane)",
    "cast to another": "Cast <to = 11> (x)",
    "slice of a part": "Slice (x, zeros, ones)",
    "slice backwards": "Slice (x, start, stop, one, back)",
    "where mixed": "Where (some, x, plus)",
    "where it broadcasts": "Where (yes, x, plane)",
}
CONSTANTS = """
  <int64[2] ones = {1, 1}, int64[2] shape = {2, 3}, int64[4] no_pads = {0, 0, 0, 0}, int64[2] zeros = {0, 0}, int64[2] ends = {2, 3},
   int64[1] zero = {0}, int64[1] far = {9223372036854775807}, int64[1] one = {1}, int64[1] start = {2}, int64[1] stop = {-4},
   int64[1] back = {-1}, float minus = {-0.0}, float plus = {0.0}, float unit = {1.0}, float[3] row = {1, 1, 1},
   float[1, 2, 3] plane = {1, 1, 1, 1, 1, 1}, bool yes = {1}, bool[1, 1] no = {0}, bool[3] some = {1, 0, 1}>
"""


def operators(model: ir.Model) -> list[str]:
    return [node.op_type for node in model.graph]


def graph(call: str) -> str:
    kind = "double" if "to = 11" in call else "float"
    dims = "1, 2, 3" if "plane" in call else "a, b" if "Slice" in call else "2, 3"
    return f"g (float[2, 3] input) => ({kind}[{dims}] y) {CONSTANTS} {{ x = Neg (input) \n z = {call} \n y = Reciprocal (z) }}"


@pytest.mark.parametrize("call", GONE.values(), ids=GONE.keys())
def test_what_changes_nothing_goes(rewrite_text: Callable[..., ir.Model], call: str) -> None:
    assert operators(rewrite_text(graph(call), [X], remove_identities)) == ["Neg", "Reciprocal"]


@pytest.mark.parametrize("call", STAYS.values(), ids=STAYS.keys())
def test_what_changes_something_stays(rewrite_text: Callable[..., ir.Model], call: str) -> None:
    assert operators(rewrite_text(graph(call), [X], remove_identities)) == ["Neg", call.split(maxsplit=1)[0], "Reciprocal"]


@pytest.mark.parametrize(
    ("kind", "feed", "body", "left"),
    [
        ("float", X, "a = Neg (x) b = Neg (a) y = Abs (b)", ["Abs"]),
        ("bool", B, "a = Not (x) b = Not (a) y = And (b, x)", ["And"]),
        ("float", X, "a = Relu (x) y = Relu (a)", ["Relu"]),
        ("float", X, "a = Round (x) y = Floor (a)", ["Round"]),
        ("float", X, "a = Relu (x) y = Abs (a)", ["Relu", "Abs"]),
        ("float", X[:1], "a = Clip (x, low, high) y = Clip (a, mid, big)", ["Clip"]),
        ("float", X[:1], "a = Clip (x, low) y = Clip (a, , mid)", ["Clip"]),
        ("float", X[:1], "a = Clip (x, mid) y = Clip (a, , low)", ["Clip", "Clip"]),
        ("int64", N, "a = Add (x, none) b = Sub (a, none) y = Neg (b)", ["Neg"]),
        ("int64", N, "a = Sub (none, x) y = Neg (a)", ["Sub", "Neg"]),
        ("bool", B, "a = And (x, yes) b = Or (a, no) c = Xor (no, b) y = Not (c)", ["Not"]),
        ("bool", B, "a = Or (x, yes) y = Not (a)", ["Or", "Not"]),
    ],
)
def test_chains(rewrite_text: Callable[..., ir.Model], kind: str, feed: np.ndarray, body: str, left: list[str]) -> None:
    constants = "<float low = {-1}, float mid = {0.5}, float high = {1}, float big = {9}, int64 none = {0}, bool yes = {1}, bool no = {0}>"
    dims = ", ".join(map(str, feed.shape))
    text = f"g ({kind}[{dims}] x) => ({kind}[{dims}] y) {constants} {{ {body} }}"
    assert operators(rewrite_text(text, [feed], remove_identities)) == left


def test_a_scalar_and_a_tensor_of_unknown_rank(rewrite_text: Callable[..., ir.Model]) -> None:
    text = "g (float[a, b] x, int64[n] s) => (float y) <float unit = {1}, float[1] row = {1}> { a = Reshape (x, s) b = Mul (a, unit) c = Mul (b, row) y = ReduceMax <keepdims = 0> (c) }"
    model = rewrite_text(text, [[X, np.array([6])], [X, np.array([3, 2, 1])], [X[:1, :1], np.array([], np.int64)]], remove_identities)
    assert operators(model) == ["Reshape", "Mul", "ReduceMax"]


def test_inside_a_branch_outputs_keep_their_place(rewrite_text: Callable[..., ir.Model]) -> None:
    text = """g (float[2, 3] x, bool c) => (float[2, 3] y, float[2, 3] z) {
      a = Neg (x)
      y, z = If (c) <
        then_branch = t () => (float[2, 3] p, float[2, 3] q) { r = Abs (a) s = Identity (r) q = Identity (s) p = Identity (a) },
        else_branch = e () => (float[2, 3] u, float[2, 3] v) { u = Identity (x) w = Identity (a) v = Exp (w) }> }"""
    model = rewrite_text(text, [[X, np.array(True)], [X, np.array(False)]], remove_identities)
    then, other = (model.graph[-1].attributes[name].as_graph() for name in ("then_branch", "else_branch"))
    assert sorted(node.op_type for node in then) == ["Abs", "Identity"]
    assert [node.op_type for node in other] == ["Identity", "Exp"]
