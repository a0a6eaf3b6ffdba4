"""Print and read back: onnx's node tests and our networks, and every part that a graph can have."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx_ir as ir
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases

import dragoman
from dragoman.converters.caffe import zoo
from dragoman.graph_ir.errors import MalformedModel
from dragoman.graph_ir.provenance import Origin, origins, set_origins, set_source_tensors, source_tensors
from dragoman.graph_ir.text import Style, named_tensors, parse_model, print_model

Check = Callable[..., str]
GROUPS = 24


@cache
def node_tests() -> list[ModelProto]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # onnx computes the expected values here, overflows included
        return [case.model for case in collect_testcases(None)]


@pytest.mark.parametrize("group", range(GROUPS))
def test_onnx_node_tests(group: int, back_and_forth: Check, read_by_onnx: Callable[[ModelProto, str], None]) -> None:
    cases = node_tests()
    assert len(cases) > 1500
    for proto in cases[group::GROUPS]:
        read_by_onnx(proto, back_and_forth(proto))


@pytest.mark.parametrize("name", sorted(zoo.NETWORKS))
def test_networks_with_provenance(name: str, tmp_path: Path) -> None:
    prototxt, weights = zoo.write(name, tmp_path, width=0.1)
    model = dragoman.load(prototxt, weights=weights).ir
    text = print_model(model)
    main = text[: text.index("\n}\n")]
    assert len(main.split("{\n", 1)[1].split("\n")) == len(list(model.graph))  # a node a line
    back = parse_model(text, model)
    assert print_model(back) == text
    assert ir.serde.serialize_model(back) == ir.serde.serialize_model(model)
    for ours, theirs in zip(back.graph.all_nodes(), model.graph.all_nodes(), strict=True):
        assert origins(ours) == origins(theirs) != ()
        assert [source_tensors(v) for v in ours.outputs] == [source_tensors(v) for v in theirs.outputs]
    assert [source_tensors(v) for v in back.graph.inputs] == [source_tensors(v) for v in model.graph.inputs]


# -- what a model is made of ----------------------------------------------------------------------------


def model_of(*nodes: NodeProto, opset: int = 21, **more: object) -> ModelProto:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(list(nodes) or [helper.make_node("Neg", ["x"], ["y"])], "g", [x], [y])
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("custom.ops", 3)]
    return helper.make_model(graph, opset_imports=imports, ir_version=10, **more)


NAMES = [
    "a/b:0", 'quo"te', "back\\slash", "new\nline", "tab\t", "ünï", "日本", " ",
    "float", "seq", "x.y", "1st", "#:", "\x01", "😀", "\u2028",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_of_any_characters(name: str, back_and_forth: Check) -> None:
    proto = model_of(
        helper.make_node("Foo", ["x"], [name], name=name, domain=name, overload=name, **{"attr": name}),
        helper.make_node("Split.Me", [name, "", name], ["", "y"], domain="custom.ops"),
        producer_name=name, producer_version=name, domain=name, doc_string=name,
    )  # fmt: skip
    proto.graph.name = name
    proto.graph.input[0].type.tensor_type.shape.dim[0].dim_param = name
    proto.metadata_props.add(key=name, value=name)
    proto.opset_import.add(domain=name, version=1)
    text = back_and_forth(proto)
    assert len(text.splitlines()) == len(text.replace("\u2028", "").split("\n")) - 1  # nothing breaks a line


TENSORS = {
    "float": np.array([[0.1, -0.0, np.inf], [np.nan, 1e-45, 3.4e38]], np.float32),
    "double": np.array([0.1, 1e300, -np.inf, 5e-324]),
    "half": np.array([0.1, 65504, 6e-8, np.nan], np.float16),
    "bfloat16": np.array([0.1, 3e38, np.inf, -1.5], ml_dtypes.bfloat16),
    "float8e4m3fn": np.array([0.5, 448, np.nan, -0.0625], ml_dtypes.float8_e4m3fn),
    "float8e5m2": np.array([0.5, np.inf, np.nan, 1e-5], ml_dtypes.float8_e5m2),
    "float8e4m3fnuz": np.array([0.5, np.nan], ml_dtypes.float8_e4m3fnuz),
    "int4": np.array([-8, 7, 3], ml_dtypes.int4),
    "uint4": np.array([0, 15, 3], ml_dtypes.uint4),
    "float4e2m1": np.array([0.5, -6, 1.5], ml_dtypes.float4_e2m1fn),
    "int8": np.array([-128, 127], np.int8),
    "uint64": np.array([2**64 - 1, 0], np.uint64),
    "int64": np.array([-(2**63), 2**63 - 1]),
    "bool": np.array([[True], [False]]),
    "complex64": np.array([1 + 2j, -0.5j], np.complex64),
    "complex128": np.array([[1e300 + 2j]]),
    "scalar": np.array(7, np.int32),
    "empty": np.zeros((0, 3), np.float32),
    "nan payload": np.array([0x7FC00001, 0xFFC00000], np.uint32).view(np.float32),
    "half nan payload": np.array([0x7E01], np.uint16).view(np.float16),
    "eight bit nan": np.array([0xFF], np.uint8).view(ml_dtypes.float8_e4m3fn),
}


@pytest.mark.parametrize("kind", TENSORS)
def test_tensors_keep_every_bit(kind: str, back_and_forth: Check) -> None:
    array = TENSORS[kind]
    tensor = ir.serde.serialize_tensor(ir.Tensor(array, name="w"))
    proto = model_of(helper.make_node("Foo", ["x", "w"], ["y"], domain="custom.ops", value=tensor))
    proto.graph.initializer.append(tensor)
    back = parse_model(back_and_forth(proto))
    for found in (back.graph.initializers["w"].const_value, next(iter(back.graph)).attributes["value"].as_tensor()):
        assert found is not None
        assert found.dtype == ir.DataType.from_numpy(array.dtype)
        assert found.shape == array.shape
        assert found.numpy().tobytes() == array.tobytes()


def test_strings_that_are_not_text(back_and_forth: Check) -> None:
    data = [b"a\nb", b"\xff\x00", 'ü"'.encode(), b""]
    tensor = TensorProto(name="w", data_type=TensorProto.STRING, dims=[2, 2], string_data=data)
    proto = model_of(helper.make_node("Foo", ["x", "w"], ["y"], domain="custom.ops", s="é\n", ss=["", "a,b"], b=b"\xfe\x00"))
    proto.graph.initializer.append(tensor)
    found = parse_model(back_and_forth(proto)).graph.initializers["w"].const_value
    assert isinstance(found, ir.StringTensor)
    assert list(found.string_data()) == data


def test_attributes_of_every_type(back_and_forth: Check) -> None:
    inner = helper.make_graph([helper.make_node("Neg", ["x"], ["z"])], "inner", [], [helper.make_empty_tensor_value_info("z")])
    one = numpy_helper.from_array(np.ones(2, np.float32), "one")
    node = helper.make_node("Foo", ["x"], ["y"], domain="custom.ops", f=0.1, i=-(2**63), s="s", t=one, g=inner)
    sequence = helper.make_sequence_type_proto(helper.make_tensor_type_proto(TensorProto.STRING, ["a", None, 3]))
    node.attribute.extend(
        [
            helper.make_attribute("fs", [1e-5, float("inf"), -0.0]),
            helper.make_attribute("is", [1, 2**63 - 1]),
            helper.make_attribute("none", [], attr_type=2 + 4),  # FLOATS
            helper.make_attribute("ss", ["a", 'b"']),
            helper.make_attribute("ts", [one, one]),
            helper.make_attribute("gs", [inner, inner]),
            helper.make_attribute("tp", helper.make_optional_type_proto(sequence)),
            helper.make_attribute("tps", [sequence, helper.make_tensor_type_proto(TensorProto.INT64, None)]),
            helper.make_attribute("with space", 1),
        ]
    )
    node.attribute[0].doc_string = "about f"
    back_and_forth(model_of(node))


TYPES = {
    "scalar": helper.make_tensor_type_proto(TensorProto.FLOAT, []),
    "no rank": helper.make_tensor_type_proto(TensorProto.FLOAT, None),
    "dynamic": helper.make_tensor_type_proto(TensorProto.BOOL, ["batch*4", None, "(h-1)//2+1", 0]),
    "sequence": helper.make_sequence_type_proto(helper.make_tensor_type_proto(TensorProto.STRING, ["n"])),
    "optional": helper.make_optional_type_proto(helper.make_tensor_type_proto(TensorProto.INT4, [2])),
    "nested": helper.make_optional_type_proto(
        helper.make_sequence_type_proto(helper.make_tensor_type_proto(TensorProto.BFLOAT16, None))
    ),
    "sparse": helper.make_sparse_tensor_type_proto(TensorProto.DOUBLE, [3, "n"]),
}


@pytest.mark.parametrize("kind", TYPES)
def test_types(kind: str, back_and_forth: Check, read_by_onnx: Callable[[ModelProto, str], None]) -> None:
    proto = model_of(helper.make_node("Foo", ["v"], ["h"], domain="custom.ops"), helper.make_node("Neg", ["h"], ["y"]))
    proto.graph.input.append(helper.make_value_info("v", TYPES[kind]))
    proto.graph.value_info.append(helper.make_value_info("h", TYPES[kind]))
    read_by_onnx(proto, back_and_forth(proto))


def test_functions_with_parameters(back_and_forth: Check) -> None:
    body = helper.make_node("LeakyRelu", ["a"], ["b"])
    body.attribute.add(name="alpha", ref_attr_name="slope", type=1)
    function = helper.make_function(
        "custom.ops", "Act", ["a"], ["b"], [body], [helper.make_opsetid("", 21)], ["slope"],
        [helper.make_attribute("extra", 0.25)], overload="v2", doc_string="an activation",
    )  # fmt: skip
    function.value_info.append(helper.make_tensor_value_info("a", TensorProto.FLOAT, ["N", 3]))
    function.metadata_props.add(key="k", value="v")
    proto = model_of(helper.make_node("Act", ["x"], ["y"], domain="custom.ops", overload="v2", slope=0.5))
    proto.functions.append(function)
    back_and_forth(proto)


def test_what_hangs_on_things(back_and_forth: Check) -> None:
    """Documentation, metadata, denotations and quantisation of models, graphs, nodes, values and tensors."""
    weight = numpy_helper.from_array(np.ones(3, np.float32), "w")
    weight.doc_string = "a weight"
    node = helper.make_node("Add", ["x", "w"], ["h"], doc_string="adds; all\nof it")
    node.metadata_props.add(key="pkg.name", value="v; # x")
    proto = model_of(node, helper.make_node("Neg", ["h"], ["y"]), model_version=7, doc_string="model")
    proto.metadata_props.add(key="license", value="none")
    proto.graph.initializer.append(weight)
    proto.graph.doc_string = "graph"
    proto.graph.metadata_props.add(key="g", value="1")
    proto.graph.value_info.append(helper.make_tensor_value_info("h", TensorProto.FLOAT, ["N", 3], doc_string="hidden"))
    for value in (proto.graph.input[0], proto.graph.output[0], proto.graph.value_info[0]):
        value.doc_string = f"value {value.name}"
        value.metadata_props.add(key="unit", value="m")
    proto.graph.input[0].type.denotation = "IMAGE"
    proto.graph.input[0].type.tensor_type.shape.dim[0].denotation = "DATA_BATCH"
    for name in ("x", "w", "h"):
        annotation = proto.graph.quantization_annotation.add(tensor_name=name)
        annotation.quant_parameter_tensor_names.add(key="SCALE_TENSOR", value="s")
    text = back_and_forth(proto)
    for said in ("a weight", "adds; all", "pkg.name", "license", '"graph"', "value h", "IMAGE", "DATA_BATCH", "SCALE"):
        assert said in text


def test_weights_that_are_inputs(back_and_forth: Check) -> None:
    proto = model_of(helper.make_node("Add", ["x", "w"], ["y"]))
    proto.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [3]))
    proto.graph.initializer.append(numpy_helper.from_array(np.arange(3, dtype=np.float32), "w"))
    back_and_forth(proto)


def branches(depth: int, names: str) -> NodeProto:
    """If in If in If: each reads ``x``, which only the outermost graph has, and ``w``, which each has for itself."""
    inner = branches(depth - 1, names) if depth else helper.make_node("Add", ["x", "w"], [f"out{depth}"])
    if depth:
        inner.output[0] = f"in{depth}"
    out = helper.make_empty_tensor_value_info(inner.output[0])
    weight = numpy_helper.from_array(np.full(20, depth, np.float32), "w")
    graphs = [helper.make_graph([inner], f"{names}{i}", [], [out], [weight]) for i in range(2)]
    return helper.make_node("If", ["c"], ["y"], then_branch=graphs[0], else_branch=graphs[1])


def test_subgraphs_see_what_is_around_them(back_and_forth: Check) -> None:
    proto = model_of(branches(4, "branch/"))
    proto.graph.input.append(helper.make_tensor_value_info("c", TensorProto.BOOL, []))
    back_and_forth(proto)
    text = back_and_forth(proto, Style(inline=4))  # weights of one name in several graphs
    assert '"name": "w#2"' in text


# -- weights and provenance -----------------------------------------------------------------------------


def weighty() -> ir.Model:
    proto = model_of(helper.make_node("MatMul", ["x", "w"], ["y"]))
    proto.graph.initializer.append(numpy_helper.from_array(np.arange(60, dtype=np.float32).reshape(3, 20), "w"))
    return ir.serde.deserialize_model(proto)


def test_large_weights_are_referred_to() -> None:
    model = weighty()
    text = print_model(model)
    assert 'float[3,20] w = ["from": "weights"]' in text
    again = parse_model(text)
    tensor = again.graph.initializers["w"].const_value
    assert tensor is not None
    assert (tensor.dtype, tensor.shape) == (ir.DataType.FLOAT, (3, 20))
    assert print_model(again) == text
    with pytest.raises(MalformedModel, match="the values of w aren't in the text"):
        tensor.numpy()
    filled = parse_model(text, {"w": ir.Tensor(np.ones((3, 20), np.float32))})
    assert filled.graph.initializers["w"].const_value.numpy().sum() == 60  # type: ignore[union-attr]


def test_a_hash_holds_the_values_to_the_text() -> None:
    model = weighty()
    text = print_model(model, Style(hash=True))
    other = named_tensors(model)["w"].numpy().copy()
    assert parse_model(text, model)
    other[2, 3] += 1
    with pytest.raises(MalformedModel, match="w has other values in the weights"):
        parse_model(text, {"w": ir.Tensor(other)})
    changed = weighty()
    changed.graph.initializers["w"].const_value = ir.Tensor(other, name="w")
    assert sum(a != b for a, b in zip(text.split("\n"), print_model(changed, Style(hash=True)).split("\n"), strict=True)) == 1


def test_provenance_is_kept() -> None:
    model = weighty()
    node = next(iter(model.graph))
    found = (
        Origin("fc 1", "InnerProduct", dragoman.graph_ir.Location("dir/net.prototxt", 12)),
        Origin("relu;", "com.x::ReLU", dragoman.graph_ir.Location("n.onnx")),
        Origin("third", "Scale"),
    )
    set_origins(node, found)
    set_source_tensors(node.outputs[0], ["fc1", 'odd "name"'])
    back = next(iter(parse_model(print_model(model)).graph))
    assert origins(back) == origins(node)
    assert source_tensors(back.outputs[0]) == ("fc1", 'odd "name"')
    assert "net.prototxt" not in print_model(model, Style(provenance="none"))
    assert '"net.prototxt":12' in print_model(model, Style(provenance="short"))
