"""Typed protobuf messages, declared once: the fields that drive both the text and the binary parser.

A message class lists its fields as descriptors, ``kernel_h = uint32(5)``, so that reading an attribute gives a typed value: the
one that was set, or caffe.proto's default. ``has`` tells the two apart.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, IntEnum, auto
from typing import Any, Generic, TypeVar, cast, overload

import numpy as np

from dragoman.graph_ir.errors import Location

T = TypeVar("T")
M = TypeVar("M", bound="Message")
E = TypeVar("E", bound=IntEnum)


class Kind(Enum):
    """A field's protobuf type."""

    INT32 = auto()
    INT64 = auto()
    UINT32 = auto()
    FLOAT = auto()
    DOUBLE = auto()
    BOOL = auto()
    STRING = auto()
    BYTES = auto()
    ENUM = auto()
    MESSAGE = auto()


def float32(value: float) -> float:
    """``value`` rounded to what a protobuf ``float`` holds; beyond its range it becomes infinite."""
    with np.errstate(over="ignore"):
        return float(np.float32(value))


class Field(Generic[T]):
    """One field of a message: its wire number, type and default. A descriptor: an attribute of every instance."""

    def __init__(
        self,
        kind: Kind,
        number: int,
        default: Callable[[], T],
        *,
        repeated: bool = False,
        packed: bool = False,
        enum: type[IntEnum] | None = None,
        message: type[Message] | None = None,
    ) -> None:
        """``default`` makes the value of a field that isn't set."""
        self.name = ""
        self.kind = kind
        self.number = number
        self.default = default
        self.repeated = repeated
        self.packed = packed
        self.enum = enum
        self.message = message
        self.required = False

    def __set_name__(self, owner: type[Message], name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type[Message]) -> Field[T]: ...

    @overload
    def __get__(self, instance: Message, owner: type[Message]) -> T: ...

    def __get__(self, instance: Message | None, owner: type[Message]) -> Field[T] | T:
        if instance is None:
            return self
        values = instance.values
        if self.name in values:
            return cast(T, values[self.name])
        value = self.default()
        if self.repeated:
            values[self.name] = value  # so that what a caller appends is kept
        return value

    def __set__(self, instance: Message, value: T) -> None:
        instance.values[self.name] = value


class Message:
    """A protobuf message: the values that are set, where it stands in its file, and the fields it has beyond its schema."""

    __slots__ = ("location", "unknown", "values")
    fields: dict[str, Field[Any]] = {}  # noqa: RUF012 - filled once, as each class is declared
    numbers: dict[int, Field[Any]] = {}  # noqa: RUF012
    required: tuple[str, ...] = ()

    def __init__(self, **values: Any) -> None:
        """Set the named fields; ``TypeError`` for a name that the message doesn't have."""
        for name in values:
            if name not in self.fields:
                raise TypeError(f"{type(self).__name__} has no field {name!r}")
        self.values: dict[str, Any] = values
        self.location: Location | None = None
        self.unknown: list[tuple[str, Location]] = []

    def __init_subclass__(cls) -> None:
        own = {name: value for name, value in vars(cls).items() if isinstance(value, Field)}
        cls.fields = {**cls.fields, **own}
        cls.numbers = {field.number: field for field in cls.fields.values()}
        cls.required = tuple(name for name, field in cls.fields.items() if field.required)
        if len(cls.numbers) != len(cls.fields):
            raise TypeError(f"{cls.__name__} uses a field number twice")

    def has(self, name: str) -> bool:
        """Whether the field was set (for a repeated one: whether it has elements)."""
        if name not in self.fields:
            raise AttributeError(f"{type(self).__name__} has no field {name!r}")
        return name in self.values and not (self.fields[name].repeated and not self.values[name])

    def clear(self, name: str) -> None:
        """Make the field absent."""
        self.values.pop(name, None)

    def present(self) -> list[str]:
        """The names of the fields that are set, in the schema's order."""
        return [name for name in self.fields if self.has(name)]

    def add_unknown(self, name: str, location: Location) -> None:
        """Record a field that the schema doesn't know, by its name or its number."""
        self.unknown.append((name, location))

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other) or not isinstance(other, Message):
            return NotImplemented
        names = self.present()
        return names == other.present() and all(self.values[name] == other.values[name] for name in names)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={self.values[name]!r}' for name in self.present())})"


