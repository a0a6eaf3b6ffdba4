"""The shape and type of an input: given, hinted at in the file, or read off the operator that takes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx_ir as ir

from dragoman.converters.mxnet.attributes import Ints, convert
from dragoman.converters.mxnet.params import DTYPES
from dragoman.converters.mxnet.symbol import Node, Symbol
from dragoman.graph_ir.errors import Location, MalformedModel

Dim = int | str

_PARAMETERS = ("weight", "bias", "gamma", "beta", "moving_mean", "moving_var", "running_mean", "running_var", "parameters", "alpha")
_TRANSPARENT = frozenset(
    {"Cast", "_copy", "identity", "BlockGrad", "Dropout", "_minus_scalar", "_plus_scalar", "_mul_scalar", "_div_scalar"}
)
"""Operators whose output has the shape of their input."""
_SPATIAL = (("length",), ("height", "width"), ("depth", "height", "width"))


def input_shape(
    symbol: Symbol,
    index: int,
    given: Sequence[Dim] | None,
    weights: Mapping[str, ir.TensorProtocol],
    weights_path: Path | None,
) -> tuple[Sequence[Dim], ir.DataType, str]:
    """Shape, type, and what was assumed (or ""), of the variable ``index``. ``MalformedModel`` if nothing says its shape."""
    node = symbol.nodes[index]
    dtype = _dtype(symbol, index, node)
    if given is not None:
        return tuple(given), dtype, ""
    hint = node.hints.get("__shape__", "")
    shape = convert(hint, Ints) if hint else ()
    if shape and all(size > 0 for size in shape):
        return shape, dtype, ""
    guessed = _by_reader(symbol, index, weights)
    if guessed is not None:
        return guessed, dtype, f"input {node.name} is taken to be ({', '.join(map(str, guessed))}), from the operator that reads it"
    location = Location(str(symbol.path)) if symbol.path is not None else None
    if node.name.endswith(_PARAMETERS):
        where = f"{weights_path.name} has no array of this name" if weights_path is not None else "no weights were given"
        raise MalformedModel(f"variable {node.name} has no values: {where}", location=location)
    raise MalformedModel(
        f"the shape of input {node.name} isn't known; say it with --input {node.name}:1,3,224,224 (or inputs=…)", location=location
    )


def _readers(symbol: Symbol, index: int) -> list[tuple[int, Node, int]]:
    """Who reads the first output of ``index``: each node, and at which input."""
    return [
        (number, node, position)
        for number, node in enumerate(symbol.nodes)
        for position, ref in enumerate(node.inputs)
        if ref.node == index
    ]


def _by_reader(symbol: Symbol, index: int, weights: Mapping[str, ir.TensorProtocol]) -> tuple[Dim, ...] | None:
    """What a layer with weights says of the tensor that it takes."""
    for number, node, position in _readers(symbol, index):
        if position == 0 and node.op in _TRANSPARENT:
            found = _by_reader(symbol, number, weights)
        elif position == 0 and len(node.inputs) > 1:
            tensor = weights.get(symbol.nodes[node.inputs[1].node].name)
            found = _of_layer(node, tuple(tensor.shape.numpy())) if tensor is not None else None
        else:
            found = None
        if found is not None:
            return found
    return None


def _of_layer(node: Node, weight: tuple[int, ...]) -> tuple[Dim, ...] | None:
    spatial = len(weight) - 2
    if node.op == "Convolution" and 1 <= spatial <= 3 and node.attrs.get("layout", "None") in ("None", "NCW", "NCHW", "NCDHW"):
        return ("batch", weight[1] * int(node.attrs.get("num_group", 1)), *_SPATIAL[spatial - 1])
    if node.op == "FullyConnected" and node.attrs.get("flatten", "True") in ("True", "1"):
        return ("batch", weight[1])
    if node.op == "BatchNorm" and node.attrs.get("axis", "1") == "1":
        return ("batch", weight[0], "height", "width")
    if node.op == "Embedding":
        return ("batch", "length")
    return None


def _dtype(symbol: Symbol, index: int, node: Node) -> ir.DataType:
    hint = node.hints.get("__dtype__", "")
    if hint.lstrip("-").isdigit() and int(hint) in DTYPES:
        return DTYPES[int(hint)]
    return ir.DataType.FLOAT
