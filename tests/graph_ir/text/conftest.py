"""What two models have to have in common to be the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import onnx
import onnx_ir as ir
import pytest
from onnx import ModelProto, NodeProto, TensorProto

from dragoman.graph_ir.text import Style, parse_model, print_model

WHOLE = Style(inline=None)
"""Every value written out."""


def canonical(proto: ModelProto) -> ModelProto:
    """``proto`` with every tensor's values in raw_data, whichever field they were in."""
    copy = ModelProto()
    copy.CopyFrom(proto)
    for tensor in [*copy.graph.initializer, *_tensors(copy.graph.node)]:
        _to_raw(tensor)
    for function in copy.functions:
        for tensor in _tensors(function.node):
            _to_raw(tensor)
    return copy


def _tensors(nodes: Iterator[NodeProto]) -> Iterator[TensorProto]:
    for node in nodes:
        for attribute in node.attribute:
            yield from ([attribute.t] if attribute.HasField("t") else []) + list(attribute.tensors)
            for graph in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
                yield from graph.initializer
                yield from _tensors(graph.node)


def _to_raw(tensor: TensorProto) -> None:
    if not tensor.name:
        tensor.ClearField("name")
    if tensor.data_type == TensorProto.STRING:
        return
    data = ir.serde.deserialize_tensor(tensor).tobytes()
    for name in ("raw_data", "float_data", "int32_data", "int64_data", "double_data", "uint64_data"):
        tensor.ClearField(name)
    tensor.raw_data = data


@pytest.fixture
def back_and_forth() -> Callable[..., str]:
    """Print, read back, print again: the text and the serialised model must be the same. Gives the text."""

    def check(proto: ModelProto, style: Style = WHOLE) -> str:
        model = ir.serde.deserialize_model(proto)
        text = print_model(model, style)
        back = parse_model(text, model)
        assert print_model(back, style) == text
        assert str(canonical(ir.serde.serialize_model(back))) == str(canonical(ir.serde.serialize_model(model)))
        return text

    return check


@pytest.fixture
def read_by_onnx() -> Callable[[ModelProto, str], None]:
    """ONNX's own parser must make the same graph of the text; it leaves the types of inner values out."""

    def check(proto: ModelProto, text: str) -> None:
        wanted = canonical(ir.serde.serialize_model(ir.serde.deserialize_model(proto)))
        found = canonical(onnx.parser.parse_model(text))
        for model in (wanted, found):
            for graph in [model.graph, *_graphs(model.graph.node)]:
                del graph.value_info[:]
                for node in graph.node:
                    if not node.domain:
                        node.ClearField("domain")
            for entry in model.opset_import:
                if not entry.domain:
                    entry.ClearField("domain")
        assert str(found) == str(wanted)

    return check


def _graphs(nodes: Iterator[NodeProto]) -> Iterator[onnx.GraphProto]:
    for node in nodes:
        for attribute in node.attribute:
            for graph in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
                yield graph
                yield from _graphs(graph.node)
