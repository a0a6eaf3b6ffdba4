"""What the reader's tests share: the record of Caffe's answers, and messages as that record writes them."""

import json
from pathlib import Path
from typing import Any

from dragoman.converters.caffe.schema import Message

RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "reader_recorded.json").read_text())


def as_json(message: Message) -> dict[str, Any]:
    """A message as ``record_reader.fields`` writes it."""

    def one(field, item):
        if isinstance(item, Message):
            return as_json(item)
        if field.enum is not None:
            return field.enum(item).name
        return repr(item) if isinstance(item, float) else item

    out = {}
    for name in message.present():
        field, value = message.fields[name], message.values[name]
        if name not in {"blobs", "phase"}:
            out[name] = [one(field, item) for item in value] if field.repeated else one(field, value)
    return out
