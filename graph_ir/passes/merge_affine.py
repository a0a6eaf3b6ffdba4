"""BatchNormalization, Mul, Add, Sub and Div one after the other, with nothing linear before them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from dragoman.graph_ir.passes.affine import Affine, affine_chain, affine_of
from dragoman.graph_ir.passes.editing import Names, add_weight, remove_node, replace_value
from dragoman.graph_ir.provenance import merge_origins
from dragoman.graph_ir.tensors import DerivedTensor
from dragoman.graph_ir.traversal import graphs_of


def merge_affine(model: ir.Model) -> bool:
    """A chain becomes one BatchNormalization if one is in it, else Mul and Add, where that is fewer nodes."""
    names = Names([model.graph])
    changed = False
    seen: set[ir.Node] = set()
    for node in [node for graph in graphs_of(model.graph) for node in graph]:
        graph = node.graph
        if node in seen or not isinstance(graph, ir.Graph):
            continue
        first = affine_of(node, 1)
        if first is None:
            continue
        rest = affine_chain(first.result, 1)
        if rest is None or (first.channels and rest.channels and first.channels != rest.channels):
            continue
        chain = first.then(rest)
        seen.update(chain.nodes)
        if any(step.op_type == "BatchNormalization" for step in chain.nodes):
            result = _as_batch_normalization(graph, chain, names)
        elif len(chain.nodes) > chain.scales + chain.shifts:
            result = _as_arithmetic(graph, chain, names)
        else:
            continue
        replace_value(chain.result, result)
        for step in reversed(chain.nodes):
            remove_node(step)
        changed = True
    return changed


def _as_batch_normalization(graph: ir.Graph, chain: Affine, names: Names) -> ir.Value:
    """scale · (x − 0) / sqrt(1 + 0) + shift."""
    channels = chain.channels
    assert channels is not None
    parts: dict[str, Callable[[], npt.NDArray[np.float64]]] = {
        "scale": lambda: chain.values()[0],
        "bias": lambda: chain.values()[1],
        "mean": lambda: np.zeros(channels),
        "variance": lambda: np.ones(channels),
    }
    weights = [_weight(graph, chain, names, role, compute, (channels,)) for role, compute in parts.items()]
    return _emit(graph, chain, "BatchNormalization", [chain.source, *weights], names, {"epsilon": 0.0})


def _as_arithmetic(graph: ir.Graph, chain: Affine, names: Names) -> ir.Value:
    rank = len(chain.source.shape) if chain.source.shape is not None else 0
    shape = () if chain.channels is None else (chain.channels,) + (1,) * (rank - 2)
    value = chain.source
    if chain.scales:
        scale = _weight(graph, chain, names, "scale", lambda: chain.values()[0], shape)
        value = _emit(graph, chain, "Mul", [value, scale], names)
    if chain.shifts:
        shift = _weight(graph, chain, names, "bias", lambda: chain.values()[1], shape)
        value = _emit(graph, chain, "Add", [value, shift], names)
    return value


def _weight(
    graph: ir.Graph,
    chain: Affine,
    names: Names,
    role: str,
    compute: Callable[[], npt.NDArray[np.float64]],
    shape: tuple[int, ...],
) -> ir.Value:
    size = int(np.prod(shape))

    dtype = chain.source.dtype
    assert dtype is not None

    def rounded() -> npt.NDArray[np.generic]:
        return np.broadcast_to(compute().reshape(-1), (size,)).reshape(shape).astype(dtype.numpy())

    tensor = DerivedTensor(rounded, dtype, shape)
    return add_weight(graph, tensor, names.unique(f"{chain.result.name}/{role}"))


def _emit(
    graph: ir.Graph,
    chain: Affine,
    op_type: str,
    inputs: list[ir.Value],
    names: Names,
    attributes: dict[str, float] | None = None,
) -> ir.Value:
    node = ir.node(op_type, inputs, attributes or {})
    out = node.outputs[0]
    out.name = node.name = names.unique(f"{chain.result.name}/{op_type}")
    out.type, out.shape = chain.source.type, chain.source.shape
    merge_origins(node, *chain.nodes)
    graph.insert_before(chain.nodes[-1], node)
    return out
