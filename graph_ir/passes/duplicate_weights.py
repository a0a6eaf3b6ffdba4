"""Weights that are there twice."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from dragoman.graph_ir.annotations import annotated
from dragoman.graph_ir.passes.editing import graphs_of
from dragoman.graph_ir.tensors import MappedTensor

_SMALL = 4096
"""Bytes up to which tensors are compared as a whole; of bigger ones a few pieces first, and the rest where those are equal."""

_PIECES = 16
_BLOCK = 1 << 22
"""Bytes that are compared at a time."""

_Known = dict[Hashable, list[ir.Value]]


def share_duplicate_weights(model: ir.Model, *, small_only: bool = False) -> bool:
    """Initializers of equal values become one, those of subgraphs with those outside; weights in files are read in passing.

    What would have to be computed isn't looked at, nor with ``small_only`` what isn't small.
    """
    return _share(model.graph, {}, small_only=small_only)


def share_small_weights(model: ir.Model) -> bool:
    """The same for weights of a few elements."""
    return share_duplicate_weights(model, small_only=True)


def _share(graph: ir.Graph, known: _Known, *, small_only: bool) -> bool:
    changed = False
    mine: _Known = {}
    kept: set[str] | None = None
    for name, value in list(graph.initializers.items()):
        tensor = value.const_value
        if tensor is None or isinstance(tensor, ir.LazyTensor) or value.is_graph_output() or value.is_graph_input():
            continue
        key = _key(tensor, small_only=small_only)
        if key is None:
            continue
        candidates = mine.setdefault(key, [])
        equal = next((other for other in (*known.get(key, ()), *candidates) if _equal(tensor, other.const_value)), None)
        if equal is None:
            candidates.append(value)
            continue
        if value.uses():
            value.replace_all_uses_with(equal)
            changed = True
        kept = annotated(graph) if kept is None else kept
        if name not in kept:
            del graph.initializers[name]
            changed = True
    outside: _Known | None = None
    for node in graph:
        for attribute in node.attributes.values():
            for inner in graphs_of(attribute):
                if outside is None:
                    outside = {key: [*known.get(key, ()), *mine.get(key, ())] for key in {*known, *mine}}
                changed |= _share(inner, outside, small_only=small_only)
    return changed


def _key(tensor: ir.TensorProtocol, *, small_only: bool) -> Hashable | None:
    """The same for equal tensors, and seldom for others: type, shape, and the bytes, or some of them."""
    if tensor.dtype == ir.DataType.STRING:
        return None
    array = tensor.numpy()
    if array.nbytes <= _SMALL:
        return tensor.dtype, array.shape, array.tobytes()
    if small_only:
        return None
    flat = _flat(tensor)
    return tensor.dtype, array.shape, flat[:: max(1, len(flat) // _PIECES)].tobytes()


def _flat(tensor: ir.TensorProtocol) -> npt.NDArray[np.generic]:
    return tensor.numpy().reshape(-1)


def _equal(a: ir.TensorProtocol, b: ir.TensorProtocol | None) -> bool:
    """Bit by bit; both have the same key."""
    if b is None or a is b:
        return True
    if isinstance(a, MappedTensor) and isinstance(b, MappedTensor) and (a.file, a.offset, a.stride) == (b.file, b.offset, b.stride):
        return True
    return all(x == y for x, y in zip(_blocks(a), _blocks(b), strict=True))


def _blocks(tensor: ir.TensorProtocol) -> Iterator[bytes]:
    flat = _flat(tensor)
    count = max(1, _BLOCK // flat.itemsize)
    for first in range(0, len(flat), count):
        yield flat[first : first + count].tobytes()
        if isinstance(tensor, MappedTensor):
            tensor.file.release()
