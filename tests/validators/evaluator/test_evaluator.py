"""What is run, in which precision, with how much memory, and what errors say."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from dragoman.graph_ir.errors import DragomanError
from dragoman.graph_ir.provenance import Origin, set_origins
from dragoman.graph_ir.tensors import MappedFile, MappedTensor
from dragoman.validators.evaluator import EvaluationError, Evaluator
from dragoman.validators.evaluator.kernels.table import Family, merge

CHAIN = """<ir_version: 8, opset_import: ["" : 17]>
g (float[N] x) => (float[N] y) <float[1] w = {3.0}> {
  a = Mul(x, w)
  b = Exp(a)
  y = Log(b)
}"""


def _model(text: str) -> ir.Model:
    return ir.from_proto(onnx.parser.parse_model(text))


def test_float64_rounds_far_less_than_float32() -> None:
    x = np.linspace(-2, 2, 101, dtype=np.float32)
    exact = 3.0 * x.astype(np.float64)
    wide, single = (Evaluator(_model(CHAIN), dtype).run({"x": x})["y"] for dtype in (np.float64, np.float32))
    assert (wide.dtype, single.dtype) == (np.float64, np.float32)
    assert np.abs(wide - exact).max() < 1e-14
    assert 1e-8 < np.abs(single - exact).max() < 1e-5


@pytest.mark.parametrize("outputs", [["a"], ["b", "y"], ["x"], ["w"], ["y", "x", "a"]])
def test_any_value_can_be_asked_for(outputs: list[str]) -> None:
    x = np.array([0.5, 1.0], np.float32)
    known = {"x": x, "w": np.array([3.0]), "a": 3 * x, "b": np.exp(3 * x.astype(np.float64)), "y": 3 * x}
    found = Evaluator(_model(CHAIN)).run({"x": x}, outputs)
    assert list(found) == outputs
    for name in outputs:
        np.testing.assert_allclose(found[name], known[name], rtol=1e-14)
        assert found[name].dtype == np.float64


def test_a_fed_value_replaces_what_computes_it() -> None:
    found = Evaluator(_model(CHAIN)).run({"b": np.array([np.e], np.float64)}, ["y"])
    np.testing.assert_allclose(found["y"], [1.0], rtol=1e-15)


def test_only_what_is_needed_runs() -> None:
    text = """<ir_version: 8, opset_import: ["" : 17, "custom" : 1]>
    g (float[N] x) => (float[N] y, float[N] z) { y = Neg(x)  z = custom.Unknown(x) }"""
    x = np.array([1.0], np.float32)
    assert Evaluator(_model(text)).run({"x": x}, ["y"])["y"] == [-1.0]
    with pytest.raises(EvaluationError, match=r"z \(Unknown\)"):
        Evaluator(_model(text)).run({"x": x})


def test_doubles_stay_double_and_integers_stay_integers() -> None:
    text = """<ir_version: 8, opset_import: ["" : 17]>
    g (float[2] x, int32[2] i) => (double[2] d, int32[2] j, float[2] h, bool[2] b) {
      d = Cast<to = 11>(x)
      j = Add(i, i)
      half = Cast<to = 10>(x)
      h = Cast<to = 1>(half)
      b = Greater(x, half)
    }"""
    x = np.array([0.1, 0.2], np.float32)
    found = Evaluator(_model(text), np.float32).run({"x": x, "i": np.array([1, 2], np.int32)})
    assert [found[k].dtype for k in "djhb"] == [np.float64, np.int32, np.float32, np.bool_]
    np.testing.assert_array_equal(found["h"], x)  # float16 is held in the evaluator's precision


def test_not_a_number_and_infinity_pass_silently(recwarn: pytest.WarningsRecorder) -> None:
    x = np.array([np.nan, np.inf, -np.inf, 1e30], np.float32)
    y = Evaluator(_model(CHAIN), np.float32).run({"x": x})["y"]
    np.testing.assert_array_equal(y, np.array([np.nan, np.inf, -np.inf, np.inf], np.float32))
    assert not recwarn.list


@pytest.mark.parametrize(
    ("feeds", "outputs", "message"),
    [
        ({"x": np.zeros(1)}, ["nothing"], "no value named nothing"),
        ({"x": np.zeros(1), "q": np.zeros(1)}, None, "no value named q"),
        ({}, None, "nothing gives the value x"),
    ],
)
def test_errors_of_names(feeds: dict[str, np.ndarray], outputs: list[str] | None, message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        Evaluator(_model(CHAIN)).run(feeds, outputs)


def test_an_error_names_node_operator_and_source() -> None:
    model = _model('<ir_version: 8, opset_import: ["" : 17]> g (float[N, M] x) => (float[N, M] y) { y = MatMul(x, x) }')
    set_origins(model.graph[0], [Origin("fc6", "InnerProduct")])
    with pytest.raises(DragomanError, match=r"layer y \(MatMul, from fc6 \(InnerProduct\)\): ValueError") as caught:
        Evaluator(model).run({"x": np.zeros((2, 3), np.float32)})
    assert isinstance(caught.value, EvaluationError)


def test_only_float32_and_float64() -> None:
    with pytest.raises(EvaluationError, match="float16"):
        Evaluator(_model(CHAIN), np.float16)


def test_intermediates_are_freed() -> None:
    nodes = "\n".join(f"v{k + 1} = Relu(v{k})" for k in range(40))
    model = _model(f'<ir_version: 8, opset_import: ["" : 17]> g (float[N] v0) => (float[N] v40) {{ {nodes} }}')
    x = np.ones(1 << 17, np.float32)
    evaluator = Evaluator(model)
    tracemalloc.start()
    evaluator.run({"v0": x})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * x.size * 8


@pytest.mark.parametrize("operator", ["Gemm", "MatMul"])
def test_large_mapped_weights_are_converted_by_blocks(tmp_path: Path, operator: str) -> None:
    rows, columns = 3000, 4000
    values = np.random.default_rng(0).standard_normal((rows, columns), dtype=np.float32)
    path = tmp_path / "weights"
    path.write_bytes(values.tobytes())
    tensor = MappedTensor(MappedFile(path), 0, ir.DataType.FLOAT, [rows, columns], name="w")
    weight = ir.Value(name="w", type=ir.TensorType(ir.DataType.FLOAT), shape=ir.Shape([rows, columns]), const_value=tensor)
    transposed = operator == "Gemm"
    x = ir.val("x", ir.DataType.FLOAT, [2, columns if transposed else rows])
    node = ir.node(operator, [x, weight], attributes={"transB": 1} if transposed else {})
    node.outputs[0].name = "y"
    graph = ir.Graph([x], [node.outputs[0]], nodes=[node], initializers=[weight], opset_imports={"": 17}, name="g")
    feed = np.random.default_rng(1).standard_normal((2, columns if transposed else rows), dtype=np.float32)
    evaluator = Evaluator(ir.Model(graph, ir_version=9))
    tracemalloc.start()
    y = evaluator.run({"x": feed})["y"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < values.size * 8 * 0.8
    matrix = values.astype(np.float64)
    np.testing.assert_allclose(y, feed.astype(np.float64) @ (matrix.T if transposed else matrix), rtol=1e-11, atol=1e-11)


def test_a_table_refuses_a_second_kernel() -> None:
    one, other = Family(), Family()
    one.op("Relu")(lambda node, x: x)
    with pytest.raises(ValueError, match="Relu"):
        one.op("Relu")(lambda node, x: x)
    other.op("Relu")(lambda node, x: x)
    with pytest.raises(ValueError, match="Relu"):
        merge([one, other])