def ensure(message: Message, field: Field[M]) -> M:
    """The sub-message in ``field``, made and attached if it wasn't set."""
    value = message.values.get(field.name)
    if value is None:
        value = message.values[field.name] = field.default()
    return cast(M, value)


def required(field: Field[T]) -> Field[T]:
    """``field``, without which its message isn't valid."""
    field.required = True
    return field


def int32(number: int, default: int = 0) -> Field[int]:
    """A 32-bit signed integer."""
    return Field(Kind.INT32, number, lambda: default)


def int64(number: int, default: int = 0) -> Field[int]:
    """A 64-bit signed integer."""
    return Field(Kind.INT64, number, lambda: default)


def uint32(number: int, default: int = 0) -> Field[int]:
    """A 32-bit unsigned integer."""
    return Field(Kind.UINT32, number, lambda: default)


def floating(number: int, default: float = 0.0) -> Field[float]:
    """A 32-bit float; its value is the rounded one."""
    rounded = float32(default)
    return Field(Kind.FLOAT, number, lambda: rounded)


def boolean(number: int, default: bool = False) -> Field[bool]:
    """A truth value."""
    return Field(Kind.BOOL, number, lambda: default)


def string(number: int, default: str = "") -> Field[str]:
    """A UTF-8 string."""
    return Field(Kind.STRING, number, lambda: default)


def octets(number: int) -> Field[bytes]:
    """Raw bytes."""
    return Field(Kind.BYTES, number, lambda: b"")


def enum(number: int, default: E) -> Field[E]:
    """One of the values of ``type(default)``."""
    return Field(Kind.ENUM, number, lambda: default, enum=type(default))


def message(number: int, kind: type[M]) -> Field[M]:
    """A sub-message; reading one that isn't set gives an empty one, so that its fields read as their defaults."""
    return Field(Kind.MESSAGE, number, kind, message=kind)


def int32s(number: int) -> Field[list[int]]:
    """Repeated 32-bit signed integers."""
    return Field(Kind.INT32, number, list, repeated=True)


def int64s(number: int, *, packed: bool = False) -> Field[list[int]]:
    """Repeated 64-bit signed integers."""
    return Field(Kind.INT64, number, list, repeated=True, packed=packed)


def uint32s(number: int) -> Field[list[int]]:
    """Repeated 32-bit unsigned integers."""
    return Field(Kind.UINT32, number, list, repeated=True)


def floats(number: int, *, packed: bool = False) -> Field[list[float]]:
    """Repeated 32-bit floats."""
    return Field(Kind.FLOAT, number, list, repeated=True, packed=packed)


def doubles(number: int, *, packed: bool = False) -> Field[list[float]]:
    """Repeated 64-bit floats."""
    return Field(Kind.DOUBLE, number, list, repeated=True, packed=packed)


def booleans(number: int) -> Field[list[bool]]:
    """Repeated truth values."""
    return Field(Kind.BOOL, number, list, repeated=True)


def strings(number: int) -> Field[list[str]]:
    """Repeated strings."""
    return Field(Kind.STRING, number, list, repeated=True)


def enums(number: int, kind: type[E]) -> Field[list[E]]:
    """Repeated values of an enum."""
    return Field(Kind.ENUM, number, list, repeated=True, enum=kind)


def messages(number: int, kind: type[M]) -> Field[list[M]]:
    """Repeated sub-messages."""
    return Field(Kind.MESSAGE, number, list, repeated=True, message=kind)
