"""Weights that are there twice."""

from __future__ import annotations

from collections.abc import Hashable

import onnx_ir as ir

from dragoman.graph_ir.tensors import MappedTensor

_SMALL = 4096
"""Bytes up to which tensors are compared by value; bigger ones are the same only if they are the same slice or object."""


def share_duplicate_weights(model: ir.Model) -> bool:
    """Initializers of equal values become one."""
    first: dict[Hashable, ir.Value] = {}
    changed = False
    for name, value in list(model.graph.initializers.items()):
        if value.const_value is None or value.is_graph_output() or value.is_graph_input():
            continue
        kept = first.setdefault(_identity(value.const_value), value)
        if kept is not value:
            ir.convenience.replace_all_uses_with(value, kept)
            del model.graph.initializers[name]
            changed = True
    return changed


def _identity(tensor: ir.TensorProtocol) -> Hashable:
    shape = tuple(tensor.shape.numpy())
    if tensor.dtype != ir.DataType.STRING and tensor.nbytes <= _SMALL:
        return tensor.dtype, shape, tensor.tobytes()
    if isinstance(tensor, MappedTensor):
        return id(tensor.file), tensor.offset, tensor.stride, tensor.dtype, shape
    return id(tensor)
