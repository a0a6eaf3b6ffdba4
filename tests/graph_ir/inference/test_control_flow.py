"""Graphs inside graphs, functions, sequences and optionals; ONNX Runtime's shapes are the authority."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest
from onnx import parser

from dragoman.graph_ir.errors import MalformedModel
from dragoman.graph_ir.inference import evaluate, infer_shapes, parse

HEADER = '<ir_version: 9, opset_import: ["": 20, "local": 1]>\n'

# name: (model, how the outputs' shapes print, feeds)
CASES: dict[str, tuple[str, list[str], Mapping[str, Any]]] = {
    "if, equal branches": (
        """g (bool b, float[n,h] x) => (y) {
             y = If(b) <then_branch = t () => (float[a,c] u) { u = Relu(x) }, else_branch = e () => (float[a,d] v) { v = Neg(x) }>
           }""",
        ["n,h"],
        {"b": np.array(True), "x": np.ones((2, 3), np.float32)},
    ),
    "if, unlike sizes": (
        """g (bool b, float[n,h] x) => (y) {
             y = If(b) <then_branch = t () => (u) { u = Concat<axis=1>(x, x) }, else_branch = e () => (v) { v = Neg(x) }>
           }""",
        ["n,y_1"],
        {"b": np.array(True), "x": np.ones((2, 3), np.float32)},
    ),
    "if, known condition": (
        """g (float[n,1] x) => (y) {
             s = Shape<start=1>(x)
             one = Constant<value_ints=[1]>()
             b = Equal(s, one)
             y = If(b) <then_branch = t () => (u) { u = Squeeze(x, one) }, else_branch = e () => (v) { v = Identity(x) }>
           }""",
        ["n"],
        {"x": np.ones((2, 1), np.float32)},
    ),
    "loop keeps a state and stacks": (
        """g (float[n,h] x) => (y, z) {
             m = Constant<value_int=5>()
             y, z = Loop(m, , x) <body = b (int64 i, bool c, float[n,h] s) => (bool c2, float[n,h] s2, float[h] o) {
               c2 = Identity(c)
               s2 = Add(s, s)
               zero = Constant<value_ints=[0]>()
               o = ReduceSum<keepdims=0>(s2, zero)
             }>
           }""",
        ["n,h", "5,h"],
        {"x": np.ones((2, 3), np.float32)},
    ),
    "loop as often as a dimension": (
        """g (float[n,h] x) => (y, z) {
             s = Shape<end=1>(x)
             m = Squeeze(s)
             t = Constant<value = bool {1}>()
             y, z = Loop(m, t, x) <body = b (int64 i, bool c, float[k,l] s3) => (bool c2, float[k,l] s2, float[k2,l2] o) {
               c2 = Identity(c)
               s2 = Relu(s3)
               o = Neg(s3)
             }>
           }""",
        ["n,h", "n,n,h"],
        {"x": np.ones((2, 3), np.float32)},
    ),
    "loop grows a state": (
        """g (float[n,h] x) => (y) {
             m = Constant<value_int=3>()
             y = Loop(m, , x) <body = b (int64 i, bool c, float[p,q] s) => (bool c2, float[p2,q2] s2) {
               c2 = Identity(c)
               s2 = Concat<axis=0>(s, x)
             }>
           }""",
        ["y_0,h"],
        {"x": np.ones((2, 3), np.float32)},
    ),
    "loop until data says so": (
        """g (float[n] x) => (y, z) {
             m = Constant<value_int=9>()
             y, z = Loop(m, , x) <body = b (int64 i, bool c, float[n] s) => (bool c2, float[n] s2, float o) {
               s2 = Add(s, x)
               o = ReduceMax<keepdims=0>(s2)
               f = Constant<value_float=3.0>()
               c2 = Less(o, f)
             }>
           }""",
        ["n", "z_0"],
        {"x": np.ones((2,), np.float32)},
    ),
    "scan": (
        """g (float[h] s, float[t,h] x, float[5,t] w) => (y, z) {
             y, z = Scan(s, x, w) <num_scan_inputs=2, scan_input_axes=[0,1], scan_output_axes=[1],
               body = b (float[h] a, float[h] e, float[5] f) => (float[h] a2, float[h] o) { a2 = Add(a, e)  o = Neg(a2) }>
           }""",
        ["h", "h,t"],
        {"s": np.ones(3, np.float32), "x": np.ones((4, 3), np.float32), "w": np.ones((5, 4), np.float32)},
    ),
    "function": (
        """g (float[n,h] x) => (y, z) { y = local.f <axis=1> (x)  z = local.f <axis=0> (y) }
           <domain: "local", opset_import: ["": 20]> f <axis> (a) => (b) { c = Concat<axis: int = @axis>(a, a)  b = Relu(c) }""",
        ["n,2*h", "2*n,2*h"],
        {"x": np.ones((2, 3), np.float32)},
    ),
    "function that calls one": (
        """g (float[n,h] x) => (y) { y = local.f <axis=1> (x) }
           <domain: "local", opset_import: ["": 20, "local": 1]> f <axis> (a) => (b) { b = local.g2 <axis: int = @axis> (a) }
           <domain: "local", opset_import: ["": 20]> g2 <axis> (a) => (b) { b = Flatten<axis: int = @axis>(a) }""",
        ["n,h"],
        {"x": np.ones((2, 3), np.float32)},
    ),
    "sequence": (
        """g (float[n,h] x, float[n,h] z) => (y, k) {
             s = SequenceConstruct(x, z)
             zero = Constant<value_int=0>()
             y = SequenceAt(s, zero)
             k = ConcatFromSequence<axis=0, new_axis=1>(s)
           }""",
        ["n,h", "2,n,h"],
        {"x": np.ones((2, 3), np.float32), "z": np.ones((2, 3), np.float32)},
    ),
    "unlike elements": (
        """g (float[n,h] x, float[m,h] z) => (y, k) {
             s = SequenceConstruct(x, z)
             zero = Constant<value_int=0>()
             one = Constant<value_int=1>()
             y = SequenceAt(s, zero)
             k = SequenceAt(s, one)
           }""",
        ["y_0,h", "k_0,h"],
        {"x": np.ones((2, 3), np.float32), "z": np.ones((5, 3), np.float32)},
    ),
    "split to a sequence": (
        """g (float[n,h] x) => (y) {
             s = SplitToSequence<axis=0, keepdims=0>(x)
             zero = Constant<value_int=0>()
             y = SequenceAt(s, zero)
           }""",
        ["h"],
        {"x": np.ones((2, 3), np.float32)},
    ),
    "names of data": (
        """g (float[n,h] x) => (y, k) { y = NonZero(x)  t = Transpose(y)  k = GatherND(x, t) }""",
        ["2,y_1", "y_1"],
        {"x": np.array([[1, 0, 2], [0, 0, 3]], np.float32)},
    ),
}


def model_of(text: str) -> ir.Model:
    proto = parser.parse_model(HEADER + text)
    return ir.serde.deserialize_model(proto)


@pytest.mark.parametrize("name", CASES)
def test_against_onnxruntime(name: str) -> None:
    text, expected, feeds = CASES[name]
    model = model_of(text)
    infer_shapes(model)
    shapes = [value.shape for value in model.graph.outputs]
    assert [",".join(map(str, shape)) for shape in shapes if shape is not None] == expected
    onnx.checker.check_model(ir.serde.serialize_model(model))
    session = ort.InferenceSession(ir.serde.serialize_model(model).SerializeToString(), providers=["CPUExecutionProvider"])
    sizes = {
        str(d): have
        for value in model.graph.inputs
        if value.shape is not None
        for d, have in zip(value.shape, feeds[value.name or ""].shape, strict=True)
        if not isinstance(d, int)
    }
    for value, result in zip(model.graph.outputs, session.run(None, dict(feeds)), strict=True):
        assert value.shape is not None and value.dtype is not None
        assert value.dtype.numpy() == result.dtype
        assert len(value.shape) == result.ndim
        for d, have in zip(value.shape, result.shape, strict=True):
            size = d if isinstance(d, int) else evaluate(parse(d.value or "?"), sizes)
            assert size in (None, have)


def test_bodies_are_typed() -> None:
    text, _, _ = CASES["loop keeps a state and stacks"]
    model = model_of(text)
    infer_shapes(model)
    found = {out.name: (out.dtype, str(out.shape)) for node in model.graph.all_nodes() for out in node.outputs}
    assert found["s2"] == (ir.DataType.FLOAT, "[n,h]")
    assert found["o"] == (ir.DataType.FLOAT, "[h]")


def test_function_bodies_hold_what_all_calls_agree_on() -> None:
    model = model_of(
        """g (float[4,h] x, float[5,h] w) => (y, z) { y = local.f(x)  z = local.f(w) }
           <domain: "local", opset_import: ["": 20]> f (a) => (b) { b = Relu(a) }"""
    )
    infer_shapes(model)
    (function,) = model.functions.values()
    (node,) = function
    assert node.outputs[0].dtype == ir.DataType.FLOAT
    assert node.outputs[0].shape == [None, "h"]
    infer_shapes(model)  # what a body holds of other calls is nothing to hold these to
    assert [str(value.shape) for value in model.graph.outputs] == ["[4,h]", "[5,h]"]


def test_a_branch_that_never_runs_may_be_wrong() -> None:
    model = model_of(
        """g (float[n,3] x) => (y) {
             s = Shape<start=1>(x)
             one = Constant<value_ints=[1]>()
             b = Equal(s, one)
             y = If(b) <then_branch = t () => (u) { u = Squeeze(x, one) }, else_branch = e () => (v) { v = Identity(x) }>
           }"""
    )
    infer_shapes(model)
    assert str(model.graph.outputs[0].shape) == "[n,3]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            """g (bool b, float[n] x) => (y) {
                 y = If(b) <then_branch = t () => (u) { u = Cast<to=7>(x) }, else_branch = e () => (v) { v = Neg(x) }>
               }""",
            "int64 in the then_branch and float in the else_branch",
        ),
        (
            """g (float[3] s, float[t,h] x) => (y) {
                 y = Scan(s, x) <num_scan_inputs=1, body = b (float[3] a, float[h] e) => (float[6] a2) { a2 = Concat<axis=0>(a, a) }>
               }""",
            "a state of 3 one of 6",
        ),
        (
            """g (float[4] s, float[5] x) => (y) { y = local.f(s, x) }
               <domain: "local", opset_import: ["": 20]> f (a, b) => (c) { c = Add(a, b) }""",
            r"\(4\) and \(5\) don't broadcast",
        ),
    ],
)
def test_misfits(text: str, message: str) -> None:
    with pytest.raises(MalformedModel, match=message):
        infer_shapes(model_of(text))


@pytest.mark.parametrize("last", ["b = local.f0(a)", "b = local.f999(a)"], ids=["in a circle", "too deep"])
def test_endless_calls_are_one_error(last: str) -> None:
    head = '<domain: "local", opset_import: ["": 20, "local": 1]>'
    count = 3 if "f0" in last else 1000
    bodies = [f"{head} f{i} (a) => (b) {{ b = local.f{i + 1}(a) }}" for i in range(count - 1)]
    functions = "\n".join([*bodies, f"{head} f{count - 1} (a) => (b) {{ {last} }}"])
    with pytest.raises(MalformedModel, match="nested more than"):
        infer_shapes(model_of(f"g (float[n] x) => (y) {{ y = local.f0(x) }}\n{functions}"))
