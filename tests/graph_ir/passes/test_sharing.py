"""What is there twice: computed, or stored; what nobody reads; branches that are known."""

# ruff: noqa: E501  # a case is a line

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from dragoman.graph_ir.passes.branches import take_branches
from dragoman.graph_ir.passes.common_subexpressions import share_common_subexpressions
from dragoman.graph_ir.passes.dead_code import remove_dead_code
from dragoman.graph_ir.passes.duplicate_weights import share_duplicate_weights
from dragoman.graph_ir.passes.identities import remove_identities
from dragoman.graph_ir.provenance import origins
from dragoman.graph_ir.tensors import MappedFile, MappedTensor

X = np.random.default_rng(0).standard_normal((2, 3)).astype(np.float32)
TRUE, FALSE = np.array(True), np.array(False)


def operators(model: ir.Model) -> list[str]:
    return [node.op_type for node in model.graph]


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ("a = Exp (x) b = Exp (x) y = Add (a, b)", ["Exp", "Add"]),
        ("a = Exp (x) b = Exp (x) c = Neg (a) d = Neg (b) y = Add (c, d)", ["Exp", "Neg", "Add"]),
        ("a = Add (x, k) b = Add (k, x) y = Add (a, b)", ["Add", "Add", "Add"]),
        ("a = LeakyRelu <alpha = 0.1> (x) b = LeakyRelu <alpha = 0.2> (x) y = Add (a, b)", ["LeakyRelu", "LeakyRelu", "Add"]),
        ("a = Transpose <perm = [0, 1]> (x) b = Transpose <perm = [0, 1]> (x) y = Add (a, b)", ["Transpose", "Add"]),
        ("a = RandomUniformLike (x) b = RandomUniformLike (x) c = Sub (a, b) d = Shape (c) e = ConstantOfShape (d) y = Add (e, x)", ["RandomUniformLike", "RandomUniformLike", "Sub", "Shape", "ConstantOfShape", "Add"]),
        ("a = Exp (x) y = Exp (x)", ["Exp"]),
        ("a, b = Split <axis = 1> (x, parts) c, d = Split <axis = 1> (x, parts) e = Concat <axis = 1> (a, d) f = Concat <axis = 1> (c, b) y = Add (e, f)", ["Split", "Concat", "Add"]),
    ],
)
def test_what_is_computed_twice(rewrite_text: Callable[..., ir.Model], body: str, left: list[str]) -> None:
    text = f"g (float[2, 3] x) => (float[2, 3] y) <float k = {{2}}, int64[2] parts = {{1, 2}}> {{ {body} }}"
    model = rewrite_text(text, [X], share_common_subexpressions)
    assert operators(model) == left


SIZES = [
    # the sizes of y are those of x, element by element
    ("s = Shape (x) n = Gather (s, zero) u = Unsqueeze (n, axis) t = Shape (y) m = Gather (t, zero) v = Unsqueeze (m, axis)", "n, m", ["Shape", "Gather", "Unsqueeze"], 1),
    ("s = Shape <start = 0, end = 1> (x) u = Concat <axis = 0> (s, four) t = Shape <start = 0, end = 1> (y) v = Concat <axis = 0> (t, four)", "n, m", ["Shape", "Concat"], 2),
    # another size; a number that isn't a vector; another type
    ("u = Shape <start = 0, end = 1> (x) v = Shape <start = 1, end = 2> (y)", "n, m", ["Shape", "Shape"], 1),
    ("u = Shape <start = 0, end = 1> (x) v = Shape <start = 0, end = 1> (y)", "k, m", ["Shape", "Shape"], 1),
    ("s = Shape (x) u = Slice (s, axis, four) t = Shape (y) v = Cast <to = 6> (t)", "n, m", ["Shape", "Cast"], 2),
]


@pytest.mark.parametrize(("body", "other", "left", "length"), SIZES)
@pytest.mark.parametrize("sizes", [(2, 3), (1, 1), (0, 4)])
def test_sizes_that_are_computed_twice(rewrite_text: Callable[..., ir.Model], body: str, other: str, left: list[str], length: int, sizes: tuple[int, int]) -> None:
    text = f"g (float[n, m] a, float[{other}] b) => (int64[{length}] p, int64[{length}] q) <int64 zero = {{0}}, int64[1] axis = {{0}}, int64[1] four = {{4}}> {{ x = Neg (a) y = Neg (b) {body} p = Abs (u) w = Cast <to = 7> (v) q = Abs (w) }}"
    feeds = [np.ones(sizes, np.float32), np.zeros(sizes, np.float32)]
    model = rewrite_text(text, feeds, share_common_subexpressions)
    assert [op for op in operators(model) if op not in ("Neg", "Abs")] == left


