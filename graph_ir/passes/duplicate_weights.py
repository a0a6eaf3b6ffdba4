"""Weights that are there twice."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from dragoman.graph_ir.passes.editing import graphs_of
from dragoman.graph_ir.tensors import MappedTensor

_SMALL = 4096
"""Bytes up to which tensors are compared as a whole; of bigger ones a few pieces first, and the rest where those are equal."""

_PIECES = 16
_BLOCK = 1 << 22
"""Bytes that are compared at a time."""

_Known = dict[Hashable, list[ir.Value]]


def share_duplicate_weights(model: ir.Model) -> bool:
    """Initializers of equal values become one, those of subgraphs with those outside; weights in files are read in passing."""
    return _share(model.graph, {}, small_only=False)


def share_small_weights(model: ir.Model) -> bool:
    """The same for those of a few elements, without a look at any other."""
    return _share(model.graph, {}, small_only=True)


def _share(graph: ir.Graph, known: _Known, *, small_only: bool) -> bool:
    changed = False
    mine: _Known = {}
    for name, value in list(graph.initializers.items()):
        tensor = value.const_value
        if tensor is None or value.is_graph_output() or value.is_graph_input():
            continue
        if small_only and (tensor.dtype == ir.DataType.STRING or tensor.nbytes > _SMALL):
            continue
        key = _key(tensor)
        candidates = (*known.get(key, ()), *mine.get(key, ()))
        equal = next((other for other in candidates if _equal(tensor, other.const_value)), None)
        if equal is None:
            mine.setdefault(key, []).append(value)
            continue
        value.replace_all_uses_with(equal)
        del graph.initializers[name]
        changed = True
    both = {key: [*known.get(key, ()), *mine.get(key, ())] for key in {*known, *mine}} if known else mine
    for node in graph:
        for attribute in node.attributes.values():
            for inner in graphs_of(attribute):
                changed |= _share(inner, both, small_only=small_only)
    return changed


def _key(tensor: ir.TensorProtocol) -> Hashable:
    """The same for equal tensors, and seldom for others: type, shape, and the bytes, or some of them."""
    shape = tuple(tensor.shape.numpy())
    if tensor.dtype == ir.DataType.STRING:
        return tensor.dtype, shape, id(tensor)
    if tensor.nbytes <= _SMALL:
        return tensor.dtype, shape, tensor.tobytes()
    if isinstance(tensor, ir.LazyTensor):
        return tensor.dtype, shape, id(tensor)  # it would have to be computed
    flat = _flat(tensor)
    step = max(1, len(flat) // _PIECES)
    return tensor.dtype, shape, flat[::step].tobytes()


def _flat(tensor: ir.TensorProtocol) -> npt.NDArray[np.generic]:
    array = tensor.numpy()
    return array.reshape(-1) if array.flags.c_contiguous or isinstance(tensor, MappedTensor) else np.ravel(array)


def _equal(a: ir.TensorProtocol, b: ir.TensorProtocol | None) -> bool:
    """Bit by bit; both have the same key."""
    if b is None or a is b or a.dtype == ir.DataType.STRING or a.nbytes <= _SMALL:
        return True
    if isinstance(a, MappedTensor) and isinstance(b, MappedTensor) and a.file is b.file and a.offset == b.offset:
        return a.stride == b.stride
    return all(x == y for x, y in zip(_blocks(a), _blocks(b), strict=True))


def _blocks(tensor: ir.TensorProtocol) -> Iterator[bytes]:
    flat = _flat(tensor)
    count = max(1, _BLOCK // flat.itemsize)
    for first in range(0, len(flat), count):
        yield flat[first : first + count].tobytes()
        if isinstance(tensor, MappedTensor):
            tensor.file.release()
