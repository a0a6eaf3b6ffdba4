"""Control flow, sequences, optionals, strings and random operators."""

# ruff: noqa: E501  # a case is a line

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, parser

from .one_operator import Case, check, check_lowered, compare, load, run, to_proto

F = np.float32
SEQUENCE = [np.arange(6, dtype=F).reshape(2, 3), np.ones((1, 3), F), np.zeros((4, 3), F)]


def model(text: str, opset: int, ir_version: int = 8) -> onnx.ModelProto:
    return parser.parse_model(f'<ir_version: {ir_version}, opset_import: ["" : {opset}]>\n{text}')


MAP = """
m (seq(float[r, 3]) s, float[3] t) => (seq(float[r, 3]) added, seq(float[3]) sums) {
    added, sums = SequenceMap <body = b (float[r, 3] x, float[3] y) => (float[r, 3] z, float[3] total) {
        z = Add(x, y)
        axes = Constant <value_ints = [0]> ()
        total = ReduceMax <keepdims = 0> (z, axes)
    }> (s, t)
}
"""


@pytest.mark.parametrize("opset", [11, 12, 13, 15, 16, 18, 28])
def test_sequence_map_is_a_loop(opset: int, newest_opset: int) -> None:
    """ReduceMax in its body is lowered too."""
    feeds = {"s": SEQUENCE, "t": np.array([1, -1, 2], F)}
    original = model(MAP, 18)
    wanted = run(original, feeds)
    lowered = to_proto(load(original), opset=opset)
    onnx.checker.check_model(lowered, full_check=True)
    if opset <= newest_opset:
        compare(run(lowered, feeds), wanted, 0, "")


COLLECT = """
m (int64 n, float[3] x) => (seq(float[r, 3]) rows, seq(int64[q]) numbers, float[3] last, float[n, 3] all) {
    going = Constant <value = bool {1}> ()
    a = SequenceEmpty ()
    b = SequenceEmpty <dtype = 7> ()
    rows, numbers, last, all = Loop (n, going, a, b, x) <body = body (int64 i, bool c, seq(float[r, 3]) p, seq(int64[q]) q, float[3] s)
            => (bool co, seq(float[r, 3]) pp, seq(int64[q]) qq, float[3] ss, float[3] scan) {
        one = Constant <value_ints = [1]> ()
        three = Constant <value_ints = [3]> ()
        zero = Constant <value_int = 0> ()
        step = Constant <value_int = 1> ()
        co = Identity (c)
        ss = Add (s, x)
        scan = Mul (s, s)
        many = Reshape (i, one)
        shape = Concat <axis = 0> (many, three)
        row = Expand (s, shape)
        numbered = Range (zero, i, step)
        pp = SequenceInsert (p, row)
        qq = SequenceInsert (q, numbered)
    }>
}
"""


@pytest.mark.parametrize("times", [0, 1, 4])
@pytest.mark.parametrize("opset", [11, 12, 13])
def test_a_loop_that_collects(opset: int, times: int) -> None:
    """Elements of any number of rows, also of none, and none at all."""
    feeds = {"n": np.array(times), "x": np.array([1, -1, 2], F)}
    original = model(COLLECT, 13)
    lowered = to_proto(load(original), opset=opset)
    onnx.checker.check_model(lowered, full_check=True)
    compare(run(lowered, feeds), run(original, feeds), 0, "")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("pp = SequenceInsert (p, row)", "pp = SequenceInsert (p, row, zero)"),
        ("pp = SequenceInsert (p, row)", "more = SequenceInsert (p, row) pp = SequenceInsert (more, row)"),
        ("pp = SequenceInsert (p, row)", "pp = Identity (p)"),
    ],
    ids=["in-front", "twice", "nothing"],
)
def test_a_loop_that_does_more_with_a_sequence_is_refused(old: str, new: str) -> None:
    gaps = check(load(model(COLLECT.replace(old, new), 14)), opset=12)
    assert ("Loop", True) in [(gap.operator, "seq(tensor(float))" in gap.reason) for gap in gaps]


def test_a_loop_that_goes_on_with_a_sequence_is_refused() -> None:
    """It would have to be taken apart first, which an empty one can't be."""
    text = COLLECT.replace("float[3] x)", "float[3] x, seq(float[r, 3]) a)", 1).replace("a = SequenceEmpty ()", "")
    gaps = check(load(model(text, 13)), opset=12)
    assert [(gap.operator, "seq(tensor(float))" in gap.reason) for gap in gaps] == [("Loop", True)]


@pytest.mark.parametrize("opset", [11, 12, 13])
def test_a_sequence_passes_through_where_identity_takes_tensors(opset: int) -> None:
    original = model("m (seq(float[r, 3]) s) => (seq(float[r, 3]) t) { t = Identity(s) }", 14)
    lowered = to_proto(load(original), opset=opset)
    onnx.checker.check_model(lowered, full_check=True)
    compare(run(lowered, {"s": SEQUENCE}), [SEQUENCE], 0, "")


