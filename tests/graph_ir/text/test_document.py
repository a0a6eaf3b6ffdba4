"""The texts in docs/text-form.md are what it says that they are."""

from __future__ import annotations

import re
from pathlib import Path

import onnx
import pytest

from dragoman.graph_ir.text import parse_model, print_model
from dragoman.graph_ir.text.words import ATTRIBUTE_TYPES, DTYPES

PAGE = (Path(__file__).parents[3] / "docs" / "text-form.md").read_text(encoding="utf-8")
TEXTS = re.findall(r"^```text\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", TEXTS)
def test_texts_are_as_we_print_them(text: str) -> None:
    assert print_model(parse_model(text)) == text
    proto = onnx.parser.parse_model(text)
    assert [node.op_type for node in proto.graph.node] == [node.op_type for node in parse_model(text).graph]


def test_there_are_texts() -> None:
    assert TEXTS


@pytest.mark.parametrize("dtype", sorted(set(DTYPES) - {"undefined"}))
def test_element_types_are_onnx_own(dtype: str) -> None:
    """ONNX's parser knows every type that we print, but those that are newer than it."""
    text = f'<ir_version: 10, opset_import: ["": 21]> g ({dtype}[3] x) => ({dtype}[3] y) {{ y = Identity (x) }}'
    parse_model(text)
    if dtype.upper() in dict(onnx.TensorProto.DataType.items()):
        assert onnx.parser.parse_model(text).graph.input[0].type.tensor_type.elem_type == DTYPES[dtype]


def test_attribute_types_are_onnx_own() -> None:
    assert set(ATTRIBUTE_TYPES) == {name.lower() for name, _ in onnx.AttributeProto.AttributeType.items()} - {"undefined"}
