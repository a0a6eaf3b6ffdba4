"""Attributes: text, as the types that a handler declares."""

from __future__ import annotations

from typing import Any

import pytest
from onnx_ir import DataType

from dragoman.converters.mxnet.attributes import Ints, OptionalInts, convert


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("(1, 2)", Ints, (1, 2)),
        ("[1,2]", Ints, (1, 2)),
        ("3", Ints, (3,)),
        ("(2L, 3L)", Ints, (2, 3)),
        ("()", Ints, ()),
        ("(None, 3)", OptionalInts, (None, 3)),
        ("((1, 2), (3, 4))", tuple[Ints, ...], ((1, 2), (3, 4))),
        ("[[1,2],[3,4]]", tuple[Ints, ...], ((1, 2), (3, 4))),
        ("((1, 2),)", tuple[Ints, ...], ((1, 2),)),
        ("float16", DataType, DataType.FLOAT16),
        ("None", DataType | None, None),
        ("None", int | None, None),
        ("2.0", int, 2),
        ("1e-05", float, 1e-05),
        ("1", bool, True),
        ("False", bool, False),
    ],
)
def test_text_is_read(text: str, kind: Any, value: Any) -> None:
    assert convert(text, kind) == value


@pytest.mark.parametrize(("text", "kind"), [("1.5", int), ("yes", bool), ("float128", DataType), ("(1, a)", Ints), ("(1.5,)", Ints)])
def test_other_text_is_an_error(text: str, kind: Any) -> None:
    with pytest.raises(ValueError, match=r".*"):
        convert(text, kind)
