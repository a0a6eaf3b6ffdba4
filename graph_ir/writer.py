"""ONNX bytes, streamed: headers first, then each tensor straight from where it is.

The layout is protobuf's: a ModelProto whose graph (field 7) ends in initializers (field 5), each a TensorProto whose values
(field 9, raw_data) come last, so that they can be copied from file to file. See onnx.proto.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import onnx
import onnx_ir as ir

from dragoman.graph_ir.errors import TargetError
from dragoman.graph_ir.files import AtomicFiles
from dragoman.graph_ir.protobuf import key, varint

PROTOBUF_LIMIT = (1 << 31) - 1
"""The most bytes that protobuf readers accept in one message."""

_ALIGNMENT = 4096
_INLINE = 1024
"""Tensors up to this many bytes stay in the model when others go to external data: shapes and scalars are needed to load it."""

_GRAPH, _INITIALIZER = 7, 5
_DIMS, _DATA_TYPE, _NAME, _RAW, _EXTERNAL, _LOCATION = 1, 2, 8, 9, 13, 14

Progress = Callable[[int, int], None]
"""Called with the bytes written and the bytes to write."""


Weights = Sequence[tuple[str, ir.TensorProtocol]]
"""Initializers by name; one tensor may have several."""


def write_onnx(
    model: ir.Model, path: str | os.PathLike[str], *, external_data: bool | None = None, progress: Progress | None = None
) -> Path:
    """Write ``model`` to ``path``; weights go to ``path`` + ``.data`` if asked, or if protobuf can't hold them (2 GB).

    Peak memory is the largest tensor that has to be computed; tensors mapped from a file are copied by the system.
    """
    target = Path(path)
    head, body = _skeleton(model)
    tensors = [_tensor(v) for v in model.graph.initializers.values()]
    total = sum(tensor.nbytes for _, tensor in tensors)
    if external_data is None:
        external_data = total + len(body) + len(head) + 64 * len(tensors) >= PROTOBUF_LIMIT
    with AtomicFiles() as files:
        stream = files.open(target)
        if external_data:
            data_name = target.name + ".data"
            data = files.open(target.with_name(data_name))
            _write_external(stream, data, data_name, head, body, tensors, _counter(total, progress))
        else:
            _write_whole(stream, head, body, tensors, _counter(total, progress))
    return target


def _counter(total: int, progress: Progress | None) -> Callable[[int], None]:
    done = 0

    def count(nbytes: int) -> None:
        nonlocal done
        done += nbytes
        if progress is not None:
            progress(done, total)

    return count


def _tensor(value: ir.Value) -> tuple[str, ir.TensorProtocol]:
    if value.const_value is None:
        raise TargetError(f"initializer {value.name} has no values")
    return value.name or "", value.const_value


def _skeleton(model: ir.Model) -> tuple[bytes, bytes]:
    """The model without its graph, and the graph without its initializers."""
    graph = onnx.GraphProto(name=model.graph.name or "graph", doc_string=model.graph.doc_string or "")
    for node in model.graph:
        ir.serde.serialize_node_into(graph.node.add(), node)
    for value in model.graph.inputs:
        ir.serde.serialize_value_into(graph.input.add(), value)
    for value in model.graph.outputs:
        ir.serde.serialize_value_into(graph.output.add(), value)
    outputs = set(model.graph.outputs)
    for node in model.graph:
        for value in node.outputs:
            if value not in outputs and value.type is not None and value.name:
                ir.serde.serialize_value_into(graph.value_info.add(), value)
    for name, text in model.graph.metadata_props.items():
        graph.metadata_props.add(key=name, value=text)
    proto = onnx.ModelProto(
        ir_version=model.ir_version,
        producer_name=model.producer_name or "",
        producer_version=model.producer_version or "",
        domain=model.domain or "",
        model_version=model.model_version or 0,
        doc_string=model.doc_string or "",
    )
    for domain, version in model.graph.opset_imports.items():
        proto.opset_import.add(domain=domain, version=version)
    for name, text in model.metadata_props.items():
        proto.metadata_props.add(key=name, value=text)
    for function in model.functions.values():
        ir.serde.serialize_function_into(proto.functions.add(), function)
    return proto.SerializeToString(), graph.SerializeToString()


def _write_whole(stream: IO[bytes], head: bytes, body: bytes, tensors: Weights, count: Callable[[int], None]) -> None:
    entries = [(tensor, *_entry(name, tensor)) for name, tensor in tensors]
    size = len(body) + sum(len(header) + payload for _, header, payload in entries)
    stream.write(head + key(_GRAPH, 2) + varint(size) + body)
    for tensor, header, payload in entries:
        stream.write(header)
        if payload:
            _copy(tensor, stream, payload)
            count(payload)
    stream.flush()


def _entry(name: str, tensor: ir.TensorProtocol) -> tuple[bytes, int]:
    """The bytes before a tensor's values, and how many bytes those values are."""
    if tensor.dtype == ir.DataType.STRING:
        proto = ir.serde.serialize_tensor(tensor)
        proto.name = name
        whole = proto.SerializeToString()
        return key(_INITIALIZER, 2) + varint(len(whole)) + whole, 0
    inner = _declaration(name, tensor) + key(_RAW, 2) + varint(tensor.nbytes)
    return key(_INITIALIZER, 2) + varint(len(inner) + tensor.nbytes) + inner, tensor.nbytes


