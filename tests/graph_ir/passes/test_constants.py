"""Constant folding: results as ONNX Runtime computes them, and what is never folded."""

# ruff: noqa: E501  # a case is a line

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from dragoman.graph_ir.passes.constants import fold_constants
from dragoman.graph_ir.passes.dead_code import remove_dead_code
from dragoman.graph_ir.tensors import MappedFile, MappedTensor

X = np.random.default_rng(0).standard_normal((2, 3)).astype(np.float32)
NOISY = {"Softmax", "Softplus", "Exp", "Sigmoid", "Tanh", "Erf", "Sin", "Cos", "Atan", "ReduceSum", "ReduceMean", "Where"}
"""In the last bit; Where in the sign of a zero, which ONNX Runtime loses."""
WEIGHTS = """<float[2, 3] a = {-0.0, 1.5, -2.5, 3.3333333, 0.5, 1e-3}, float[3] b = {2, 3, -7}, float one = {1}, int64[4] i = {7, -7, 7, -7}, int64[4] j = {2, 2, -2, -2},
  int64 two = {2}, int64[2] axes = {0, 1}, bool[3] flags = {1, 0, 1}, int64 zero = {0}, int64[3] dims = {2, 1, 3}>"""


def operators(model: ir.Model) -> list[str]:
    return [node.op_type for node in model.graph]


@pytest.mark.parametrize(
    ("kind", "call"),
    [
        *((kind, f"{op} (a, b)") for op, kind in [("Add", "float"), ("Sub", "float"), ("Mul", "float"), ("Div", "float"), ("Max", "float"), ("Greater", "bool"), ("LessOrEqual", "bool"), ("Equal", "bool")]),
        *(("int64", f"{op} (i, j)") for op in ("Add", "Mul", "Div", "Mod", "Max")),
        ("int64", "Mod <fmod = 1> (i, j)"),
        ("int64", "Pow (i, two)"),
        *(("float", f"{op} (a)") for op in ("Abs", "Neg", "Floor", "Ceil", "Round", "Sign", "Relu", "Exp", "Sigmoid", "Tanh", "Erf", "Sin", "Cos", "Atan", "Softplus")),
        ("float", "Clip (a, zero_f, one)"),
        ("bool", "Not (flags)"),
        ("float", "Where (flags, a, b)"),
        *((kind, f"Cast <to = {to}> (a)") for kind, to in [("float16", 10), ("double", 11), ("int32", 6), ("int64", 7), ("bool", 9), ("bfloat16", 16), ("int8", 3)]),
        ("float", "ReduceSum <keepdims = 0> (a)"),
        ("float", "ReduceMean (a, axes)"),
        ("int64", "ReduceProd <keepdims = 0> (dims)"),
        ("int64", "ArgMax <axis = 1> (a)"),
        ("float", "Gather <axis = 1> (a, two)"),
        ("float", "Concat <axis = 0> (a, a)"),
        ("float", "Transpose (a)"),
        ("float", "Expand (b, dims)"),
        ("float", "Softmax (a)"),
        ("float", "Range (zero_f, big, one)"),
        ("float", "MatMul (a, b)"),
        ("float", "CumSum (a, zero)"),
        ("int64", "NonZero (a)"),
    ],
)
def test_folded_as_onnx_runtime_computes(rewrite_text: Callable[..., ir.Model], kind: str, call: str) -> None:
    constants = WEIGHTS[:-1] + ", float zero_f = {0}, float big = {5.5}>"
    cast = "Cast <to = 1> (r)" if kind != "float" else "Identity (r)"
    result = "Identity (r)" if kind != "bfloat16" else cast
    outer = kind if kind != "bfloat16" else "float"
    text = f"g (float[2, 3] x) => ({outer}[] y, float[2, 3] z) {constants} {{ r = {call} y = {result} z = Neg (x) }}"
    model = rewrite_text(text, [X], fold_constants, exact=call.split(maxsplit=1)[0] not in NOISY)
    assert sorted(operators(model)) == ["Constant", "Neg"]


@pytest.mark.parametrize(
    "call",
    [
        "RandomNormal <shape = [2, 3], seed = 1.0> ()",
        "RandomUniformLike <seed = 1.0> (a)",
        "Bernoulli <seed = 1.0> (half)",
        "DequantizeLinear (q, scale)",
        "ConstantOfShape (large)",
        "Tile (b, many)",
        "Mod <fmod = 0> (i, zero)",
        "Cast <to = 3> (far)",
    ],
)
def test_never_folded(call: str) -> None:
    import onnx

    constants = WEIGHTS[:-1] + ", float[2] half = {0.5, 0.5}, uint8[2] q = {1, 2}, float scale = {0.5}, int64[1] large = {60000}, int64[1] many = {9000}, float far = {1e9}>"
    proto = onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["": 21]> g () => (float y) {constants} {{ r = {call} y = Neg (r) }}')
    model = ir.serde.deserialize_model(proto)
    assert not fold_constants(model)
    assert operators(model) == [call.split(maxsplit=1)[0], "Neg"]