def test_sizes_are_shared_with_bodies(rewrite_text: Callable[..., ir.Model]) -> None:
    """A body may read what is outside; what is outside can't read what is in a body, nor one body what is in another."""
    text = """g (float[n, m] x, bool c) => (int64[1] y, int64[1] z) {
        s = Shape <start = 0, end = 1> (x) y = Abs (s) a = Neg (x)
        z = If (c) <then_branch = t () => (int64[1] p) { u = Shape <start = 0, end = 1> (a) v = Shape <start = 1> (x) w = Add (u, v) p = Abs (w) },
                    else_branch = e () => (int64[1] q) { r = Shape <start = 1> (a) q = Neg (r) }> }"""
    model = rewrite_text(text, [[np.ones((2, 3), np.float32), flag] for flag in (TRUE, FALSE)], share_common_subexpressions)
    then, other = (graph for graph in model.graph.subgraphs() if graph is not model.graph)
    assert [[node.op_type for node in graph] for graph in (then, other)] == [["Shape", "Add", "Abs"], ["Shape", "Neg"]]


def test_two_outputs_that_are_equal_stay_two(rewrite_text: Callable[..., ir.Model]) -> None:
    text = "g (float[2, 3] x) => (float[2, 3] y, float[2, 3] z) { y = Exp (x) z = Exp (x) }"
    assert operators(rewrite_text(text, [X], share_common_subexpressions)) == ["Exp", "Exp"]


def test_the_one_that_is_left_has_the_origins_of_all() -> None:
    import onnx

    model = ir.serde.deserialize_model(onnx.parser.parse_model('<ir_version: 10, opset_import: ["": 21]> g (float[2] x) => (float[2] y) { a = Exp (x) b = Exp (x) y = Add (a, b) }'))
    from dragoman.graph_ir import Origin
    from dragoman.graph_ir.provenance import set_origins

    for node in model.graph:
        set_origins(node, [Origin(node.outputs[0].name or "", node.op_type)])
    assert share_common_subexpressions(model)
    assert [origin.layer for origin in origins(model.graph[0])] == ["a", "b"]


def test_branches_share_with_what_is_outside_not_with_each_other(rewrite_text: Callable[..., ir.Model]) -> None:
    text = """g (float[2, 3] x, bool c) => (float[2, 3] y) {
      a = Exp (x)
      y = If (c) <then_branch = t () => (float[2, 3] p) { b = Exp (x) n = Neg (x) m = Neg (x) o = Add (n, m) p = Add (b, o) },
                  else_branch = e () => (float[2, 3] q) { d = Neg (x) q = Add (d, a) }> }"""
    model = rewrite_text(text, [[X, TRUE], [X, FALSE]], share_common_subexpressions)
    then, other = (model.graph[-1].attributes[name].as_graph() for name in ("then_branch", "else_branch"))
    assert [node.op_type for node in then] == ["Neg", "Add", "Add"]
    assert [node.op_type for node in other] == ["Neg", "Add"]


# -- stored twice -------------------------------------------------------------------------------------


def model_of(*tensors: ir.TensorProtocol) -> ir.Model:
    values = [ir.Value(name=f"w{k}", type=ir.TensorType(t.dtype), shape=ir.Shape(t.shape.numpy()), const_value=t) for k, t in enumerate(tensors)]
    nodes = [ir.node("Neg", [value]) for value in values]
    for k, node in enumerate(nodes):
        node.outputs[0].name = f"y{k}"
    return ir.Model(ir.Graph([], [node.outputs[0] for node in nodes], nodes=nodes, initializers=values, opset_imports={"": 21}, name="g"), ir_version=10)


@pytest.mark.parametrize(("last", "left"), [(0.0, 1), (1.0, 2)])
def test_weights_of_a_file_are_compared_to_the_last_byte(tmp_path: Path, last: float, left: int) -> None:
    array = np.random.default_rng(0).standard_normal((2, 3_000_000)).astype(np.float32)
    array[1] = array[0]
    array[1, -2] += last
    array.tofile(tmp_path / "weights")
    file = MappedFile(tmp_path / "weights")
    model = model_of(*(MappedTensor(file, 12_000_000 * k, ir.DataType.FLOAT, (3_000_000,), name=f"w{k}") for k in range(2)))
    assert share_duplicate_weights(model) == (left == 1)
    assert len(model.graph.initializers) == left


def test_equal_bytes_of_other_types_or_shapes_are_not_equal() -> None:
    zeros = np.zeros(4, np.float32)
    minus = np.full(4, -0.0, np.float32)
    model = model_of(*map(ir.Tensor, (zeros, zeros.reshape(2, 2), zeros.astype(np.int32), minus, zeros.copy())))
    assert share_duplicate_weights(model)
    assert list(model.graph.initializers) == ["w0", "w1", "w2", "w3"]


def test_a_weight_of_a_subgraph_that_is_outside_too(rewrite_text: Callable[..., ir.Model]) -> None:
    text = """g (float[2, 3] x, bool c) => (float[2, 3] y) <float k = {2}> {
      a = Mul (x, k)
      y = If (c) <then_branch = t () => (float[2, 3] p) <float l = {2}, float m = {3}> { b = Mul (a, l) p = Add (b, m) },
                  else_branch = e () => (float[2, 3] q) <float n = {3}> { q = Mul (a, n) }> }"""
    model = rewrite_text(text, [[X, TRUE], [X, FALSE]], share_duplicate_weights)
    branches = [model.graph[-1].attributes[name].as_graph() for name in ("then_branch", "else_branch")]
    assert [list(branch.initializers) for branch in branches] == [["m"], ["n"]]


