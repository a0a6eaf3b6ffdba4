"""Reading ONNX files: weights that stay in their file, shapes, provenance, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from dragoman.converters.onnx.exporter import save, to_proto
from dragoman.converters.onnx.importer import check, load
from dragoman.graph_ir import IR_OPSET
from dragoman.graph_ir.errors import MalformedModel, UnsupportedOperator, UsageError
from dragoman.graph_ir.protobuf import varint
from dragoman.graph_ir.provenance import origins
from dragoman.graph_ir.tensors import MappedTensor

RNG = np.random.default_rng(0)
W = RNG.standard_normal((64, 3, 5, 5)).astype(np.float32)
X = RNG.standard_normal((2, 3, 8, 8)).astype(np.float32)


def tensor_in_floats(array: np.ndarray, name: str) -> TensorProto:
    return helper.make_tensor(name, TensorProto.FLOAT, array.shape, array.reshape(-1).tolist())


def network(weight: TensorProto | None = None, *, opset: int = 21, batch: int | str = "n") -> onnx.ModelProto:
    weight = weight if weight is not None else numpy_helper.from_array(W, "w")
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"], name="conv1"), helper.make_node("Relu", ["c"], ["y"])]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 3, 8, 8])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, 64, 4, 4])
    graph = helper.make_graph(nodes, "g", [x], [y], [weight])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def write(path: Path, proto: onnx.ModelProto) -> Path:
    path.write_bytes(proto.SerializeToString())
    return path


def run(model: Path | onnx.ModelProto, x: np.ndarray = X) -> list[np.ndarray]:
    data = model.SerializeToString() if isinstance(model, onnx.ModelProto) else str(model)
    return onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, {"x": x})


@pytest.mark.parametrize("encode", [numpy_helper.from_array, tensor_in_floats])
def test_big_weights_stay_in_the_file(tmp_path: Path, encode: Callable[..., TensorProto]) -> None:
    path = write(tmp_path / "m.onnx", network(encode(W, "w")))
    model = load(path)
    tensor = model.graph.initializers["w"].const_value
    assert isinstance(tensor, MappedTensor)
    np.testing.assert_array_equal(tensor.numpy(), W)
    written = save(model, tmp_path / "out.onnx")
    np.testing.assert_array_equal(run(written)[0], run(path)[0])


def test_a_model_may_replace_its_own_file(tmp_path: Path) -> None:
    path = write(tmp_path / "m.onnx", network())
    expected = run(path)[0]
    np.testing.assert_array_equal(run(save(load(path), path))[0], expected)


@pytest.mark.parametrize(
    "dtype", ["float16", "bfloat16", "double", "int8", "int32", "int64", "bool", "float8e4m3fn", "int4", "complex64"]
)
def test_weights_of_every_type(tmp_path: Path, dtype: str) -> None:
    kind = ir.DataType[{"float8e4m3fn": "FLOAT8E4M3FN"}.get(dtype, dtype.upper())]
    values = (RNG.standard_normal(9000) * 4).astype(np.float32).astype(kind.numpy())
    weight = ir.serde.serialize_tensor(ir.Tensor(values, dtype=kind, name="w"))
    y = helper.make_tensor_value_info("y", kind.value, [9000])
    graph = helper.make_graph([helper.make_node("Identity", ["w"], ["y"])], "g", [], [y], [weight])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    path = write(tmp_path / "m.onnx", proto)
    np.testing.assert_array_equal(load(path).graph.initializers["w"].const_value.numpy(), values)
    written = onnx.load(save(load(path), tmp_path / "out.onnx"))
    assert ir.from_proto(written.graph.initializer[0]).tobytes() == ir.Tensor(values, dtype=kind).tobytes()


def test_names_become_provenance(tmp_path: Path) -> None:
    path = write(tmp_path / "m.onnx", network())
    model = load(path)
    assert model.tensor_map() == {"x": "x", "c": "c", "y": "y"}
    conv, relu = (origins(node)[0] for node in model.graph)
    assert (conv.layer, conv.operator, str(conv.location)) == ("conv1", "Conv", str(path))
    assert (relu.layer, relu.operator) == ("y", "Relu")
    assert (model.source.format, model.source.path, model.source.opset, model.opset) == ("onnx", path, 21, IR_OPSET)


def test_a_model_in_memory_is_not_changed() -> None:
    proto = network()
    before = proto.SerializeToString()
    np.testing.assert_array_equal(run(to_proto(load(proto, inputs={"x": (2, 3, 8, 8)})))[0], run(proto)[0])
    assert proto.SerializeToString() == before


def test_input_shapes_carry_through(tmp_path: Path) -> None:
    path = write(tmp_path / "m.onnx", network(batch=1))
    model = load(path, inputs={"x": ("batch", 3, 9, 10)})
    assert [str(d) for d in model.graph.outputs[0].shape] == ["batch", "64", "5", "6"]
    assert run(save(model, tmp_path / "out.onnx"), np.zeros((3, 3, 9, 10), np.float32))[0].shape == (3, 64, 5, 6)


LENGTHS = """<ir_version: 10, opset_import: ["": 21]>
g (int64[batch, length] ids, float[batch, length] mask, float[batch, twice, k] late, bool c)
=> (float[batch, length] y, float[batch, m, k] z)
{
    f = Cast <to = 1> (ids)
    z = Relu (late)
    y = If (c) <
        then_branch = t () => (float[batch, length] then_out) { then_out = Mul (f, mask) },
        else_branch = e () => (float[batch, length] else_out) { else_out = Add (f, mask) }
    >
}"""


@pytest.mark.parametrize(
    ("inputs", "mask", "late", "z"),
    [
        ({"ids": ("n", 16)}, ["n", "16"], ["n", "32", "k"], ["n", "32", "k"]),
        ({"ids": (3, "length")}, ["3", "length"], ["3", "2*length", "k"], ["3", "2*length", "k"]),
        ({"ids": ("length", "batch")}, ["length", "batch"], ["length", "2*batch", "k"], ["length", "2*batch", "k"]),
        # both say what they are; who doesn't stays
        ({"ids": (2, 7), "mask": (2, 1)}, ["2", "1"], ["2", "2*length", "k"], ["2", "2*length", "k"]),
        ({"late": (1, 6, 5)}, ["1", "length"], ["1", "6", "5"], ["1", "6", "5"]),
    ],
)
def test_a_dimension_is_renamed_wherever_it_is(
    inputs: dict[str, tuple[int | str, ...]], mask: list[str], late: list[str], z: list[str]
) -> None:
    proto = onnx.parser.parse_model(LENGTHS)
    proto.graph.input[2].type.tensor_type.shape.dim[1].dim_param = "2*length"
    model = load(proto, inputs=inputs)
    shapes = {value.name: [str(d) for d in value.shape] for value in (*model.graph.inputs, *model.graph.outputs)}
    assert (shapes["mask"], shapes["late"], shapes["z"]) == (mask, late, z)
    branches = [graph.outputs[0] for graph in model.graph.subgraphs() if graph is not model.graph]
    assert len(branches) == 2
    assert all([str(d) for d in value.shape] == shapes["y"] for value in branches)


def test_outputs_may_be_chosen() -> None:
    model = load(network(), outputs=["c", "y"])
    assert [value.name for value in model.graph.outputs] == ["c", "y"]
    assert [y.shape for y in run(to_proto(model))] == [(2, 64, 4, 4)] * 2


def test_weights_that_are_inputs_become_constants() -> None:
    proto = network()
    proto.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, W.shape))
    model = load(proto)
    assert [value.name for value in model.graph.inputs] == ["x"]
    assert "constant" in model.notes[0]


@pytest.mark.parametrize(
    "arguments",
    [
        {"inputs": {"data": (1, 3, 8, 8)}},
        {"inputs": {"x": (1, 3, 8)}},
        {"outputs": ["z"]},
        {"weights": "w.bin"},
    ],
)
def test_arguments_that_do_not_fit(arguments: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        load(network(), **arguments)


def test_shapes_that_do_not_fit() -> None:
    proto = network()
    proto.graph.node[1].CopyFrom(helper.make_node("Add", ["c", "b"], ["y"]))
    proto.graph.initializer.append(numpy_helper.from_array(np.ones((4, 4), np.float32), "b"))
    with pytest.raises(MalformedModel, match="shapes"):
        load(proto, inputs={"x": (1, 3, 9, 9)})


# -- other opsets ---------------------------------------------------------------------------------------


def opset_nine() -> onnx.ModelProto:
    """Attributes that later became inputs, and the softmax of flattened axes."""
    nodes = [
        helper.make_node("Squeeze", ["x"], ["a"], axes=[1]),
        helper.make_node("ReduceSum", ["a"], ["b"], axes=[-1], keepdims=1),
        helper.make_node("Split", ["a"], ["c", "d"], axis=1, split=[1, 2]),
        helper.make_node("Softmax", ["d"], ["e"]),
        helper.make_node("Unsqueeze", ["b"], ["f"], axes=[0]),
        helper.make_node("Dropout", ["e"], ["g"], ratio=0.4),
        helper.make_node("ReduceMean", ["g"], ["h"]),
        helper.make_node("Add", ["f", "h"], ["y"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 1, 3, 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2, 3, 1])
    graph = helper.make_graph(nodes, "g", [x], [y])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 9)], ir_version=4)


@pytest.mark.parametrize("opset", [11, 13, 18, 21, 23, 28])
def test_old_models_are_raised(opset: int, newest_opset: int) -> None:
    if opset > newest_opset:
        pytest.skip(f"the installed ONNX Runtime reads opsets up to {newest_opset}")
    x = RNG.standard_normal((2, 1, 3, 4)).astype(np.float32)
    proto = to_proto(load(opset_nine()), opset=opset)
    onnx.checker.check_model(proto, full_check=True)
    np.testing.assert_allclose(run(proto, x)[0], run(opset_nine(), x)[0], rtol=1e-6)


def test_what_cannot_be_raised_is_said() -> None:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [3, 4]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Dropout", ["x"], ["y"], name="drop")], "g", [x], [y])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 6)], ir_version=3)  # it drops: is_test isn't set
    with pytest.raises(UnsupportedOperator, match="Dropout × 1: drop"):
        load(proto)
    assert [gap.operator for gap in check(proto)] == ["Dropout"]
    assert to_proto(load(proto, keep_opset=True)).opset_import[0].version == 6


# -- external data --------------------------------------------------------------------------------------


def external(location: str, *, offset: int = 0, length: int | None = W.nbytes) -> onnx.ModelProto:
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=W.shape, data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        if value is not None:
            weight.external_data.add(key=key, value=str(value))
    return network(weight)


def test_external_data_is_mapped(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "w.bin").write_bytes(b"\0" * 64 + W.tobytes())
    path = write(tmp_path / "m.onnx", external("sub/w.bin", offset=64))
    tensor = load(path).graph.initializers["w"].const_value
    assert isinstance(tensor, MappedTensor)
    np.testing.assert_array_equal(tensor.numpy(), W)


@pytest.mark.parametrize(
    ("location", "arguments"),
    [
        ("../w.bin", {}),
        ("sub/../../w.bin", {}),
        ("{parent}/w.bin", {}),
        ("C:\\w.bin", {}),
        ("..\\w.bin", {}),
        ("link.bin", {}),
        ("folder/w.bin", {}),
        ("", {}),
        ("missing.bin", {}),
        ("here.bin", {"offset": 1}),
        ("here.bin", {"offset": -4}),
        ("here.bin", {"length": 12}),
        ("here.bin", {"offset": 1 << 60}),
    ],
)
def test_external_data_elsewhere_is_refused(tmp_path: Path, location: str, arguments: dict[str, int]) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "w.bin").write_bytes(W.tobytes())
    (folder / "here.bin").write_bytes(W.tobytes())
    (folder / "link.bin").symlink_to(tmp_path / "w.bin")
    (folder / "folder").symlink_to(tmp_path)
    path = write(folder / "m.onnx", external(location.format(parent=tmp_path), **arguments))
    with pytest.raises(MalformedModel, match=r"(m\.onnx|here\.bin): "):
        load(path)


def test_a_model_in_memory_has_no_folder() -> None:
    with pytest.raises(MalformedModel, match="memory"):
        load(external("w.bin"))


# -- bad files ------------------------------------------------------------------------------------------


def edited(change: Callable[[onnx.ModelProto], None]) -> bytes:
    proto = network()
    change(proto)
    return proto.SerializeToString()


def cyclic(proto: onnx.ModelProto) -> None:
    proto.graph.node[0].input[0] = "y"


def nested(depth: int) -> bytes:
    graph = b""
    for _ in range(depth):  # GraphProto.node is field 1, NodeProto.attribute 5, AttributeProto.g 6
        for field in (6, 5, 1):
            graph = delimited(field, graph)
    return graph


def delimited(field: int, content: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(content)) + content


GOOD = network().SerializeToString()
BAD: dict[str, bytes] = {
    "empty": b"",
    "text": b"name: 'lenet'\nlayer { name: 'conv1' type: 'Convolution' }\n" * 20,
    "zip": b"PK\x03\x04" + bytes(range(256)) * 8,
    "random": RNG.bytes(5000),
    "zeros": bytes(5000),
    "cut in the weights": GOOD[: len(GOOD) // 2],
    "cut at the end": GOOD[:-1],
    "no graph": onnx.ModelProto(ir_version=8).SerializeToString(),
    "terabytes declared": edited(lambda m: m.graph.initializer[0].dims.__setitem__(0, 1 << 40)),
    "negative dimension": edited(lambda m: m.graph.initializer[0].dims.__setitem__(0, -64)),
    "fewer bytes than declared": edited(lambda m: m.graph.initializer[0].dims.__setitem__(0, 65)),
    "unknown operator": edited(lambda m: setattr(m.graph.node[0], "op_type", "Convolute")),
    "undefined input": edited(lambda m: m.graph.node[0].input.__setitem__(1, "nowhere")),
    "cycle": edited(cyclic),
    "two of one name": edited(lambda m: m.graph.node[1].output.__setitem__(0, "c")),
    "wrong arity": edited(lambda m: m.graph.node[1].input.append("x")),
    "unknown attribute": edited(lambda m: m.graph.node[1].attribute.append(helper.make_attribute("slope", 1.0))),
    "unknown type": edited(lambda m: setattr(m.graph.initializer[0], "data_type", 99)),
    "no opset": edited(lambda m: m.ClearField("opset_import")),
    "opset of the future": edited(lambda m: setattr(m.opset_import[0], "version", 999)),
    "nesting": b"\x08\x08" + delimited(7, nested(3000)),
}


@pytest.mark.parametrize("fault", BAD)
def test_bad_files_are_one_message(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(BAD[fault])
    with pytest.raises(MalformedModel) as caught:
        load(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("length", range(0, 400, 7))
def test_every_cut_of_the_head_is_refused(tmp_path: Path, length: int) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(GOOD[:length])
    with pytest.raises(MalformedModel):
        check(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(MalformedModel, match="No such file"):
        load(tmp_path / "none.onnx")
    with pytest.raises(MalformedModel):
        load(tmp_path)
