"""Multiply-adds, against counts made by hand: each formula is written out beside its operator."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from dragoman.conversion import outline
from dragoman.converters.caffe import zoo
from dragoman.graph_ir.inference import infer_shapes
from dragoman.graph_ir.text import parse_model
from dragoman.products import count_products

HEAD = '<ir_version: 10, opset_import: ["": 24, "com.microsoft": 1, "f": 1]>\n'

# inputs, node, multiply-adds
OPERATORS = {
    "Conv": ("float[2,3,5,5] x, float[4,3,3,3] w", "y = Conv (x, w)", "float[2,4,3,3]", 2 * 4 * 3 * 3 * (3 * 3 * 3)),
    "grouped": ("float[1,4,5,5] x, float[8,1,3,3] w", "y = Conv <group = 4> (x, w)", "float[1,8,3,3]", 8 * 3 * 3 * (1 * 3 * 3)),
    "Conv 1-d": ("float[1,4,9] x, float[8,4,2] w", "y = Conv (x, w)", "float[1,8,8]", 8 * 8 * (4 * 2)),
    "ConvTranspose": (
        "float[1,4,5,5] x, float[4,6,3,3] w", "y = ConvTranspose (x, w)", "float[1,6,7,7]", 4 * 5 * 5 * (6 * 3 * 3),
    ),
    "ConvInteger": ("uint8[1,2,4,4] x, uint8[3,2,2,2] w", "y = ConvInteger (x, w)", "int32[1,3,3,3]", 3 * 3 * 3 * (2 * 2 * 2)),
    "QLinearConv": (
        "uint8[1,2,4,4] x, float s, uint8 z, uint8[3,2,2,2] w",
        "y = QLinearConv (x, s, z, w, s, z, s, z)", "uint8[1,3,3,3]", 3 * 3 * 3 * (2 * 2 * 2),
    ),
    "DeformConv": (
        "float[1,2,4,4] x, float[3,2,2,2] w, float[1,8,3,3] o", "y = DeformConv (x, w, o)", "float[1,3,3,3]", 27 * (2 * 2 * 2),
    ),
    "Gemm": ("float[2,3] x, float[3,5] w", "y = Gemm (x, w)", "float[2,5]", 2 * 3 * 5),
    "Gemm transA": ("float[3,2] x, float[5,3] w", "y = Gemm <transA = 1, transB = 1> (x, w)", "float[2,5]", 2 * 3 * 5),
    "MatMul": ("float[7,1,2,3] x, float[4,3,5] w", "y = MatMul (x, w)", "float[7,4,2,5]", 7 * 4 * 2 * 3 * 5),
    "vectors": ("float[3] x, float[3] w", "y = MatMul (x, w)", "float", 3),
    "matrix and vector": ("float[2,3] x, float[3] w", "y = MatMul (x, w)", "float[2]", 6),
    "vector and matrix": ("float[3] x, float[3,4] w", "y = MatMul (x, w)", "float[4]", 12),
    "MatMulInteger": ("uint8[2,3] x, uint8[3,5] w", "y = MatMulInteger (x, w)", "int32[2,5]", 30),
    "QLinearMatMul": (
        "uint8[2,3] x, float s, uint8 z, uint8[3,5] w", "y = QLinearMatMul (x, s, z, w, s, z, s, z)", "uint8[2,5]", 30,
    ),
    "Einsum": ("float[2,3] x, float[3,5] w", 'y = Einsum <equation = "ij,jk->ik"> (x, w)', "float[2,5]", 2 * 3 * 5),
    "Einsum of three": ("float[2,3] x, float[3,5] w", 'y = Einsum <equation = "ij, jk, jk -> ik"> (x, w, w)', "float[2,5]", 60),
    "Einsum with dots": (
        "float[7,1,2,3] x, float[4,3,5] w", 'y = Einsum <equation = "...ij,...jk->...ik"> (x, w)', "float[7,4,2,5]", 7 * 4 * 30,
    ),
    "Einsum of one": ("float[2,3] x", 'y = Einsum <equation = "ij->ji"> (x)', "float[3,2]", 0),
    "Attention": (  # Q·Kᵀ: B·H·S·T·d; times V: B·H·S·T·e
        "float[2,4,3,8] q, float[2,4,5,8] k, float[2,4,5,6] v", "y = Attention (q, k, v)", "float[2,4,3,6]",
        2 * 4 * 3 * 5 * 8 + 2 * 4 * 3 * 5 * 6,
    ),
    "Attention of 3-d": (
        "float[2,3,32] q, float[2,5,16] k, float[2,5,16] v", "y = Attention <q_num_heads = 4, kv_num_heads = 2> (q, k, v)",
        "float[2,3,32]", 2 * 4 * 3 * 5 * 8 * 2,
    ),
    "Attention with a past": (
        "float[2,4,1,8] q, float[2,4,1,8] k, float[2,4,9,8] p", "y, pk, pv = Attention (q, k, k, , p, p)", "float[2,4,1,8]",
        2 * 4 * 1 * 10 * 8 * 2,
    ),
    "LSTM": (
        "float[7,2,3] x, float[1,20,3] w, float[1,20,5] r", "y = LSTM <hidden_size = 5> (x, w, r)", "float[7,1,2,5]",
        7 * 2 * 4 * 5 * (3 + 5),
    ),
    "GRU both ways": (
        "float[7,2,3] x, float[2,15,3] w, float[2,15,5] r", 'y = GRU <hidden_size = 5, direction = "bidirectional"> (x, w, r)',
        "float[7,2,2,5]", 2 * 7 * 2 * 3 * 5 * (3 + 5),
    ),
    "RNN": ("float[7,2,3] x, float[1,5,3] w, float[1,5,5] r", "y = RNN <hidden_size = 5> (x, w, r)", "float[7,1,2,5]", 14 * 5 * 8),
    "FusedConv": (
        "float[1,3,5,5] x, float[4,3,3,3] w", 'y = com.microsoft.FusedConv <activation = "Relu"> (x, w)', "float[1,4,3,3]", 36 * 27,
    ),
    "FusedMatMul": ("float[3,2] x, float[3,5] w", "y = com.microsoft.FusedMatMul <transA = 1> (x, w)", "float[2,5]", 30),
    "MatMulNBits": (
        "float[2,64] x, uint8[5,2,16] w, float[10] s", "y = com.microsoft.MatMulNBits <K = 64, N = 5, bits = 4> (x, w, s)",
        "float[2,5]", 2 * 64 * 5,
    ),
    "MultiHeadAttention": (
        "float[2,3,32] q, float[2,5,32] k", "y = com.microsoft.MultiHeadAttention <num_heads = 4> (q, k, k)", "float[2,3,32]",
        2 * 3 * 5 * 32 * 2,
    ),
    "Attention of com.microsoft": (
        "float[2,3,8] x, float[8,24] w, float[24] b", "y = com.microsoft.Attention <num_heads = 2> (x, w, b)", "float[2,3,8]",
        2 * 3 * 8 * 24 + 2 * 3 * 3 * 8 * 2,
    ),
    "no product": ("float[2,3] x", "y = Relu (x)", "float[2,3]", 0),
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator(name: str) -> None:
    inputs, node, output, expected = OPERATORS[name]
    found = count_products(parse_model(f"{HEAD}g ({inputs}) => ({output} y) {{ {node} }}"))
    assert found.total == expected
    assert not found.dynamic
    assert not found.notes


BODIES = {
    "If": (
        "y = If (c) <then_branch = t () => (p) { p = MatMul (x, x) }, "
        "else_branch = e () => (q) { h = MatMul (x, x) q = MatMul (h, x) }>", 2 * 27, [],
    ),
    "Loop": (
        "n = Constant <value = int64 {5}> () y = Loop (n, , x) "
        "<body = b (int64 i, bool k, float[3,3] s) => (bool m, float[3,3] o) { m = Identity (k) o = MatMul (s, x) }>", 5 * 27, [],
    ),
    "Loop that may stop": (
        "n = Constant <value = int64 {5}> () y = Loop (n, c, x) "
        "<body = b (int64 i, bool k, float[3,3] s) => (bool m, float[3,3] o) { m = Not (k) o = MatMul (s, x) }>",
        5 * 27, ["1 Loop may stop before the last round; all rounds are counted"],
    ),
    "Loop of unknown length": (
        "y = Loop (k0, c, x) <body = b (int64 i, bool k, float[3,3] s) => (bool m, float[3,3] o) { m = Not (k) o = MatMul (s, x) }>",
        27, ["the bodies of 1 Loop are counted once: how often they run isn't known"],
    ),
    "Scan": (
        "z, y = Scan (x, l) <num_scan_inputs = 1, body = b (float[3,3] s, float[3] r) => (float[3,3] o, float[3] t)"
        "{ o = Identity (s) t = MatMul (s, r) }>", 7 * 9, [],
    ),
    "Scan of another axis": (
        "z, y = Scan (x, l) <num_scan_inputs = 1, scan_input_axes = [1], body = b (float[3,3] s, float[7] r) "
        "=> (float[3,3] o, float[3] t) { o = MatMul (s, s) t = ReduceSum (s) }>", 3 * 27, [],
    ),
    "function": ("h = f.twice (x) y = f.twice (h)", 4 * 27, []),
    "function in a loop": (
        "n = Constant <value = int64 {5}> () y = Loop (n, , x) "
        "<body = b (int64 i, bool k, float[3,3] s) => (bool m, float[3,3] o) { m = Identity (k) o = f.twice (s) }>", 10 * 27, [],
    ),
    "another domain": (
        "y = f.MatMul (x, x)", 0, ["not counted, since only their own runtime knows what they do: f.MatMul × 1"],
    ),
    "unknown shape": ("h = com.microsoft.Unknown (x) y = MatMul (h, x)", 0, ["1 MatMul not counted: the shapes aren't known"]),
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
def test_bodies(name: str) -> None:
    """What is in an If counts once for the larger branch, in a Loop or Scan for each round, in a function for each call."""
    nodes, expected, notes = BODIES[name]
    text = (
        f"{HEAD}g (float[3,3] x, bool c, int64 k0, float[7,3] l) => (float[] y) {{ {nodes} }}\n"
        '<domain: "f", opset_import: ["": 24, "f": 1]> twice (a) => (b) { h = f.once (a) b = MatMul (h, a) }\n'
        '<domain: "f", opset_import: ["": 24]> once (a) => (b) { b = MatMul (a, a) }\n'
    )
    found = count_products(parse_model(text))
    assert (found.total, list(found.notes)) == (expected, notes)


def test_dynamic_dimensions_are_one() -> None:
    found = count_products(parse_model(HEAD + "g (float[N,?,3] x, float[3,5] w) => (float[N,?,5] y) { y = MatMul (x, w) }"))
    assert (found.total, set(found.dynamic)) == (15, {"N", "?"})


def test_what_is_computed_from_dynamic_dimensions_counts_as_it_is() -> None:
    """(N, 6) as (2·N, 3), and every third row of it: (2·N + 2) // 3."""
    model = parse_model(
        HEAD + "g (float[N,6] x, float[3,5] w) => (float[M,5] y, float[K,5] z)"
        "<int64[2] s = {-1, 3}, int64[1] zero = {0}, int64[1] end = {9000}, int64[1] three = {3}>"
        "{ r = Reshape (x, s) a = MatMul (r, w) y = Neg (a) t = Slice (r, zero, end, zero, three) b = MatMul (t, w) z = Neg (b) }"
    )
    infer_shapes(model)
    found = count_products(model)
    assert (found.total, found.dynamic) == (2 * 15 + 15, ("N",))


