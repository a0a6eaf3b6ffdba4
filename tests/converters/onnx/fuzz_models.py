"""fuzz_models.py SEED COUNT: damages small models, by bytes and by fields, and reads and writes what is left of them.

Whatever comes out is one of our errors, or a file that onnx's checker accepts. Prints one line for each thing else, and counts.
"""

from __future__ import annotations

import logging
import random
import resource
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from odd_models import MODELS

from dragoman.converters.onnx.exporter import save
from dragoman.converters.onnx.importer import load
from dragoman.graph_ir.errors import DragomanError

MEMORY = 8 << 30
NUMBERS = (0, 1, -1, 2, 3, 7, 100, 1 << 31, -(1 << 31), 1 << 62, (1 << 63) - 1, -(1 << 63), 99)


def damage_bytes(model: bytes, rng: random.Random) -> bytes:
    data = bytearray(model)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        at, other, length = rng.randrange(len(data)), rng.randrange(len(data)), rng.randrange(1, 40)
        kind = rng.randrange(6)
        if kind == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        elif kind == 2:
            del data[at : at + rng.randrange(1, 9)]
        elif kind == 3:
            data[at:at] = rng.randbytes(rng.randrange(1, 5))
        elif kind == 4:
            data[at : at + length] = data[other : other + length]
        else:
            data[at:at] = data[at : at + length]
        data = data or bytearray(b"\0")
    return bytes(data)


def damage_fields(model: bytes, rng: random.Random) -> bytes:
    proto = onnx.ModelProto.FromString(model)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        messages = every_message(proto)
        texts = [text for message in messages for text in strings(message)] or ["x"]
        message = rng.choice(messages)
        present = [field for field, _ in message.ListFields()]
        field = rng.choice(present if present and rng.random() < 0.7 else list(message.DESCRIPTOR.fields))
        damage_field(message, field, messages, texts, rng)
    return proto.SerializeToString()


def damage_field(message: Any, field: Any, messages: list[Any], texts: list[str], rng: random.Random) -> None:
    value, kind = getattr(message, field.name), rng.randrange(4)
    repeated = hasattr(value, "append")
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        others = [other.SerializeToString() for other in messages if other.DESCRIPTOR is field.message_type]
        if repeated and len(value) and kind == 0:
            del value[rng.randrange(len(value))]
        elif kind == 0:
            message.ClearField(field.name)
        elif others:
            target = value.add() if repeated else value
            target.Clear()
            target.MergeFromString(rng.choice(others))
    elif repeated:
        if len(value) and kind == 0:
            del value[rng.randrange(len(value))]
        elif len(value) and kind > 1:
            value[rng.randrange(len(value))] = any_value(field, texts, rng)
        else:
            value.append(any_value(field, texts, rng))
    elif kind == 0:
        message.ClearField(field.name)
    else:
        setattr(message, field.name, any_value(field, texts, rng))


def any_value(field: Any, texts: list[str], rng: random.Random) -> Any:
    if field.type == FieldDescriptor.TYPE_STRING:
        return rng.choice([*texts, "", "é", "nowhere", "a/b"])
    if field.type == FieldDescriptor.TYPE_BYTES:
        return rng.randbytes(rng.randrange(20))
    if field.type == FieldDescriptor.TYPE_ENUM:
        return rng.choice(field.enum_type.values).number
    if field.type in (FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE):
        return rng.choice((0.0, -1.0, 1e30, float("nan")))
    number = rng.choice(NUMBERS)
    if field.type == FieldDescriptor.TYPE_INT32:
        return number % (1 << 31)
    return abs(number) if field.type == FieldDescriptor.TYPE_UINT64 else number


def every_message(message: Any) -> list[Any]:
    found = [message]
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for part in [value] if isinstance(value, Message) else value:
                found += every_message(part)
    return found


def strings(message: Any) -> list[str]:
    found: list[str] = []
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_STRING:
            found += [value] if isinstance(value, str) else [text for text in value if isinstance(text, str)]
    return found


def outcome(source: Path, target: Path, *, external: bool) -> str:
    try:
        save(load(source), target, external_data=external)
    except DragomanError as error:
        return type(error).__name__ if len(str(error)) < 2000 else f"a message of {len(str(error))} characters"
    except Exception:
        return f"CRASH {traceback.format_exc()[-600:]}"
    try:
        onnx.checker.check_model(target)
    except Exception as error:
        return f"INVALID {error}"
    return "written"


def main(seed: int, count: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.RLIM_INFINITY))
    warnings.filterwarnings("ignore")
    logging.disable()
    rng = random.Random(seed)
    # its raising step makes a constant as long as the model says that there are channels
    models = [build().SerializeToString() for name, build in MODELS.items() if name != "withdrawn_operator"]
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.onnx"), Path(folder, "out.onnx")
        for number in range(count):
            damage = damage_bytes if number % 3 == 0 else damage_fields
            source.write_bytes(damage(rng.choice(models), rng))
            found = outcome(source, target, external=number % 5 == 0)
            if not found.isidentifier():
                print(f"seed {seed}, number {number}: {found}")
            counts[found.split()[0]] += 1
    print(dict(counts))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
