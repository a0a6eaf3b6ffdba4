"""Attributes: text, as the types that a handler declares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from onnx_ir import DataType

from dragoman.converters.mxnet.attributes import BadAttribute, Ints, OptionalInts, convert, parse


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


@dataclass(frozen=True, kw_only=True)
class Shared:
    """What two operators are set by."""

    kernel: Ints
    stride: Ints = (1,)


def grouped(g, node, data, *, size: int = 3, shared: Shared) -> None:
    """An operator with settings of its own, and shared ones."""


def test_a_dataclass_stands_for_its_fields() -> None:
    assert parse(grouped, {"kernel": "(2, 2)", "size": "4"}) == {"size": 4, "shared": Shared(kernel=(2, 2))}
    assert parse(grouped, {"kernel": "3", "stride": "[2]"}) == {"shared": Shared(kernel=(3,), stride=(2,))}
    with pytest.raises(BadAttribute, match="lacks the attribute kernel"):
        parse(grouped, {"stride": "2"})
    with pytest.raises(BadAttribute, match="an attribute 'shared'"):
        parse(grouped, {"kernel": "2", "shared": "1"})