def test_the_model_stays_as_it_is() -> None:
    model = parse_model(
        HEAD + 'g (float[3,3] x) => (float[] y) { y = f.once (x) }\n'
        '<domain: "f", opset_import: ["": 24]> once (a) => (b) { b = MatMul (a, a) }\n'
    )
    assert count_products(model).total == 27
    assert len(model.functions) == 1
    assert next(iter(model.graph)).op_type == "once"


def test_a_published_network(tmp_path: Path) -> None:
    """MobileNet has 569 million, says its paper (table 4)."""
    mobilenet, _ = zoo.write("mobilenet", tmp_path)
    assert round(count_products(outline(mobilenet).ir).total / 1e6) == 569


@pytest.mark.parametrize(("name", "expected"), [("resnet50", 4.09), ("vgg19", 19.63), ("densenet121", 2.83), ("squeezenet", 0.35)])
def test_onnx_light_models(name: str, expected: float) -> None:
    """Torchvision documents 4.09, 19.63, 2.83 and 0.35 thousand million for the weights of these networks (``GFLOPS``)."""
    path = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light" / f"light_{name}.onnx"
    assert round(count_products(outline(path, keep_opset=True).ir).total / 1e9, 2) == expected


def test_weights_are_not_read(tmp_path: Path) -> None:
    """64 GB of weights that aren't there."""
    weight = onnx.TensorProto(name="w", data_type=1, dims=[1 << 17, 1 << 17], data_location=1)
    weight.external_data.add(key="location", value="w.data")
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["x", "w"], ["y"])], "g",
        [onnx.helper.make_tensor_value_info("x", 1, [1, 1 << 17])], [onnx.helper.make_tensor_value_info("y", 1, [1, 1 << 17])], [weight],
    )  # fmt: skip
    path = tmp_path / "huge.onnx"
    onnx.save(onnx.helper.make_model(graph, ir_version=10, opset_imports=[onnx.helper.make_opsetid("", 21)]), path)
    with (tmp_path / "w.data").open("wb") as stream:
        stream.truncate(64 << 30)
    assert count_products(outline(path).ir).total == 1 << 34
