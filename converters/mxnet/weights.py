"""Which file holds a symbol's weights, and which array belongs to which variable."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from pathlib import Path

import onnx_ir as ir

from dragoman.converters.mxnet.params import read_params
from dragoman.converters.mxnet.symbol import VARIABLE, Node, Ref, Symbol
from dragoman.converters.mxnet.table import OPERATORS
from dragoman.graph_ir.errors import Location, MalformedModel

_EPOCH = re.compile(r"-(\d{4})\.params$")


def find_weights(symbol: Path) -> Path | None:
    """The newest ``prefix-NNNN.params`` beside ``prefix-symbol.json``; None if there is none."""
    prefix = symbol.name.removesuffix("-symbol.json")
    if prefix == symbol.name:
        return None
    found = [path for path in symbol.parent.glob("*.params") if _EPOCH.sub("", path.name) == prefix]
    return max(found, key=lambda path: int(_EPOCH.search(path.name)[1]), default=None)  # type: ignore[index]


def read_weights(path: Path, symbol: Symbol) -> dict[str, ir.TensorProtocol]:
    """The arrays by the symbol's own names. ``MalformedModel`` if none of them belongs to it."""
    arrays = read_params(path)
    if not symbol.version:
        add_parameters(symbol, {_plain(name) for name in arrays})
    names = variable_names(list(arrays), symbol, path)
    return {names[name]: tensor for name, tensor in arrays.items()}


def add_parameters(symbol: Symbol, known: Container[str]) -> None:
    """Before 0.9 a symbol left out the variables of its layers' parameters: add those that ``known`` has values for."""
    for node in list(symbol.nodes):
        if node.is_variable or node.op not in OPERATORS:
            continue
        for parameter in OPERATORS.parameters(node.op, before=2)[len(node.inputs) :]:
            name = f"{node.name}_{parameter}"
            if name not in known:
                break
            symbol.nodes.append(Node(name, VARIABLE, {}, ()))
            node.inputs = (*node.inputs, Ref(len(symbol.nodes) - 1, 0))


def _plain(name: str) -> str:
    """A checkpoint's names without what they are for."""
    return name.partition(":")[2] if name.startswith(("arg:", "aux:")) else name


def variable_names(arrays: Sequence[str], symbol: Symbol, path: Path) -> dict[str, str]:
    """What the symbol calls each array of the file.

    A checkpoint's names are the symbol's behind ``arg:`` and ``aux:``. Gluon's ``save_parameters`` calls them by the attributes that
    lead there (``features.0.weight``): those are matched in the order in which the symbol's variables are met, by kind.
    """
    names = {name: _plain(name) for name in arrays}
    if len(set(names.values())) != len(names):
        raise MalformedModel("has two arrays of one name", location=Location(str(path)))
    variables = [node.name for node in symbol.variables()]
    if not arrays or set(variables) & set(names.values()):
        return names
    if all("." in name for name in arrays):
        return _by_structure(arrays, variables, path)
    raise MalformedModel(
        f"has no array of the symbol's names ({', '.join(variables[:4])}, …), but {', '.join(list(names.values())[:4])}, …",
        location=Location(str(path)),
    )


def _by_structure(arrays: Sequence[str], variables: list[str], path: Path) -> dict[str, str]:
    """Match ``features.0.weight`` to ``alexnet0_conv0_weight``: the n-th of a kind to the n-th of the kind."""
    kinds: dict[str, list[str]] = {}
    for name in arrays:
        kinds.setdefault(_kind(name.rpartition(".")[2]), []).append(name)
    matched: dict[str, str] = {}
    for kind, names in kinds.items():
        own = [name for name in variables if _kind(name) == kind]
        if len(own) != len(names):
            raise MalformedModel(
                f"has {len(names)} arrays called …{kind}, the symbol {len(own)}; they can't be matched", location=Location(str(path))
            )
        matched.update(zip(names, own, strict=True))
    return matched


_KINDS = ("weight", "bias", "gamma", "beta", "running_mean", "running_var", "moving_mean", "moving_var", "alpha")


def _kind(name: str) -> str:
    """What a parameter is for, from the end of its name."""
    found = next((kind for kind in _KINDS if name.endswith(kind)), name)
    return {"moving_mean": "running_mean", "moving_var": "running_var"}.get(found, found)
