"""Attributes, which are text in the file, as the types that a handler's signature declares.

A handler's keyword-only parameters are its operator's settings: their names, types and defaults, as in MXNet's dmlc parameters. A
parameter that is declared as a dataclass stands for all of its fields: what several operators are set by is said once.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from onnx_ir import DataType

Ints = tuple[int, ...]
Floats = tuple[float, ...]
OptionalInts = tuple[int | None, ...]
"""``(None, 3)``: limits that may be left out."""

DTYPES = {
    "float16": DataType.FLOAT16,
    "float32": DataType.FLOAT,
    "float64": DataType.DOUBLE,
    "bfloat16": DataType.BFLOAT16,
    "int8": DataType.INT8,
    "uint8": DataType.UINT8,
    "int32": DataType.INT32,
    "int64": DataType.INT64,
    "bool": DataType.BOOL,
}
"""What MXNet calls the types."""

WITHOUT_EFFECT = frozenset(
    {
        "workspace", "cudnn_tune", "cudnn_off", "cudnn_algo_verbose", "cudnn_algo_fwd", "cudnn_algo_bwd_data", "cudnn_algo_bwd_filter",
        "cudnn_algo_fwd_prec", "cudnn_algo_bwd_prec", "cudnn_tensor_core", "cudnn_tensor_core_only", "ctx", "sparse_grad", "im2col_step",
    }
)  # fmt: skip
"""How something is computed or trained, never what."""


class BadAttribute(ValueError):
    """An attribute that its operator doesn't have, or a value that it doesn't take."""


@dataclass(frozen=True)
class Setting:
    """One keyword-only parameter of a handler, or a field of one that is a dataclass (``group``)."""

    name: str
    type: Any
    default: Any
    required: bool
    group: str = ""


@cache
def settings_of(handler: Callable[..., Any]) -> Mapping[str, Setting]:
    """The settings that a handler declares."""
    hints = typing.get_type_hints(handler)
    found = {}
    for name, parameter in inspect.signature(handler).parameters.items():
        if parameter.kind is not parameter.KEYWORD_ONLY:
            continue
        if dataclasses.is_dataclass(hints[name]):
            kinds = typing.get_type_hints(hints[name])
            for field in dataclasses.fields(hints[name]):
                required = field.default is dataclasses.MISSING
                default = None if required else field.default
                found[field.name] = Setting(field.name, kinds[field.name], default, required, group=name)
        else:
            required = parameter.default is parameter.empty
            found[name] = Setting(name, hints[name], None if required else parameter.default, required)
    return found


def parse(handler: Callable[..., Any], attrs: Mapping[str, str]) -> dict[str, Any]:
    """``attrs`` as keyword arguments for ``handler``. ``BadAttribute`` for what it doesn't declare or can't be read.

    Operators without settings have no parser in MXNet: it passes over whatever such a node says (``zeros_like`` with a ``dtype``).
    """
    settings = settings_of(handler)
    if not settings:
        return {}
    spelled = {name.rstrip("_"): name for name in settings}  # a Python keyword has an underscore behind it
    values = {}
    for key, text in attrs.items():
        if key in WITHOUT_EFFECT and key not in settings:
            continue
        name = key if key in settings else spelled.get(key, "")
        if name not in settings:
            raise BadAttribute(f"has an attribute {key!r} ({text}), which isn't known")
        values[name] = _value(settings[name], text)
    if missing := [name for name, setting in settings.items() if setting.required and name not in values]:
        raise BadAttribute(f"lacks the attribute {', '.join(missing)}")
    return _grouped(handler, settings, values)


def _grouped(handler: Callable[..., Any], settings: Mapping[str, Setting], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a dataclass's fields as an object of it."""
    hints = typing.get_type_hints(handler)
    made = {name: value for name, value in values.items() if not settings[name].group}
    for group in dict.fromkeys(setting.group for setting in settings.values() if setting.group):
        made[group] = hints[group](**{name: value for name, value in values.items() if settings[name].group == group})
    return made


def _value(setting: Setting, text: str) -> Any:
    try:
        return convert(text, setting.type)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise BadAttribute(f"has the {setting.name} {text!r}, which isn't {describe(setting.type)}") from error


def convert(text: str, kind: Any) -> Any:
    """``text`` as ``kind``; ``ValueError`` if it isn't one."""
    text = text.strip()
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        if type(None) in typing.get_args(kind) and text in ("None", ""):
            return None
        failure: Exception | None = None
        for choice in typing.get_args(kind):
            if choice is not type(None):
                try:
                    return convert(text, choice)
                except ValueError as error:
                    failure = error
        raise failure or ValueError(text)
    if origin is Literal:
        if text not in typing.get_args(kind):
            raise ValueError(text)
        return text
    if origin is tuple:
        return tuple(_sequence(text, typing.get_args(kind)[0]))
    return _scalar(text, kind)


def _sequence(text: str, kind: Any) -> list[Any]:
    """``(1, 2)``, ``[1,2]``, ``1``, ``(2L, 2L)`` and ``((1, 2), (3, 4))``: what MXNet's tuples have been written as."""
    inner = text[1:-1] if text[:1] + text[-1:] in ("()", "[]") else text
    parts = re.findall(r"[(\[][^)\]]*[)\]]", inner) if typing.get_origin(kind) is tuple else inner.split(",")
    return [convert(part, kind) for part in parts if part.strip()]


def _scalar(text: str, kind: Any) -> Any:
    if kind is bool:
        if text in ("True", "true", "1"):
            return True
        if text in ("False", "false", "0"):
            return False
        raise ValueError(text)
    if kind is int:
        try:
            return int(text.rstrip("L"))
        except ValueError:
            number = float(text)
            if number != int(number):
                raise
            return int(number)
    if kind is float:
        return float(text)
    if kind is str:
        return text
    if kind is DataType:
        if text not in DTYPES:
            raise ValueError(text)
        return DTYPES[text]
    if kind is type(None):
        if text == "None":
            return None
        raise ValueError(text)
    return ast.literal_eval(text)


def describe(kind: Any) -> str:
    """A type as an error says it."""
    if typing.get_origin(kind) is Literal:
        return "one of " + ", ".join(map(str, typing.get_args(kind)))
    names = {bool: "True or False", int: "a whole number", float: "a number", str: "text", type(None): "None", DataType: "a type"}
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return " or ".join(describe(choice) for choice in typing.get_args(kind))
    if typing.get_origin(kind) is tuple:
        return "a list of numbers"
    return names.get(kind, str(kind))
