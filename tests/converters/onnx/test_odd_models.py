"""Models that use what few models use: read, written again in every way, and run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from odd_models import MODELS
from onnx import helper

from dragoman.converters.onnx.exporter import save
from dragoman.converters.onnx.importer import load
from dragoman.graph_ir.encoder import Encoder
from dragoman.graph_ir.passes import optimize
from dragoman.graph_ir.tensors import MappedTensor


def feeds(proto: onnx.ModelProto) -> dict[str, np.ndarray]:
    weights = {tensor.name for tensor in proto.graph.initializer}
    random = np.random.default_rng(1)
    found: dict[str, np.ndarray] = {}
    for value in proto.graph.input:
        kind = value.type.tensor_type
        shape = [dim.dim_value or 2 for dim in kind.shape.dim]
        dtype = helper.tensor_dtype_to_np_dtype(kind.elem_type)
        if value.name not in weights:
            found[value.name] = np.asarray(random.standard_normal(shape)).astype(dtype)
    return found


def run(model: Path | onnx.ModelProto, given: dict[str, np.ndarray]) -> list[Any]:
    data = model.SerializeToString() if isinstance(model, onnx.ModelProto) else str(model)
    return onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, given)


def check_equal(found: list[Any], expected: list[Any]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        if isinstance(other, np.ndarray) and other.dtype.kind == "f":
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
        elif isinstance(other, list):
            assert one == pytest.approx(other) if not isinstance(other[0], dict) else [*map(pytest.approx, other)] == one
        else:
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("external", [False, True], ids=["one file", "data beside"])
@pytest.mark.parametrize("optimized", [False, True], ids=["as it is", "optimized"])
@pytest.mark.parametrize("name", MODELS)
def test_the_same_comes_out(tmp_path: Path, name: str, optimized: bool, external: bool) -> None:
    proto = MODELS[name]()
    (tmp_path / "in.onnx").write_bytes(proto.SerializeToString())
    given = feeds(proto)
    expected = run(tmp_path / "in.onnx", given)
    model = load(tmp_path / "in.onnx")
    written = save(optimize(model) if optimized else model, tmp_path / "out.onnx", external_data=external)
    onnx.checker.check_model(written, full_check=True)
    check_equal(run(written, given), expected)
    again = save(load(written), tmp_path / "again.onnx", external_data=not external)
    check_equal(run(again, given), expected)


def written(tmp_path: Path, name: str, *, optimized: bool = False, **options: Any) -> onnx.ModelProto:
    model = load(MODELS[name]())
    return onnx.load(save(optimize(model) if optimized else model, tmp_path / "out.onnx", **options))


def entries(props: Any) -> dict[str, str]:
    return {entry.key: entry.value for entry in props}


def test_metadata_and_texts_are_kept(tmp_path: Path) -> None:
    proto = written(tmp_path, "metadata_everywhere", opset=21)
    graph = proto.graph
    assert (proto.producer_name, proto.producer_version, proto.domain, proto.model_version) == (
        "maker",
        "1.2",
        "org.example",
        7,
    )
    assert proto.doc_string == graph.doc_string == "what it is for"
    for item in (graph.node[0], graph.input[0], graph.initializer[0], graph.value_info[0]):
        assert item.doc_string == "a text"
    for item in (proto, graph, graph.node[0], graph.input[0], graph.initializer[0], graph.value_info[0]):
        assert entries(item.metadata_props) == {"a": "1", "b": "2"}
    assert graph.input[0].type.denotation == "IMAGE"
    assert graph.input[0].type.tensor_type.shape.dim[0].denotation == "DATA_BATCH"


def test_quantization_annotations_are_kept(tmp_path: Path) -> None:
    (annotation,) = written(tmp_path, "quantized_with_annotations").graph.quantization_annotation
    assert annotation.tensor_name == "q"
    assert entries(annotation.quant_parameter_tensor_names) == {"SCALE_TENSOR": "scale", "ZERO_POINT_TENSOR": "zero"}


@pytest.mark.parametrize("optimized", [False, True])
def test_what_only_an_annotation_names_is_kept(tmp_path: Path, optimized: bool) -> None:
    graph = written(tmp_path, "annotated_only", optimized=optimized).graph
    named = {a.tensor_name: entries(a.quant_parameter_tensor_names)["SCALE_TENSOR"] for a in graph.quantization_annotation}
    assert named == {"x": "equal", "q": "scale"}
    weights = {tensor.name for tensor in graph.initializer}
    assert weights == ({"w", "equal", "scale"} if optimized else {"w", "equal", "scale", "unread"})


@pytest.mark.parametrize("optimized", [False, True])
def test_sparse_tensors_stay_sparse(tmp_path: Path, optimized: bool) -> None:
    proto = written(tmp_path, "big_sparse_constant", optimized=optimized)
    (constant,) = (node for node in proto.graph.node if node.op_type == "Constant")
    (attribute,) = constant.attribute
    assert attribute.name == "sparse_value"
    assert (list(attribute.sparse_tensor.dims), list(attribute.sparse_tensor.values.dims)) == ([64, 64], [2000])
    assert not proto.graph.initializer


def test_devices_are_kept(tmp_path: Path) -> None:
    proto = written(tmp_path, "devices")
    assert [(c.name, c.num_devices, list(c.device)) for c in proto.configuration] == [("two", 2, ["gpu0", "gpu1"])]
    assert [(c.configuration_id, c.pipeline_stage) for c in proto.graph.node[0].device_configurations] == [("two", 1)]
    assert proto.ir_version >= 11


def test_a_map_is_an_output(tmp_path: Path) -> None:
    outputs = written(tmp_path, "classifier_with_maps").graph.output
    assert list(outputs)[1].type == MODELS["classifier_with_maps"]().graph.output[1].type


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("contrib_operator", ["com.microsoft::FusedMatMul × 1"]),
        ("training_information", ["training"]),
        ("initializers_as_inputs_of_old", ["1 weight was an optional input", "a constant now"]),
        ("initializers_as_optional_inputs", ["1 weight was an optional input", "a constant now"]),
        ("functions_in_functions", []),
        ("classifier_with_maps", []),
    ],
)
def test_notes_say_what_was_assumed_or_left_out(name: str, words: list[str]) -> None:
    notes = load(MODELS[name]()).notes
    assert len(notes) == bool(words)
    assert all(word in notes[0] for word in words)


@pytest.mark.parametrize(
    ("name", "stays"), [("initializers_as_optional_inputs", True), ("initializers_as_inputs_of_old", False)]
)
def test_optional_inputs_may_stay(tmp_path: Path, name: str, stays: bool) -> None:
    proto = MODELS[name]()
    path = save(optimize(load(proto, optional_inputs=True)), tmp_path / "out.onnx")
    onnx.checker.check_model(path, full_check=True)
    assert [value.name for value in onnx.load(path).graph.input] == (["x", "w"] if stays else ["x"])
    given = feeds(proto)
    check_equal(run(path, given), run(proto, given))
    if stays:
        given["w"] = np.eye(4, dtype=np.float32) * 3
        check_equal(run(path, given), run(proto, given))


@pytest.mark.parametrize(
    "name",
    [
        "big_raw_uint4_weights",
        "float8_weights",
        "bfloat16_weights",
        "function_with_a_big_constant",
        "big_constants_in_subgraphs",
    ],
)
def test_big_values_stay_in_their_file(tmp_path: Path, name: str) -> None:
    """Wherever they stand, and whatever their type."""
    (tmp_path / "in.onnx").write_bytes(MODELS[name]().SerializeToString())
    tensors = [tensor for tensor, _ in Encoder(load(tmp_path / "in.onnx").ir).model().tensors() if tensor.nbytes > 4096]
    assert tensors
    assert all(isinstance(tensor, MappedTensor) for tensor in tensors)


def test_provenance_is_written_when_asked(tmp_path: Path) -> None:
    (tmp_path / "in.onnx").write_bytes(MODELS["contrib_operator"]().SerializeToString())
    model = load(tmp_path / "in.onnx")
    assert not any(node.metadata_props for node in onnx.load(save(model, tmp_path / "out.onnx", opset=17)).graph.node)
    proto = onnx.load(save(model, tmp_path / "out.onnx", opset=17, provenance=True))
    assert entries(proto.graph.node[0].metadata_props) == {
        "dragoman.layer": "a",
        "dragoman.operator": "com.microsoft::FusedMatMul",
        "dragoman.location": str(tmp_path / "in.onnx"),
    }
    assert proto.ir_version == 10
