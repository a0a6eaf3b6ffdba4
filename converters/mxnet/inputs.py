"""Which variables are inputs, and what to say of one whose shape nothing tells, or of a weight that has no values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import onnx_ir as ir

from dragoman.converters.mxnet.hints import place_of
from dragoman.converters.mxnet.shapes import UNARY, Shape
from dragoman.converters.mxnet.symbol import Node, Symbol
from dragoman.graph_ir.errors import Location, MalformedModel

_WEIGHTED: Mapping[str, frozenset[int]] = {
    **dict.fromkeys(("Convolution", "Convolution_v1", "Deconvolution", "FullyConnected"), frozenset({1, 2})),
    **dict.fromkeys(("BatchNorm", "BatchNorm_v1", "_contrib_SyncBatchNorm"), frozenset({1, 2, 3, 4})),
    **dict.fromkeys(("LayerNorm", "InstanceNorm", "GroupNorm"), frozenset({1, 2})),
    **dict.fromkeys(("Embedding", "LeakyReLU", "RNN"), frozenset({1})),
    "_contrib_DeformableConvolution": frozenset({2, 3}),
}
"""At which of its inputs an operator takes weights."""
_SUFFIXES = ("_weight", "_bias", "_gamma", "_beta", "_moving_mean", "_moving_var", "_running_mean", "_running_var", "_parameters")
_SPATIAL = ("224", "224,224", "16,112,112")
_SHOWN = 12


class UnknownShape(MalformedModel):
    """Inputs whose shapes neither the files nor the caller say."""


def nodes_read(symbol: Symbol, unread: Mapping[str, int]) -> list[int]:
    """The nodes that inference needs, inputs before their readers: a loss's labels, and what makes them, aren't among them."""
    read = {head.node for head in symbol.heads}
    order = symbol.walk()
    for index in reversed(order):
        if index in read:
            node = symbol.nodes[index]
            read.update(ref.node for ref in node.inputs[: unread.get(node.op)])
    return [index for index in order if index in read]


def inputs_of(symbol: Symbol, unread: Mapping[str, int]) -> list[int]:
    """The variables that inference reads, in the symbol's order."""
    return [index for index in nodes_read(symbol, unread) if symbol.nodes[index].is_variable]


def require_weights(
    symbol: Symbol, variables: Iterable[int], tensors: Mapping[str, ir.TensorProtocol], given: Collection[str], path: Path | None
) -> list[str]:
    """Notes of arrays that are of no use. ``MalformedModel`` if a layer's weights have no values: all of them, and what there is
    too much.
    """
    weights = {ref.node for node in symbol.nodes for place, ref in enumerate(node.inputs) if place in _WEIGHTED.get(node.op, ())}
    named = [(index, symbol.nodes[index].name) for index in variables if place_of(symbol.nodes[index]) is None]
    missing = [n for i, n in named if n not in tensors and n not in given and (i in weights or n.endswith(_SUFFIXES))]
    known = {node.name for node in symbol.nodes if node.is_variable}
    surplus = [name for name in tensors if name not in known]
    if not missing:
        return [f"{path.name if path else 'the weights'}: unused {_list(surplus)}"] if surplus else []
    location = Location(str(symbol.path)) if symbol.path is not None else None
    if path is None and not tensors:
        raise MalformedModel(f"has weights ({_list(missing)}), but none were given: say where with --weights", location=location)
    where = path.name if path is not None else "the weights given"
    message = f"no values for {_list(missing)}: {where} {'has no array of this name' if len(missing) == 1 else 'has none of these'}"
    if surplus:
        message += f"; it has others that the symbol doesn't know: {_list(surplus)}"
    raise MalformedModel(message, location=location)


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown + (f", … ({len(names) - _SHOWN} more)" if len(names) > _SHOWN else "")


def unknown_shapes(
    symbol: Symbol, indices: Sequence[int], known: Sequence[Shape], weights: Mapping[str, ir.TensorProtocol]
) -> UnknownShape:
    """The error for inputs without shapes, with what to pass for each."""
    names = ", ".join(symbol.nodes[index].name for index in indices)
    options = " ".join(
        f"--input {symbol.nodes[index].name}:{_example(symbol, index, shape, weights)}"
        for index, shape in zip(indices, known, strict=True)
    )
    what = f"the shape of input {names} isn't" if len(indices) == 1 else f"the shapes of the inputs {names} aren't"
    return UnknownShape(
        f"{what} in the files; pass {options} with sizes of your own (from Python: inputs={{name: shape}}); a word is a dynamic dimension,"
        " such as batch",
        location=Location(str(symbol.path)) if symbol.path is not None else None,
    )


def _example(symbol: Symbol, index: int, known: Shape, weights: Mapping[str, ir.TensorProtocol]) -> str:
    """Sizes that the input could have: what its reader demands, and common ones for the rest."""
    if known is not None:
        return ",".join("1" if size is None else str(size) for size in known)
    return _by_reader(symbol, index, weights, set()) or "1,3,224,224"


def _by_reader(symbol: Symbol, index: int, weights: Mapping[str, ir.TensorProtocol], seen: set[int]) -> str | None:
    seen.add(index)
    for number, node in enumerate(symbol.nodes):
        if len(node.inputs) > 2 and node.inputs[2].node == index and node.op in ("_contrib_Proposal", "_contrib_MultiProposal"):
            return "1,3"  # an image's height, width and scale
        if number in seen or not node.inputs or node.inputs[0].node != index:
            continue
        tensor = weights.get(symbol.nodes[node.inputs[1].node].name) if len(node.inputs) > 1 else None
        found = _of_layer(node, tuple(tensor.shape.numpy())) if tensor is not None else None
        if found is None and node.op in UNARY:
            found = _by_reader(symbol, number, weights, seen)
        if found is not None:
            return found
    return None


def _of_layer(node: Node, weight: tuple[int, ...]) -> str | None:
    if node.op == "Convolution" and 3 <= len(weight) <= 5 and not node.attrs.get("layout", "").endswith("C"):
        groups = node.attrs.get("num_group", "1")
        return f"1,{weight[1] * int(groups) if groups.isdecimal() else weight[1]},{_SPATIAL[len(weight) - 3]}"
    if node.op == "FullyConnected" and len(weight) == 2:
        return f"1,{weight[1]}"
    return {"Embedding": "1,128", "RNN": "35,1,200"}.get(node.op)
