"""Small models that use what few models use. Each is valid, and what ONNX Runtime computes from it is what it means."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx
from onnx import FunctionProto, ModelProto, NodeProto, SparseTensorProto, TensorProto, ValueInfoProto, helper, numpy_helper

RNG = np.random.default_rng(0)
X = RNG.standard_normal((3, 4)).astype(np.float32)
W = RNG.standard_normal((4, 4)).astype(np.float32)
BIG = RNG.standard_normal((4, 1500)).astype(np.float32)

Build = Callable[[], ModelProto]
MODELS: dict[str, Build] = {}


def odd(build: Build) -> Build:
    """Decorator: one more model, named for its function."""
    MODELS[build.__name__.strip("_")] = build
    return build


def info(name: str, shape: Sequence[int | str | None] | None = (3, 4), dtype: int = TensorProto.FLOAT) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, shape)


def model(
    nodes: Sequence[NodeProto],
    inputs: Sequence[ValueInfoProto],
    outputs: Sequence[ValueInfoProto],
    weights: Sequence[TensorProto] = (),
    *,
    opset: int = 21,
    ir_version: int = 10,
    functions: Sequence[FunctionProto] = (),
    domains: Sequence[tuple[str, int]] = (),
    sparse: Sequence[SparseTensorProto] = (),
) -> ModelProto:
    graph = helper.make_graph(list(nodes), "g", list(inputs), list(outputs), list(weights), sparse_initializer=list(sparse))
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, v) for d, v in domains)]
    return helper.make_model(graph, opset_imports=imports, ir_version=ir_version, functions=list(functions))


def node(op_type: str, inputs: str, outputs: str, **attributes: object) -> NodeProto:
    """Inputs and outputs in one string; - is one that is left out."""
    names = [["" if name == "-" else name for name in text.split()] for text in (inputs, outputs)]
    return helper.make_node(op_type, *names, **attributes)


def weight(array: np.ndarray, name: str = "w") -> TensorProto:
    return numpy_helper.from_array(array, name)


def sparse(name: str, *, flat: bool, count: int = 2) -> SparseTensorProto:
    places = RNG.choice(16, count, replace=False) if count <= 16 else np.arange(count)
    places.sort()
    side = 4 if count <= 16 else 64
    coordinates = places if flat else np.stack([places // side, places % side], 1)
    values = weight(RNG.standard_normal(count).astype(np.float32), name)
    return helper.make_sparse_tensor(values, weight(coordinates.astype(np.int64), f"{name}_i"), [side, side])


# -- sparse, quantised and small types ----------------------------------------------------------------------


@odd
def sparse_initializers() -> ModelProto:
    nodes = [node("MatMul", "x s", "a"), node("MatMul", "a t", "y")]
    return model(nodes, [info("x")], [info("y")], sparse=[sparse("s", flat=True), sparse("t", flat=False)])


@odd
def sparse_constant_in_a_subgraph() -> ModelProto:
    branches = {}
    for name in ("then_branch", "else_branch"):
        nodes = [
            node("Constant", "", f"{name}_s", sparse_value=sparse("s", flat=name == "then_branch")),
            node("MatMul", f"x {name}_s", f"{name}_y"),
        ]
        branches[name] = helper.make_graph(nodes, name, [], [info(f"{name}_y")])
    return model([node("If", "c", "y", **branches)], [info("x"), info("c", (), TensorProto.BOOL)], [info("y")])


@odd
def big_sparse_constant() -> ModelProto:
    nodes = [node("Constant", "", "s", sparse_value=sparse("s", flat=True, count=2000)), node("MatMul", "x s", "y")]
    return model(nodes, [info("x", ("n", 64))], [info("y", ("n", 64))])


@odd
def quantized_with_annotations() -> ModelProto:
    nodes = [node("QuantizeLinear", "x scale zero", "q"), node("DequantizeLinear", "q scale zero", "y")]
    proto = model(nodes, [info("x")], [info("y")], [weight(np.float32(0.1), "scale"), weight(np.uint8(128), "zero")])
    annotation = proto.graph.quantization_annotation.add(tensor_name="q")
    annotation.quant_parameter_tensor_names.add(key="SCALE_TENSOR", value="scale")
    annotation.quant_parameter_tensor_names.add(key="ZERO_POINT_TENSOR", value="zero")
    return proto


@odd
def annotated_only() -> ModelProto:
    """Scales that annotations alone name, one of them equal to a weight that is read."""
    proto = model([node("Mul", "x w", "q"), node("Relu", "q", "y")], [info("x")], [info("y")])
    weights = {"w": 0.5, "equal": 0.5, "scale": 0.1, "unread": 3}
    proto.graph.initializer.extend(weight(np.float32(value), name) for name, value in weights.items())
    for tensor, scale in (("x", "equal"), ("q", "scale")):
        proto.graph.quantization_annotation.add(tensor_name=tensor).quant_parameter_tensor_names.add(key="SCALE_TENSOR", value=scale)
    return proto


@odd
def int4_weights() -> ModelProto:
    q = helper.make_tensor("q", TensorProto.INT4, [4, 5], RNG.integers(-8, 8, 20).tolist())
    nodes = [node("DequantizeLinear", "q scale", "w"), node("MatMul", "x w", "y")]
    return model(nodes, [info("x")], [info("y", (3, 5))], [q, weight(np.float32(0.1), "scale")])


@odd
def big_raw_uint4_weights() -> ModelProto:
    packed = RNG.integers(0, 256, 4 * 3001 * 2, dtype=np.uint8)
    q = TensorProto(name="q", data_type=TensorProto.UINT4, dims=[4, 12004], raw_data=packed.tobytes())
    nodes = [node("DequantizeLinear", "q scale", "w"), node("MatMul", "x w", "y")]
    return model(nodes, [info("x")], [info("y", (3, 12004))], [q, weight(np.float32(0.1), "scale")])


@odd
def float8_weights() -> ModelProto:
    q = TensorProto(
        name="q", data_type=TensorProto.FLOAT8E4M3FN, dims=[4, 1500], raw_data=RNG.integers(0, 120, 6000, np.uint8).tobytes()
    )
    return model([node("Cast", "q", "w", to=1), node("MatMul", "x w", "y")], [info("x")], [info("y", (3, 1500))], [q])


@odd
def bfloat16_weights() -> ModelProto:
    q = TensorProto(
        name="q",
        data_type=TensorProto.BFLOAT16,
        dims=[4, 3000],
        raw_data=(RNG.integers(0x3C00, 0x4000, 12000, np.uint16)).tobytes(),
    )
    return model([node("Cast", "q", "w", to=1), node("MatMul", "x w", "y")], [info("x")], [info("y", (3, 3000))], [q])


@odd
def float16_in_int32_data() -> ModelProto:
    halves = BIG.astype(np.float16)
    q = TensorProto(
        name="q", data_type=TensorProto.FLOAT16, dims=halves.shape, int32_data=halves.view(np.uint16).reshape(-1).tolist()
    )
    return model([node("Cast", "q", "w", to=1), node("MatMul", "x w", "y")], [info("x")], [info("y", (3, 1500))], [q])


@odd
def strings() -> ModelProto:
    keys = helper.make_tensor("k", TensorProto.STRING, [2], ["é".encode(), b""])
    nodes = [node("Identity", "k", "y"), node("Constant", "", "z", value_strings=["a", "b"])]
    return model(nodes, [], [info("y", (2,), TensorProto.STRING), info("z", (2,), TensorProto.STRING)], [keys])


# -- functions and subgraphs ----------------------------------------------------------------------------------


def function(
    name: str, inputs: str, outputs: str, nodes: Sequence[NodeProto], *, overload: str = "", **more: Sequence[object]
) -> FunctionProto:
    imports = [helper.make_opsetid("", 21), helper.make_opsetid("my", 1)]
    return helper.make_function("my", name, inputs.split(), outputs.split(), list(nodes), imports, overload=overload, **more)


def reference(op_type: str, inputs: str, outputs: str, attribute: str, name: str) -> NodeProto:
    result = node(op_type, inputs, outputs)
    result.attribute.add(name=attribute, ref_attr_name=name, type=onnx.AttributeProto.FLOAT)
    return result


@odd
def functions_in_functions() -> ModelProto:
    inner = function("Inner", "a", "b", [reference("LeakyRelu", "a", "b", "alpha", "slope")], attributes=["slope"])
    call = node("Inner", "a", "c", domain="my")
    call.attribute.add(name="slope", ref_attr_name="slope", type=onnx.AttributeProto.FLOAT)
    default = helper.make_attribute("slope", 0.25)
    outer = function("Outer", "a", "b", [call, node("Add", "a c", "b")], attribute_protos=[default])
    nodes = [node("Outer", "x", "z", domain="my"), node("Outer", "z", "y", domain="my", slope=0.5)]
    return model(nodes, [info("x")], [info("y")], functions=[inner, outer], domains=[("my", 1)])


@odd
def function_with_a_big_constant() -> ModelProto:
    f = function("F", "a", "b", [node("Constant", "", "w", value=weight(BIG)), node("MatMul", "a w", "b")])
    return model([node("F", "x", "y", domain="my")], [info("x")], [info("y", (3, 1500))], functions=[f], domains=[("my", 1)])


@odd
def big_constants_in_subgraphs() -> ModelProto:
    then = helper.make_graph([node("MatMul", "x tw", "ty")], "then", [], [info("ty", (3, 1500))], [weight(BIG, "tw")])
    nodes = [node("Constant", "", "ew", value=weight(-BIG)), node("MatMul", "x ew", "ey")]
    other = helper.make_graph(nodes, "else", [], [info("ey", (3, 1500))])
    nodes = [node("If", "c", "y", then_branch=then, else_branch=other)]
    return model(nodes, [info("x"), info("c", (), TensorProto.BOOL)], [info("y", (3, 1500))])


@odd
def names_that_shadow_in_branches() -> ModelProto:
    """Both branches call their values alike."""
    branches = [
        helper.make_graph([node(op, "x", "t"), node("Neg", "t", "out")], "b", [], [info("out")]) for op in ("Relu", "Sigmoid")
    ]
    nodes = [node("If", "c", "y", then_branch=branches[0], else_branch=branches[1])]
    return model(nodes, [info("x"), info("c", (), TensorProto.BOOL)], [info("y")])


@odd
def sequences_and_optionals() -> ModelProto:
    nodes = [
        node("SequenceConstruct", "x x", "s"),
        node("SequenceInsert", "s n", "t"),
        node("Optional", "t", "o"),
        node("OptionalGetElement", "o", "u"),
        node("ConcatFromSequence", "u", "y", axis=0),
        node("Neg", "x", "n"),
    ]
    nodes.insert(0, nodes.pop())
    return model(nodes, [info("x")], [info("y", (9, 4))])


# -- other domains ----------------------------------------------------------------------------------------------


@odd
def contrib_operator() -> ModelProto:
    nodes = [node("FusedMatMul", "x w", "a", domain="com.microsoft", alpha=2.0), node("Relu", "a", "y")]
    return model(nodes, [info("x")], [info("y")], [weight(W)], domains=[("com.microsoft", 1)])


@odd
def classifier_with_maps() -> ModelProto:
    nodes = [
        node("LinearClassifier", "x", "label scores", domain="ai.onnx.ml", coefficients=W[:2].reshape(-1).tolist(), intercepts=[0.0, 0.1],
             classlabels_ints=[3, 7], multi_class=1, post_transform="SOFTMAX"),
        node("ZipMap", "scores", "y", domain="ai.onnx.ml", classlabels_int64s=[3, 7]),
    ]  # fmt: skip
    kind = helper.make_sequence_type_proto(helper.make_map_type_proto(TensorProto.INT64, helper.make_tensor_type_proto(1, [])))
    outputs = [info("label", (3,), TensorProto.INT64), helper.make_value_info("y", kind)]
    return model(nodes, [info("x")], outputs, domains=[("ai.onnx.ml", 3)])


@odd
def standard_domain_by_its_long_name() -> ModelProto:
    proto = model([node("Relu", "x", "a", domain="ai.onnx"), node("Neg", "a", "y")], [info("x")], [info("y")])
    proto.opset_import.add(domain="ai.onnx", version=21)
    return proto


# -- inputs, outputs, names -----------------------------------------------------------------------------------


@odd
def initializers_as_inputs_of_old() -> ModelProto:
    return model([node("MatMul", "x w", "y")], [info("x"), info("w", (4, 4))], [info("y")], [weight(W)], opset=8, ir_version=3)


@odd
def initializers_as_optional_inputs() -> ModelProto:
    return model([node("MatMul", "x w", "y")], [info("x"), info("w", (4, 4))], [info("y")], [weight(W)])


@odd
def inputs_and_weights_as_outputs() -> ModelProto:
    return model([node("Relu", "x", "y")], [info("x"), info("unused")], [info("y"), info("x"), info("w", (4, 4))], [weight(W)])


@odd
def one_output_twice() -> ModelProto:
    return model([node("Relu", "x", "y")], [info("x")], [info("y"), info("y")])


@odd
def no_inputs() -> ModelProto:
    return model([node("Neg", "w", "y")], [], [info("y", (4, 4))], [weight(W)])


@odd
def unnamed_outputs() -> ModelProto:
    nodes = [node("LSTM", "s w r", "- h -", hidden_size=2), node("Dropout", "h", "y -")]
    weights = [weight(RNG.standard_normal((1, 8, n)).astype(np.float32), name) for n, name in ((4, "w"), (2, "r"))]
    return model(nodes, [info("s", (3, 1, 4))], [info("y", (1, 1, 2))], weights)


@odd
def names_that_look_like_ours() -> ModelProto:
    nodes = [node("Neg", "x", "y/const"), node("Clip", "y/const lo", "y_1", name="n_1"), node("Clip", "y_1 lo", "y", name="n")]
    return model(nodes, [info("x")], [info("y")], [weight(np.float32(0), "lo")])


@odd
def names_of_any_letters() -> ModelProto:
    nodes = [
        node("Neg", "x", "层/é"),
        helper.make_node("Relu", ["层/é"], ['a b\n"c"::d'], name="a\tb"),
        helper.make_node("Neg", ['a b\n"c"::d'], ["y"]),
    ]
    return model(nodes, [info("x")], [info("y")])


@odd
def scalars_and_zero_sizes() -> ModelProto:
    nodes = [node("Add", "x s", "a"), node("Concat", "a e", "y", axis=0)]
    return model(
        nodes, [info("x")], [info("y", ("n", 4))], [weight(np.float32(2), "s"), weight(np.zeros((0, 4), np.float32), "e")]
    )


@odd
def metadata_everywhere() -> ModelProto:
    proto = model([node("MatMul", "x w", "a"), node("Relu", "a", "y")], [info("x")], [info("y")], [weight(W)])
    proto.producer_name, proto.producer_version, proto.domain, proto.model_version = "maker", "1.2", "org.example", 7
    proto.doc_string = proto.graph.doc_string = "what it is for"
    proto.graph.node[0].doc_string = proto.graph.input[0].doc_string = proto.graph.initializer[0].doc_string = "a text"
    proto.graph.value_info.append(info("a"))
    proto.graph.value_info[0].doc_string = "a text"
    for item in (
        proto,
        proto.graph,
        proto.graph.node[0],
        proto.graph.input[0],
        proto.graph.value_info[0],
        proto.graph.initializer[0],
    ):
        item.metadata_props.add(key="b", value="2")
        item.metadata_props.add(key="a", value="1")
    proto.graph.input[0].type.denotation = "IMAGE"
    proto.graph.input[0].type.tensor_type.shape.dim[0].denotation = "DATA_BATCH"
    return proto


@odd
def devices() -> ModelProto:
    proto = model([node("Relu", "x", "y", name="r")], [info("x")], [info("y")], opset=23, ir_version=11)
    configuration = proto.configuration.add(name="two", num_devices=2)
    configuration.device.extend(["gpu0", "gpu1"])
    proto.graph.node[0].device_configurations.add(configuration_id="two", pipeline_stage=1)
    return proto


@odd
def training_information() -> ModelProto:
    proto = model([node("MatMul", "x w", "y")], [info("x")], [info("y")], [weight(W)])
    step = proto.training_info.add()
    step.algorithm.CopyFrom(helper.make_graph([node("Neg", "w", "w2")], "step", [], [info("w2", (4, 4))]))
    step.update_binding.add(key="w", value="w2")
    return proto


@odd
def withdrawn_operator() -> ModelProto:
    """onnx's checker refuses GroupNormalization of opset 18, which ONNX Runtime runs."""
    scales = [weight(np.array(v, np.float32), n) for n, v in (("s", [1, 2]), ("b", [0, 1]))]
    nodes = [node("GroupNormalization", "x s b", "y", num_groups=2)]
    return model(nodes, [info("x", (1, 4, 3))], [info("y", (1, 4, 3))], scales, opset=18, ir_version=8)
