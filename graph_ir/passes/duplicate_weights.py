"""Weights that are there twice."""

from __future__ import annotations

from collections.abc import Hashable

import onnx_ir as ir

from dragoman.graph_ir.annotations import annotated
from dragoman.graph_ir.tensors import MappedTensor, blocks, release
from dragoman.graph_ir.traversal import subgraphs

_SMALL = 4096
"""Bytes up to which tensors are compared as a whole; of bigger ones a few pieces first, and the rest where those are equal."""

_PIECES = 16

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
        found = _key(tensor, small_only=small_only)
        if found is None:
            continue
        key, whole = found
        candidates = mine.setdefault(key, [])
        equal = next((v for v in (*known.get(key, ()), *candidates) if whole or _equal(tensor, v.const_value)), None)
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
        for inner in subgraphs(node):
            if outside is None:
                outside = {key: [*known.get(key, ()), *mine.get(key, ())] for key in {*known, *mine}}
            changed |= _share(inner, outside, small_only=small_only)
    return changed


def _key(tensor: ir.TensorProtocol, *, small_only: bool) -> tuple[Hashable, bool] | None:
    """The same for equal tensors, and seldom for others: type, shape, and the bytes (True: all of them)."""
    if tensor.dtype == ir.DataType.STRING:
        return None
    array = tensor.numpy()
    if array.nbytes <= _SMALL:
        return (array.dtype, array.shape, array.tobytes()), True
    if small_only:
        return None
    flat = array.reshape(-1)
    sample = flat[:: max(1, len(flat) // _PIECES)].tobytes()
    release(array)
    return (array.dtype, array.shape, sample), False


def _equal(a: ir.TensorProtocol, b: ir.TensorProtocol | None) -> bool:
    """Bit by bit; both have the same key."""
    if b is None or a is b:
        return True
    if isinstance(a, MappedTensor) and isinstance(b, MappedTensor) and (a.file, a.offset, a.stride) == (b.file, b.offset, b.stride):
        return True
    return all(x.tobytes() == y.tobytes() for x, y in zip(blocks(a), blocks(b), strict=True))
