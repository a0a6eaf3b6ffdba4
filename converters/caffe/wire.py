"""protobuf's binary format, read from a mapped file: only headers are touched, numbers of blobs stay where they are.

No protobuf library, so no 2 GB limit. What the schema doesn't know is passed over by its length.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any, NoReturn, TypeVar

import numpy as np

from dragoman.converters.caffe.schema import BlobProto, Field, Kind, LayerParameter, Message, Run
from dragoman.graph_ir.errors import Location, MalformedModel
from dragoman.graph_ir.tensors import MappedFile

M = TypeVar("M", bound=Message)

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
WIRE_TYPES = {Kind.FLOAT: FIXED32, Kind.DOUBLE: FIXED64, Kind.STRING: BYTES, Kind.BYTES: BYTES, Kind.MESSAGE: BYTES}
SIZES = {FIXED32: 4, FIXED64: 8}
BLOB_RUNS = {"data", "diff", "double_data", "double_diff", "raw_data", "raw_diff"}
STRIDES = 1 << 16
"""Unpacked elements looked at in one step."""

FORK_NUMBERS: Mapping[tuple[str, int], str] = {
    ("Upsample", 137): "upsample_param",  # SegNet, where BVLC has embed_param
    ("Interp", 143): "interp_param",  # DeepLab v2, where BVLC has input_param
    ("BN", 137): "bn_param",  # TSN's Caffe and PSPNet
    ("ROIPooling", 147): "roi_pooling_param",  # where BVLC has swish_param
    ("ROIPooling", 150): "roi_pooling_param",  # TSN's Caffe
    ("ROIPooling", 154): "roi_pooling_param",  # Intel Caffe
    ("PSROIPooling", 153): "psroi_pooling_param",  # Intel Caffe
    ("Upsample", 150): "upsample_param",  # darknet2caffe's variants
    ("Upsample", 152): "upsample_param",
    ("Reorg", 148): "reorg_param",  # YOLO v2's Caffe, where BVLC has clip_param
    ("Reorg", 155): "reorg_param",
    ("ShuffleChannel", 159): "shuffle_channel_param",
}
"""Numbers that forks use for a field of ``LayerParameter``, by the layer's type."""

Keep = Callable[[type[Message], str], bool]