def _declaration(name: str, tensor: ir.TensorProtocol) -> bytes:
    encoded = name.encode()
    parts = [key(_DIMS, 0) + varint(d) for d in tensor.shape.numpy()]
    return b"".join(parts) + key(_DATA_TYPE, 0) + varint(tensor.dtype.value) + key(_NAME, 2) + varint(len(encoded)) + encoded


def _write_external(
    stream: IO[bytes],
    data: IO[bytes],
    data_name: str,
    head: bytes,
    body: bytes,
    tensors: Weights,
    count: Callable[[int], None],
) -> None:
    entries = []
    offset = 0
    for name, tensor in tensors:
        if tensor.nbytes <= _INLINE or tensor.dtype == ir.DataType.STRING:
            entries.append(_entry(name, tensor)[0] + (tensor.tobytes() if tensor.dtype != ir.DataType.STRING else b""))
            continue
        padding = -offset % _ALIGNMENT
        data.write(b"\0" * padding)
        offset += padding
        _copy(tensor, data, tensor.nbytes)
        count(tensor.nbytes)
        inner = _declaration(name, tensor)
        for field, text in (("location", data_name), ("offset", str(offset)), ("length", str(tensor.nbytes))):
            pair = onnx.StringStringEntryProto(key=field, value=text).SerializeToString()
            inner += key(_EXTERNAL, 2) + varint(len(pair)) + pair
        inner += key(_LOCATION, 0) + varint(onnx.TensorProto.EXTERNAL)
        entries.append(key(_INITIALIZER, 2) + varint(len(inner)) + inner)
        offset += tensor.nbytes
    data.flush()
    graph = body + b"".join(entries)
    stream.write(head + key(_GRAPH, 2) + varint(len(graph)) + graph)
    stream.flush()


def _copy(tensor: ir.TensorProtocol, stream: IO[bytes], size: int) -> None:
    """Append a tensor's values, and check that they are as many bytes as was declared."""
    stream.flush()
    before = os.lseek(stream.fileno(), 0, os.SEEK_CUR)
    if hasattr(tensor, "tofile"):
        tensor.tofile(stream)
    else:
        stream.write(tensor.tobytes())
    stream.flush()
    written = os.lseek(stream.fileno(), 0, os.SEEK_CUR) - before
    if written != size:
        raise TargetError(f"tensor {tensor.name}: {written} bytes written where {size} were declared")
