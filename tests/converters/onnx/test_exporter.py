"""What is written around the operators: opsets, IR versions, functions, names, and the model that stays as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest

from dragoman.converters.onnx import exporter
from dragoman.converters.onnx.exporter import DEFAULT_OPSET, check, save, to_proto
from dragoman.converters.onnx.importer import load
from dragoman.graph_ir import DOMAIN, IR_OPSET, Builder, Model, Origin, Source
from dragoman.graph_ir.errors import TargetError, UnsupportedOperator, UsageError
from dragoman.graph_ir.opsets import NEWEST, OLDEST

X = np.random.default_rng(0).standard_normal((2, 4, 6)).astype(np.float32)


def scaled_norm(layer: str, axis: int) -> ir.Function:
    """A function whose body changes with the opset: its reductions have axes, its softmax one axis."""
    body = Builder(layer)
    x = body.input("x", ir.DataType.FLOAT, X.shape)
    y = body.op("Mul", body.op("Softmax", x, axis=axis), body.op("ReduceSum", body.op("Mul", x, x), body.const([axis])))
    body.output(y, "y")
    for name, value in list(body.graph.initializers.items()):
        del body.graph.initializers[name]
        node = ir.node("Constant", [], {"value": value.const_value})
        node.outputs[0].type, node.outputs[0].shape = value.type, value.shape
        ir.convenience.replace_all_uses_with(value, node.outputs[0])
        value.name, node.outputs[0].name = None, name
        node.attributes["value"].value.name = name  # inlining names it, and copies of a graph share their tensors
        body.graph.insert_before(body.graph[0], node)
    function = ir.Function(DOMAIN, "ScaledNorm", layer, graph=body.graph, attributes=[])
    function.opset_imports[""] = IR_OPSET
    return function


def with_functions() -> Model:
    g = Builder("functions")
    y = g.input("x", ir.DataType.FLOAT, X.shape)
    for layer, axis in (("first", 1), ("second", 2)):
        with g.source(Origin(layer, "ScaledNorm")):
            (y,) = g.call(scaled_norm(layer, axis), y, shapes=[X.shape], dtypes=[ir.DataType.FLOAT])
    g.output(y, "y")
    return Model(g.model(), Source("test"))


def run(proto: onnx.ModelProto) -> np.ndarray:
    return onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": X})[0]


def expected() -> np.ndarray:
    y = X.astype(np.float64)
    for axis in (1, 2):
        e = np.exp(y - y.max(axis, keepdims=True))
        y = e / e.sum(axis, keepdims=True) * (y * y).sum(axis, keepdims=True)
    return y


@pytest.mark.parametrize("opset", [11, 13, 15, 17, 18, 20, 21, 23, NEWEST])
def test_functions_are_lowered_and_stay_functions_where_there_are_some(opset: int, newest_opset: int) -> None:
    if opset > newest_opset:
        pytest.skip(f"the installed ONNX Runtime reads opsets up to {newest_opset}")
    proto = to_proto(with_functions(), opset=opset)
    onnx.checker.check_model(proto, full_check=True)
    np.testing.assert_allclose(run(proto), expected(), rtol=1e-5)
    if opset < 15:
        assert not proto.functions
        assert [entry.domain for entry in proto.opset_import] == [""]
    else:
        assert len(proto.functions) == 2
        assert {entry.version for f in proto.functions for entry in f.opset_import if entry.domain == ""} == {opset}
        assert len({f.name for f in proto.functions}) == 2
        assert not any(f.overload for f in proto.functions)


@pytest.mark.parametrize(("opset", "ir_version"), [(11, 6), (13, 7), (15, 8), (18, 8), (19, 9), (21, 10), (23, 11)])
def test_ir_version_is_the_oldest_that_has_the_opset(opset: int, ir_version: int) -> None:
    assert to_proto(affine(), opset=opset).ir_version == ir_version


def affine(op: str = "Mul", **attributes: object) -> Model:
    g = Builder("affine")
    x = g.input("x", ir.DataType.FLOAT, X.shape)
    with g.source(Origin("layer1", "Layer")):
        first = g.op(op, x, x, **attributes) if op == "Mul" else g.op(op, x, **attributes)
        second = g.op("Mul", first, g.const(2.0))
        third = g.op("Mul", second, g.const(3.0))
    g.output(third, "y")
    return Model(g.model(), Source("test"))


def test_without_a_choice_the_opset_is_the_default() -> None:
    assert to_proto(affine()).opset_import[0].version == DEFAULT_OPSET


def test_without_a_choice_the_opset_is_as_new_as_the_model_needs() -> None:
    g = Builder("needs 25")
    x = g.input("x", ir.DataType.FLOAT, (1, 6))
    g.output(g.op("Cast", x, to=ir.DataType.INT2.value), "y")
    assert to_proto(Model(g.model(), Source("test"))).opset_import[0].version == 25


def test_a_model_that_was_onnx_keeps_its_opset() -> None:
    model = affine()
    for own, written in ((13, 13), (8, OLDEST), (NEWEST, NEWEST)):
        model.source = Source("onnx", opset=own)
        assert to_proto(model).opset_import[0].version == written


def test_nodes_of_one_name_are_named_apart() -> None:
    names = [node.name for node in to_proto(affine()).graph.node]
    assert len(set(names)) == len(names) == 3


def test_gaps_name_the_operator_the_opset_and_the_source_layer() -> None:
    g = Builder("two gaps")
    x = g.input("x", ir.DataType.STRING, (6,))
    with g.source(Origin("join4", "Join")):
        y = g.op("StringConcat", x, x)
    with g.source(Origin("match4", "Match")):
        y = g.op("RegexFullMatch", y, pattern="a+")
    g.output(y, "y")
    model = Model(g.model(), Source("test"))
    gaps = check(model, opset=13)
    assert [(gap.operator, list(gap.layers)) for gap in gaps] == [("StringConcat", ["join4"]), ("RegexFullMatch", ["match4"])]
    assert all("opset 13" in gap.reason for gap in gaps)
    with pytest.raises(UnsupportedOperator, match="2 operators"):
        to_proto(model, opset=13)
    assert check(model, opset=20) == []


def test_a_type_that_the_opset_lacks_is_a_gap() -> None:
    g = Builder("types")
    x = g.input("x", ir.DataType.BFLOAT16, (3,))
    with g.source(Origin("relu", "ReLU")):
        g.output(g.op("Relu", x), "y")
    model = Model(g.model(), Source("test"))
    assert check(model, opset=13) == []
    (gap,) = check(model, opset=12)
    assert (gap.operator, list(gap.layers)) == ("Relu", ["relu"])
    assert "tensor(bfloat16)" in gap.reason


@pytest.mark.parametrize("opset", [OLDEST - 1, NEWEST + 1, 0, -3])
def test_opsets_that_are_not_written(opset: int) -> None:
    with pytest.raises(UsageError, match=str(opset)):
        to_proto(affine(), opset=opset)


def test_the_model_stays_as_it_was(tmp_path: Path) -> None:
    model = with_functions()
    before = ir.serde.serialize_model(model.ir).SerializeToString(deterministic=True)
    for opset in (11, 17, 21):
        save(model, tmp_path / "m.onnx", opset=opset)
    assert ir.serde.serialize_model(model.ir).SerializeToString(deterministic=True) == before


@pytest.mark.parametrize("external", [True, False])
def test_written_files_hold_every_weight(tmp_path: Path, external: bool) -> None:
    g = Builder("weights")
    x = g.input("x", ir.DataType.FLOAT, X.shape)
    weight = np.random.default_rng(1).standard_normal((6, 400)).astype(np.float32)
    shared = ir.Tensor(weight)
    g.output(g.op("MatMul", x, g.initializer(shared, "w")), "y")
    other = ir.Value(name="again", type=ir.TensorType(ir.DataType.FLOAT), shape=ir.Shape(weight.shape), const_value=shared)
    g.graph.initializers.add(other)
    g.output(g.op("MatMul", x, other), "z")
    seen: list[tuple[int, int]] = []
    model = Model(g.model(), Source("test"))
    path = exporter.save(model, tmp_path / "m.onnx", external_data=external, progress=lambda *counts: seen.append(counts))
    onnx.checker.check_model(path, full_check=True)
    assert (tmp_path / "m.onnx.data").exists() == external
    outputs = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"x": X})
    np.testing.assert_allclose(outputs[0], X @ weight, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(outputs[0], outputs[1])
    assert seen[-1] == ((1 if external else 2) * weight.nbytes,) * 2  # in a file of its own, what is there twice is stored once


def test_an_unwritable_folder_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="can't write"):
        save(affine(), tmp_path / "missing" / "m.onnx")


def test_a_parameter_of_a_function_is_what_its_call_says() -> None:
    """Opset 11's Softmax means something else: which axes, the function doesn't know."""
    proto = onnx.parser.parse_model("""
        <ir_version: 8, opset_import: ["": 13, "my": 1]>
        g (float[2, 3, 4] x) => (float[2, 3, 4] y) { y = my.f <over = 1> (x) }
        <opset_import: ["": 13], domain: "my">
        f <over> (a) => (b) { b = Softmax <axis: int = @over> (a) }
    """)
    x = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)
    written = to_proto(load(proto), opset=11)
    onnx.checker.check_model(written, full_check=True)
    expected = onnxruntime.InferenceSession(proto.SerializeToString()).run(None, {"x": x})[0]
    np.testing.assert_allclose(onnxruntime.InferenceSession(written.SerializeToString()).run(None, {"x": x})[0], expected, rtol=1e-5)
