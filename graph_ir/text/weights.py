"""Values that the text leaves out: which tensor a reference means."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import NoReturn

import onnx_ir as ir

from dragoman.graph_ir.errors import MalformedModel
from dragoman.graph_ir.tensors import DerivedTensor, blocks
from dragoman.graph_ir.text.elements import strings
from dragoman.graph_ir.traversal import graphs_of, parts, walk

Place = tuple[int, int]
"""An owner's ``id`` and the tensor's position in it."""

Weights = Mapping[str, ir.TensorProtocol]


def named_tensors(model: ir.Model) -> dict[str, ir.TensorProtocol]:
    """Every tensor of ``model`` by the name that the text calls it: an initializer's own, or ``output.attribute``.

    Where several have one name, later ones are ``name#2``, ``name#3``, in the text's order.
    """
    return {name: tensor for name, (_, tensor) in _named(model).items()}


def places(model: ir.Model) -> dict[Place, str]:
    """The names of ``named_tensors`` by where the tensors are."""
    return {place: name for name, (place, _) in _named(model).items()}


def _named(model: ir.Model) -> dict[str, tuple[Place, ir.TensorProtocol]]:
    found: dict[str, tuple[Place, ir.TensorProtocol]] = {}
    counts: dict[str, int] = {}
    for base, place, tensor in _tensors(model):
        name = base
        while name in found:
            counts[base] = counts.get(base, 1) + 1
            name = f"{base}#{counts[base]}"
        found[name] = place, tensor
    return found


def _tensors(model: ir.Model) -> Iterator[tuple[str, Place, ir.TensorProtocol]]:
    for part in parts(model):
        for graph in graphs_of(part):
            for value in graph.initializers.values():
                if value.const_value is not None:
                    yield value.name or "", (id(value), 0), value.const_value
        for node in walk(part):
            for attribute in node.attributes.values():
                if attribute.is_ref() or attribute.value is None:
                    continue
                base = f"{next((o.name for o in node.outputs if o.name), node.op_type)}.{attribute.name}"
                if attribute.type == ir.AttributeType.TENSOR:
                    yield base, (id(attribute), 0), attribute.as_tensor()
                elif attribute.type == ir.AttributeType.TENSORS:
                    for index, tensor in enumerate(attribute.as_tensors()):
                        yield f"{base}[{index}]", (id(attribute), index), tensor


def absent(name: str, dtype: ir.DataType, shape: tuple[int, ...]) -> ir.TensorProtocol:
    """A tensor whose values nobody gave: it has a type and a shape, and says so when it is asked for more."""

    def refuse() -> NoReturn:
        raise MalformedModel(f"the values of {name} aren't in the text; give the model's weights with it")

    return DerivedTensor(refuse, dtype, shape, name=name)


def digest(tensor: ir.TensorProtocol) -> str:
    """The first 16 digits of the SHA-256 of the values, as an ONNX file holds them. No tensor is copied as a whole for it."""
    found = hashlib.sha256()
    if tensor.dtype == ir.DataType.STRING:
        for text in strings(tensor):
            found.update(len(text).to_bytes(8, "little") + text)
    elif tensor.dtype.bitwidth < 8:
        found.update(tensor.tobytes())
    else:
        for block in blocks(tensor):
            found.update(block.tobytes())
    return found.hexdigest()[:16]
