"""Protobuf's encoding, as far as writers of streamed files need it: what can't be built in memory can't go through its library."""

from __future__ import annotations

LIMIT = (1 << 31) - 1
"""The most bytes that protobuf reads and writes in one message."""


def varint(value: int) -> bytes:
    """An unsigned integer in as few bytes as it takes, seven bits in each, the lowest first."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def key(field: int, wire_type: int) -> bytes:
    """What stands before a field's value: its number, and how the value is laid out (0 varint, 2 length and bytes)."""
    return varint(field << 3 | wire_type)


def delimited(field: int, content: bytes) -> bytes:
    """A field whose value is bytes, or a message."""
    return key(field, 2) + varint(len(content)) + content
