"""Types of values: those of onnx_ir, and maps, which it lacks."""

from __future__ import annotations

from dataclasses import dataclass

import onnx
import onnx_ir as ir


@dataclass(frozen=True)
class MapType(ir.TypeProtocol):
    """A map from integers or strings to tensors, as classifiers of ai.onnx.ml give."""

    key_type: ir.DataType
    elem_type: ir.TypeProtocol
    denotation: str | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MapType) and (self.key_type, self.elem_type) == (other.key_type, other.elem_type)

    def __hash__(self) -> int:
        return hash((self.key_type, self.elem_type))

    @property
    def dtype(self) -> ir.DataType:  # type: ignore[override]  # the protocol's may be assigned
        """The innermost tensors' elements."""
        return self.elem_type.dtype


def has_map(proto: onnx.TypeProto) -> bool:
    """Whether a type is a map, or contains one."""
    kind = proto.WhichOneof("value")
    if kind in ("sequence_type", "optional_type"):
        return has_map(getattr(proto, kind).elem_type)
    return bool(kind == "map_type")


def read_type(proto: onnx.TypeProto) -> ir.TypeProtocol:
    """A type from its message. ``ValueError`` if it doesn't say what its elements are."""
    kind, denotation = proto.WhichOneof("value"), proto.denotation or None
    if kind == "map_type":
        key = ir.DataType(proto.map_type.key_type)
        return MapType(key, read_type(proto.map_type.value_type), denotation)
    if kind == "sequence_type":
        return ir.SequenceType(read_type(proto.sequence_type.elem_type), denotation=denotation)
    if kind == "optional_type":
        return ir.OptionalType(read_type(proto.optional_type.elem_type), denotation=denotation)
    found = ir.serde.deserialize_type_proto_for_type(proto)
    if found is None:
        raise ValueError("a type has no elements")
    return found


def read_shape(proto: onnx.TypeProto) -> ir.Shape | None:
    """The shape of the innermost tensors, if the message has one."""
    kind = proto.WhichOneof("value")
    if kind == "map_type":
        return read_shape(proto.map_type.value_type)
    if kind in ("sequence_type", "optional_type"):
        return read_shape(getattr(proto, kind).elem_type)
    return ir.serde.deserialize_type_proto_for_shape(proto)


def write_type(kind: ir.TypeProtocol, shape: ir.Shape | None, proto: onnx.TypeProto) -> None:
    """Fill a type's message; ``shape`` is that of the innermost tensors."""
    if kind.denotation:
        proto.denotation = kind.denotation
    if isinstance(kind, MapType):
        proto.map_type.key_type = kind.key_type.value
        write_type(kind.elem_type, shape, proto.map_type.value_type)
    elif isinstance(kind, ir.SequenceType):
        write_type(kind.elem_type, shape, proto.sequence_type.elem_type)
    elif isinstance(kind, ir.OptionalType):
        write_type(kind.elem_type, shape, proto.optional_type.elem_type)
    else:
        ir.serde.serialize_type_into(proto, kind)
        if shape is not None:
            ir.serde.serialize_shape_into(proto, shape)