def test_shapes_and_sizes_of_what_is_known(rewrite_text: Callable[..., ir.Model]) -> None:
    text = """g (float[2, 3, n] x) => (int64[2] a, int64 b, int64[1] c) {
      s = Shape (x) a = Shape <start = 0, end = 2> (x) t = Shape <start = 1, end = 2> (x) i = Constant <value_int = 1> ()
      h = Gather (s, i) n = Neg (h) b = Neg (n) c = Neg (t) }"""
    model = rewrite_text(text, [X.reshape(2, 3, 1)], fold_constants, remove_dead_code)
    assert operators(model) == ["Constant"] * 3


def test_expand_as_pytorch_exports_it(rewrite_text: Callable[..., ir.Model]) -> None:
    text = """g (float[n, 3] x, float[1, 3] w) => (float[n, 3] y) {
      s = Shape (x) o = Constant <value_ints = [1, 1]> () m = Constant <value_int = -1> () k = Mul (o, m)
      e = Equal (s, k) t = Where (e, o, s) y = Expand (w, t) }"""
    model = rewrite_text(text, [[X, X[:1]], [X[:1], X[:1]]], fold_constants, remove_dead_code)
    assert "Equal" not in operators(model)


def test_through_subgraphs(rewrite_text: Callable[..., ir.Model]) -> None:
    text = """g (float[2, 3] x, bool c) => (float[2, 3] y) <float one = {1}> {
      two = Add (one, one)
      y = If (c) <then_branch = t () => (float[2, 3] p) { three = Add (two, one) p = Mul (x, three) },
                  else_branch = e () => (float[2, 3] q) { k = Constant <value_float = 4.0> () l = Sqrt (k) q = Mul (x, l) }> }"""
    model = rewrite_text(text, [[X, np.array(True)], [X, np.array(False)]], fold_constants, remove_dead_code)
    assert operators(model) == ["If"]
    assert all([node.op_type for node in a.as_graph()] == ["Mul"] for a in model.graph[0].attributes.values())


def test_in_functions_constants_are_nodes() -> None:
    import onnx

    proto = onnx.parser.parse_model("""<ir_version: 10, opset_import: ["": 21, "local": 1]>
      g (float[2, 3] x) => (float[2, 3] y) { y = local.f <factor = 2.0> (x) }
      <opset_import: ["": 21], domain: "local"> f <factor> (a) => (b) {
        one = Constant <value_float = 1.0> () two = Add (one, one) k = Constant <value_float: float = @factor> () c = Mul (a, two) b = Mul (c, k) }""")
    model = ir.serde.deserialize_model(proto)
    assert fold_constants(model)
    (function,) = model.functions.values()
    assert sorted(node.op_type for node in function) == ["Constant", "Constant", "Mul", "Mul"]
    onnx.checker.check_model(ir.serde.serialize_model(model), full_check=True)


@pytest.mark.parametrize(
    ("op_type", "attributes", "target", "shape"),
    [
        ("Transpose", {"perm": [1, 0]}, None, (500, 400)),
        ("Reshape", {}, [-1, 1000], (200, 1000)),
        ("Unsqueeze", {}, [0], (1, 400, 500)),
        ("Flatten", {"axis": 0}, None, (1, 200_000)),
        ("Cast", {"to": ir.DataType.FLOAT16}, None, (400, 500)),
    ],
)
def test_a_weight_in_a_file_stays_there(tmp_path: Path, op_type: str, attributes: dict[str, object], target: list[int] | None, shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).standard_normal((400, 500)).astype(np.float32)
    array.tofile(tmp_path / "weights")
    file = MappedFile(tmp_path / "weights")
    weight = ir.Value(name="w", type=ir.TensorType(ir.DataType.FLOAT), shape=ir.Shape(array.shape), const_value=MappedTensor(file, 0, ir.DataType.FLOAT, array.shape, name="w"))
    inputs = [weight]
    if target is not None:
        numbers = ir.Tensor(np.array(target))
        inputs.append(ir.Value(name="t", type=ir.TensorType(ir.DataType.INT64), shape=ir.Shape([len(target)]), const_value=numbers))
    node = ir.node(op_type, inputs, attributes)
    last = ir.node("Neg", [node.outputs[0]])
    node.outputs[0].name, last.outputs[0].name = "m", "y"
    graph = ir.Graph([], [last.outputs[0]], nodes=[node, last], initializers=inputs, opset_imports={"": 21}, name="g")
    assert fold_constants(ir.Model(graph, ir_version=10))
    tensor = graph[0].inputs[0].const_value
    assert file._map is None, "the weight was read"
    expected = {"Transpose": array.T, "Cast": array.astype(np.float16)}.get(op_type, array).reshape(shape)
    np.testing.assert_array_equal(tensor.numpy(), expected)