class WireReader:
    """The bytes of a mapped file, and the functions that read protobuf's encoding from them."""

    def __init__(self, file: MappedFile) -> None:
        """``file`` stays open as long as the messages that were read from it."""
        self.file = file
        self.location = Location(str(file.path))
        self.data = file.map if file.size else b""

    def fail(self, message: str, position: int) -> NoReturn:
        """Raise ``MalformedModel`` at a byte of the file."""
        raise MalformedModel(f"{message} (byte {position})", location=self.location)

    def varint(self, position: int, end: int) -> tuple[int, int]:
        """The unsigned integer at ``position``, of at most 64 bits, and where it ends."""
        value = shift = 0
        start = position
        while True:
            if position >= end:
                self.fail("the file is truncated or corrupt: a number runs past the end of its message", start)
            if shift > 63:
                self.fail("corrupt: a number of more than ten bytes", start)
            byte = self.data[position]
            position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & 0xFFFFFFFFFFFFFFFF, position
            shift += 7

    def span(self, position: int, end: int) -> tuple[int, int]:
        """Where the length-delimited value at ``position`` begins and ends."""
        length, start = self.varint(position, end)
        if length > end - start:
            self.fail(f"the file is truncated or corrupt: {length} bytes are declared where {end - start} are left", position)
        return start, start + length

    def skip(self, wire: int, position: int, end: int) -> int:
        """The position behind a value of wire type ``wire``."""
        if wire == VARINT:
            return self.varint(position, end)[1]
        if wire == BYTES:
            return self.span(position, end)[1]
        if wire not in SIZES:
            self.fail(f"corrupt: wire type {wire} isn't used by Caffe", position)
        if SIZES[wire] > end - position:
            self.fail("the file is truncated or corrupt: a value runs past the end of its message", position)
        return position + SIZES[wire]

    def tag(self, position: int, end: int) -> tuple[int, int, int]:
        """The field number, the wire type, and where the value begins."""
        tag, after = self.varint(position, end)
        number = tag >> 3
        if not 0 < number < 1 << 29:
            self.fail(f"corrupt: {number} isn't a field's number", position)
        return number, tag & 7, after

    def message(self, message: M, position: int, end: int, keep: Keep) -> M:
        """Read the fields between ``position`` and ``end`` into ``message``; those that ``keep`` declines are passed over."""
        if message.location is None:
            message.location = self.location
        kind = type(message)
        numbers: Mapping[int, Field[Any]] = message.numbers
        if isinstance(message, LayerParameter) and keep(kind, "convolution_param"):
            numbers = self._fork_numbers(numbers, position, end)
        while position < end:
            number, wire, position = self.tag(position, end)
            field = numbers.get(number)
            if field is None or not self._fits(field, wire):
                position = self.skip(wire, position, end)
                message.add_unknown(str(number), self.location)
            elif not keep(kind, field.name):
                position = self.skip(wire, position, end)
            elif isinstance(message, BlobProto) and field.name in BLOB_RUNS:
                position = self._run(message, field, wire, position, end)
            else:
                position = self._value(message, field, wire, position, end, keep)
        return message

    def _fork_numbers(self, numbers: Mapping[int, Field[Any]], position: int, end: int) -> Mapping[int, Field[Any]]:
        """The fields of a layer by number, as the fork that has this layer's type numbers them."""
        kind = ""
        while position < end:
            number, wire, position = self.tag(position, end)
            after = self.skip(wire, position, end)
            if number == LayerParameter.fields["type"].number and wire == BYTES:
                start, stop = self.span(position, end)
                kind = bytes(self.data[start:stop]).decode("utf-8", "replace")
            position = after
        renamed = {number: LayerParameter.fields[name] for (owner, number), name in FORK_NUMBERS.items() if owner == kind}
        return {**numbers, **renamed} if renamed else numbers

    @staticmethod
    def _fits(field: Field[Any], wire: int) -> bool:
        expected = WIRE_TYPES.get(field.kind, VARINT)
        return wire == expected or (wire == BYTES and field.repeated)

    def _value(self, message: Message, field: Field[Any], wire: int, position: int, end: int, keep: Keep) -> int:
        values = message.values
        if field.kind in {Kind.STRING, Kind.BYTES, Kind.MESSAGE}:
            start, position = self.span(position, end)
            item: Any
            if field.message is not None:
                existing = None if field.repeated else values.get(field.name)
                item = self.message(field.message() if existing is None else existing, start, position, keep)
            else:
                item = bytes(self.data[start:position])
                item = self._text(field, item, start) if field.kind is Kind.STRING else item
        elif wire == BYTES:
            start, position = self.span(position, end)
            items = values.setdefault(field.name, [])
            while start < position:
                item, start = self._number(field, start, position)
                items.append(item)
            return position
        else:
            start = position
            item, position = self._number(field, position, end)
            if item is None:
                message.add_unknown(str(field.number), self.location)
                return position
        if field.repeated:
            values.setdefault(field.name, []).append(item)
        else:
            values[field.name] = item
        return position

    def _text(self, field: Field[Any], data: bytes, position: int) -> str:
        try:
            return data.decode()
        except UnicodeDecodeError:
            self.fail(f"corrupt: {field.name} isn't UTF-8 text", position)

    def _number(self, field: Field[Any], position: int, end: int) -> tuple[int | float | bool | IntEnum | None, int]:
        """A number of the field's type, and where it ends; None for a number that its enum doesn't have."""
        if field.kind in {Kind.FLOAT, Kind.DOUBLE}:
            size = 4 if field.kind is Kind.FLOAT else 8
            if size > end - position:
                self.fail("the file is truncated or corrupt: a value runs past the end of its message", position)
            return struct.unpack_from("<f" if size == 4 else "<d", self.data, position)[0], position + size
        value, position = self.varint(position, end)
        match field.kind:
            case Kind.BOOL:
                return value != 0, position
            case Kind.UINT32:
                return value & 0xFFFFFFFF, position
            case Kind.INT64:
                return value - (1 << 64) if value >> 63 else value, position
        value &= 0xFFFFFFFF
        value = value - (1 << 32) if value >> 31 else value
        if field.enum is None:
            return value, position
        return (field.enum(value) if value in field.enum._value2member_map_ else None), position

    def _run(self, blob: BlobProto, field: Field[Any], wire: int, position: int, end: int) -> int:
        """Note where a blob's numbers lie; only the tags between unpacked ones are read."""
        runs = blob.runs.setdefault(field.name, [])
        if wire == BYTES:
            start, stop = self.span(position, end)
            size = {Kind.FLOAT: 4, Kind.DOUBLE: 8}.get(field.kind, 1)
            if (stop - start) % size:
                self.fail(f"corrupt: {field.name} has {stop - start} bytes, not a multiple of {size}", position)
            if field.kind is Kind.BYTES:
                runs.clear()
            runs.append(Run(start, (stop - start) // size, size))
            return stop
        size = SIZES[wire]
        stride = size + 1
        tag = field.number << 3 | wire
        count = 1
        while True:
            room = min((end - position - size) // stride - count + 1, STRIDES)
            if room < 1:
                break
            at = position + size + (count - 1) * stride
            tags = np.ndarray((room,), np.uint8, self.data, at, (stride,))
            other = np.flatnonzero(tags != tag)
            count += int(other[0]) if other.size else room
            if other.size:
                break
        after = position + count * stride - 1
        if after > end:
            self.fail("the file is truncated or corrupt: a value runs past the end of its message", position)
        runs.append(Run(position, count, stride))
        return after


def everything(kind: type[Message], name: str) -> bool:
    """Keep all fields."""
    return True


def read_message(file: MappedFile, kind: type[M], keep: Keep = everything) -> M:
    """The message of type ``kind`` that ``file`` holds."""
    return WireReader(file).message(kind(), 0, file.size, keep)
