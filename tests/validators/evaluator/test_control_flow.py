"""Subgraphs and functions, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest

from dragoman.validators.evaluator import Evaluator

IF = """<ir_version: 8, opset_import: ["" : 17]>
g (bool c, float[3] x) => (float[3] y) {
  unused = Neg(x)
  z = Add(x, x)
  y = If (c) <
    then_branch = t () => (float[3] a) { s = Sin(z)  a = Mul(s, x) },
    else_branch = e () => (float[3] b) { b = Identity(z) }>
}"""
LOOP = """<ir_version: 8, opset_import: ["" : 17]>
g (int64 n, float[2] x) => (float[2] last, float[m, 2] all) <float[2] step = {0.5, 2.0}> {
  go = Constant<value = bool {1}>()
  scale = Exp(step)
  last, all = Loop (n, go, x) <body = b (int64 i, bool more, float[2] h) => (bool again, float[2] next, float[2] row) {
    grown = Mul(h, scale)
    next = Add(grown, x)
    row = Neg(next)
    total = ReduceSum<keepdims = 0>(next)
    limit = Constant<value = float {60.0}>()
    again = Less(total, limit)
  }>
}"""
NESTED = """<ir_version: 8, opset_import: ["" : 17]>
g (int64 n, float[2] x) => (float[2] last) {
  go = Constant<value = bool {1}>()
  far = Cos(x)
  last = Loop (n, go, x) <body = b (int64 i, bool more, float[2] h) => (bool again, float[2] next) {
    again = Identity(more)
    zero = Constant<value = int64 {0}>()
    first = Equal(i, zero)
    next = If (first) <
      then_branch = t () => (float[2] p) { p = Add(h, far) },
      else_branch = e () => (float[2] q) { m = Mul(h, x)  q = Sub(m, far) }>
  }>
}"""
SCAN = """<ir_version: 8, opset_import: ["" : 17]>
g (float[2] h, float[2, 5] x) => (float[2] last, float[2, 5] y) {
  last, y = Scan <num_scan_inputs = 1, scan_input_axes = [1], scan_output_axes = [1], scan_input_directions = [1],
    body = b (float[2] s, float[2] e) => (float[2] t, float[2] o) { t = Add(s, e)  o = Mul(t, e) }> (h, x)
}"""
FUNCTIONS = """<ir_version: 8, opset_import: ["" : 17, "dragoman" : 1]>
g (float[2, 3] x) => (float[2, 3] y, float[2, 3] z) {
  y = dragoman.leaky<alpha = 0.3> (x)
  z = dragoman.twice<slope = 0.25> (y)
}
<domain: "dragoman", opset_import: ["" : 17]>
leaky <alpha> (x) => (y) { y = LeakyRelu<alpha: float = @alpha> (x) }
<domain: "dragoman", opset_import: ["" : 17, "dragoman" : 1]>
twice <slope> (x) => (y) {
  h = dragoman.leaky<alpha: float = @slope> (x)
  d = Constant<value_float: float = @slope> ()
  y = Add (h, d)
}"""

X = np.array([0.5, -1.5, 2.0], np.float32)
H = np.array([1.0, -0.25], np.float32)
FRAMES = np.random.default_rng(3).standard_normal((2, 5)).astype(np.float32)
CASES = [
    pytest.param(IF, {"c": np.array(True), "x": X}, id="then"),
    pytest.param(IF, {"c": np.array(False), "x": X}, id="else"),
    pytest.param(LOOP, {"n": np.array(3), "x": H}, id="loop to the count"),
    pytest.param(LOOP, {"n": np.array(100), "x": np.abs(H)}, id="loop to the condition"),
    pytest.param(LOOP, {"n": np.array(0), "x": H}, id="loop never"),
    pytest.param(NESTED, {"n": np.array(4), "x": H}, id="if in a loop"),
    pytest.param(SCAN, {"h": H, "x": FRAMES}, id="scan"),
    pytest.param(FUNCTIONS, {"x": FRAMES[:, :3].copy()}, id="functions"),
]


@pytest.mark.parametrize(("text", "feeds"), CASES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equals_onnxruntime(text: str, feeds: dict[str, np.ndarray], dtype: type) -> None:
    model = onnx.parser.parse_model(text)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    expected = dict(zip([o.name for o in session.get_outputs()], session.run(None, feeds), strict=True))
    actual = Evaluator(ir.from_proto(model), dtype).run(feeds)
    assert actual.keys() == expected.keys()
    for name, value in expected.items():
        assert actual[name].dtype == dtype
        assert actual[name].shape == value.shape
        np.testing.assert_allclose(actual[name], value, rtol=1e-6, atol=1e-7)


def test_the_body_runs_again_each_time() -> None:
    model = ir.from_proto(onnx.parser.parse_model(LOOP))
    evaluator = Evaluator(model)
    first = evaluator.run({"n": np.array(2), "x": H})
    evaluator.run({"n": np.array(5), "x": X[:2]})
    again = evaluator.run({"n": np.array(2), "x": H})
    np.testing.assert_array_equal(first["all"], again["all"])