# -- what nobody reads --------------------------------------------------------------------------------


def test_outputs_that_nobody_reads(rewrite_text: Callable[..., ir.Model]) -> None:
    text = """g (float[2, 3] x, bool c, int64 n) => (float[2, 3] y, float[2, 3] z, float[k, 2, 3] w) <float one = {1}> {
      m, i = TopK <axis = 1> (x, k3)
      y = Neg (m)
      unused, z = If (c) <then_branch = t () => (float[2, 3] p, float[2, 3] q) { p = Exp (x) q = Neg (x) },
                          else_branch = e () => (float[2, 3] u, float[2, 3] v) { u = Sin (x) v = Cos (x) }>
      last, rest, w = Loop (n, , x) <body = b (int64 step, bool go, float[2, 3] s) => (bool more, float[2, 3] next, float[2, 3] a, float[2, 3] d)
        { more = Identity (go) next = Mul (s, one) a = Exp (s) d = Neg (s) }> }""".replace("<float one = {1}>", "<float one = {1}, int64[1] k3 = {3}>")
    feeds = [[X, TRUE, np.array(2)], [X, FALSE, np.array(1)]]
    model = rewrite_text(text, feeds, remove_dead_code)
    by_type = {node.op_type: node for node in model.graph}
    assert [len(by_type[op].outputs) for op in ("TopK", "If", "Loop")] == [2, 1, 2]
    assert [node.op_type for node in by_type["Loop"].attributes["body"].as_graph()] == ["Identity", "Mul", "Neg"]
    assert [len(list(by_type["If"].attributes[name].as_graph())) for name in ("then_branch", "else_branch")] == [1, 1]


def test_an_optional_output_that_nobody_reads(rewrite_text: Callable[..., ir.Model]) -> None:
    text = "g (float[1, 1, 4] x) => (float[1, 1, 3] y) { y, i = MaxPool <kernel_shape = [2]> (x) }"
    (pool,) = rewrite_text(text, [X.reshape(-1)[:4].reshape(1, 1, 4)], remove_dead_code).graph
    assert len(pool.outputs) == 1


def test_a_dead_if_takes_what_it_captured_with_it(rewrite_text: Callable[..., ir.Model]) -> None:
    text = """g (float[2, 3] x, bool c) => (float[2, 3] y) {
      a = Exp (x)
      dead = If (c) <then_branch = t () => (float[2, 3] p) { p = Neg (a) }, else_branch = e () => (float[2, 3] q) { q = Abs (a) }>
      y = Neg (x) }"""
    assert operators(rewrite_text(text, [X, TRUE], remove_dead_code)) == ["Neg"]


# -- branches -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("condition", "left"), [(1, ["Exp", "Neg", "Neg"]), (0, ["Exp", "Sin", "Mul"])])
def test_the_branch_that_is_taken(rewrite_text: Callable[..., ir.Model], condition: int, left: list[str]) -> None:
    text = f"""g (float[2, 3] x) => (float[2, 3] y, float[2, 3] z) <bool c = {{{condition}}}> {{
      a = Exp (x)
      y, z = If (c) <then_branch = t () => (float[2, 3] p, float[2, 3] q) {{ p = Neg (a) q = Neg (x) }},
                     else_branch = e () => (float[2, 3] u, float[2, 3] v) <float k = {{2}}> {{ v = Sin (a) u = Mul (v, k) }}> }}"""
    assert operators(rewrite_text(text, [X], take_branches, remove_identities, remove_dead_code)) == left


def test_names_of_a_branch_that_is_taken_are_new(rewrite_text: Callable[..., ir.Model]) -> None:
    text = """g (float[2, 3] x, bool d) => (float[2, 3] y, float[2, 3] z) <bool c = {1}> {
      y = If (c) <then_branch = t () => (float[2, 3] p) { s = Neg (x) p = Exp (s) }, else_branch = e () => (float[2, 3] q) { q = Neg (x) }>
      z = If (d) <then_branch = u () => (float[2, 3] p) { s = Sin (x) p = Exp (s) }, else_branch = v () => (float[2, 3] q) { q = Neg (x) }> }"""
    assert operators(rewrite_text(text, [[X, TRUE], [X, FALSE]], take_branches, remove_identities)) == ["Neg", "Exp", "If"]


def test_an_if_inside_an_if(rewrite_text: Callable[..., ir.Model]) -> None:
    text = """g (float[2, 3] x, bool c) => (float[2, 3] y) <bool k = {0}> {
      y = If (c) <then_branch = t () => (float[2, 3] p) {
            p = If (k) <then_branch = u () => (float[2, 3] r) { r = Sin (x) }, else_branch = v () => (float[2, 3] s) { s = Cos (x) }> },
          else_branch = e () => (float[2, 3] q) { q = Neg (x) }> }"""
    model = rewrite_text(text, [[X, TRUE], [X, FALSE]], take_branches, remove_identities)
    assert [node.op_type for node in model.graph[0].attributes["then_branch"].as_graph()] == ["Cos"]