@pytest.mark.parametrize("opset", [11, 14, 15, 17, 18, 27])
def test_optionals_that_are_there_vanish(opset: int, newest_opset: int) -> None:
    original = model(
        """m (float[n] x) => (float[n] y, bool b, bool c, float[n] z) {
            o = Optional(x)
            y = OptionalGetElement(o)
            b = OptionalHasElement(o)
            c = OptionalHasElement(x)
            z = OptionalGetElement(x)
        }""",
        18,
    )
    lowered = to_proto(load(original), opset=opset)
    onnx.checker.check_model(lowered, full_check=True)
    x = np.arange(3, dtype=F)
    if opset <= newest_opset:
        compare(run(lowered, {"x": x}), [x, np.array(True), np.array(True), x], 0, "")


@pytest.mark.parametrize("opset", [15, 14])
def test_an_optional_input_needs_optionals(opset: int) -> None:
    original = model("m (optional(float[n]) x) => (bool b) { b = OptionalHasElement(x) }", 15)
    assert [gap.operator for gap in check(load(original), opset=opset)] == ["OptionalHasElement"] * (opset < 15)


SCAN = """
m (float[B, 2] start, float[B, T, 2] x, float[B, T, 2] w) => (float[B, 2] last, float[B, T, 2] all) {
    last, all = Scan <num_scan_inputs = 2, %s body = b (float[2] s, float[2] a, float[2] c) => (float[2] next, float[2] out) {
        product = Mul(a, c)
        next = Add(s, product)
        out = Identity(next)
    }> (%s start, x, w)
}
"""


@pytest.mark.parametrize("directions", ["", "directions = [0, 1],"])
@pytest.mark.parametrize("opset", [11, 13, 28])
def test_scan_of_batches(opset: int, directions: str, newest_opset: int) -> None:
    """Scan-8: each element of the batch is scanned along axis 1 (the parser has no inputs that are left out)."""
    original = model(SCAN % (directions, ""), 8, ir_version=3)
    original.graph.node[0].input.insert(0, "")
    rng = np.random.default_rng(0)
    feeds = {"start": rng.random((3, 2), F), "x": rng.random((3, 5, 2), F), "w": rng.random((3, 5, 2), F)}
    raised = to_proto(load(original), opset=opset)
    onnx.checker.check_model(raised, full_check=True)
    if opset <= newest_opset:
        compare(run(raised, feeds), run(original, feeds), 1e-6, "")


def test_scan_of_sequences_of_different_lengths_is_refused() -> None:
    original = model((SCAN % ("", "lens,")).replace("m (", "m (int64[B] lens, "), 8, ir_version=3)
    with pytest.raises(Exception, match="sequence_lens"):
        load(original)


@pytest.mark.parametrize("opset", [11, 13, 14])
def test_bernoulli_draws_ones_as_often_as_the_probability_says(opset: int) -> None:
    p = np.repeat(np.array([[0.0], [0.2], [0.9], [1.0]], F), 20000, axis=1)
    original = model("m (float[r, n] p) => (int32[r, n] y) { y = Bernoulli <dtype = 6, seed = 3.0> (p) }", 15)
    drawn = run(to_proto(load(original), opset=opset), {"p": p})[0]
    assert drawn.dtype == np.int32
    np.testing.assert_allclose(drawn.mean(axis=1), p[:, 0], atol=0.02)


WORDS = np.array(["a b", "c"], object)


@pytest.mark.parametrize(
    "case",
    [
        Case("two", "StringConcat", (WORDS, WORDS), opset=20, oldest=20),
        Case("letters", "RegexFullMatch", (WORDS,), {"pattern": "[a-z]"}, opset=20, oldest=20),
        Case("spaces", "StringSplit", (WORDS,), opset=20, outputs=2, oldest=20),
        Case("bigrams", "TfIdfVectorizer", (np.array([1, 2, 1, 2]),), {"mode": "TF", "min_gram_length": 2, "max_gram_length": 2, "max_skip_count": 0, "ngram_counts": [0, 0], "ngram_indexes": [0], "pool_int64s": [1, 2]}, opset=20),
    ],
    ids=str,
)  # fmt: skip
def test_strings(case: Case, newest_opset: int) -> None:
    check_lowered(case, newest_opset)


def test_constant_strings(newest_opset: int) -> None:
    original = model(
        """m (int64[n] i) => (string[n] y) { words = Constant <value_strings = ["a", "é", ""]> ()  y = Gather(words, i) }""", 13
    )
    lowered = to_proto(load(original), opset=11)
    onnx.checker.check_model(lowered, full_check=True)
    compare(run(lowered, {"i": np.array([2, 1])}), [np.array(["", "é"], object)], 0, "")


@pytest.mark.parametrize("opset", [11, 18, 28])
def test_dynamic_slice_of_onnx_1_5_is_slice(opset: int, newest_opset: int) -> None:
    x = np.arange(12, dtype=F).reshape(3, 4)
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [3, 4])]
    inputs += [helper.make_tensor_value_info(name, TensorProto.INT64, [1]) for name in ("starts", "ends", "axes")]
    node = helper.make_node("DynamicSlice", ["x", "starts", "ends", "axes"], ["y"])
    graph = helper.make_graph([node], "g", inputs, [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["a", "b"])])
    original = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 9)], ir_version=4)
    if opset <= newest_opset:
        feeds = {"x": x, "starts": np.array([1]), "ends": np.array([-1]), "axes": np.array([1])}
        compare(run(to_proto(load(original), opset=opset), feeds), [x[:, 1:-1]], 0, "")
