"""Which file holds a symbol's weights, and which array belongs to which variable."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from pathlib import Path

import onnx_ir as ir

from dragoman.converters.mxnet.layers import Partial, fits, weight_shapes
from dragoman.converters.mxnet.params import read_params
from dragoman.converters.mxnet.symbol import VARIABLE, Node, Ref, Symbol
from dragoman.converters.mxnet.table import OPERATORS
from dragoman.graph_ir.errors import Location, MalformedModel

Arrays = Mapping[str, ir.TensorProtocol]


def find_weights(symbol: Path) -> Path | None:
    """``prefix-NNNN.params`` (or ``prefix.params``) beside ``prefix-symbol.json``; None if there is none. ``MalformedModel`` if there
    are several: which one is the network's isn't ours to say.
    """
    prefix = symbol.name.removesuffix("-symbol.json")
    if prefix == symbol.name:
        return None
    name = re.compile(re.escape(prefix) + r"(-\d{4,})?\.params")
    found = sorted(path for path in symbol.parent.iterdir() if name.fullmatch(path.name))
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise MalformedModel(f"has several weights beside it ({names}): say which with --weights", location=Location(str(symbol)))
    return found[0] if found else None


def read_weights(path: Path, symbol: Symbol) -> dict[str, ir.TensorProtocol]:
    """The arrays by the symbol's own names, as far as they belong to it."""
    arrays = read_params(path)
    add_parameters(symbol, {_plain(name) for name in arrays})
    names = variable_names(arrays, symbol, path)
    return {names[name]: tensor for name, tensor in arrays.items()}


def add_parameters(symbol: Symbol, known: Container[str]) -> None:
    """Before 0.9 a symbol left out variables of its layers, the auxiliary states at least: add those that are required, or that
    ``known`` has values for (UpgradeJSON_000800_000900).
    """
    if symbol.version >= 900:
        return
    for node in list(symbol.nodes):
        if node.is_variable or node.op not in OPERATORS:
            continue
        fewest, _ = OPERATORS.arity(node.op, before=2)
        for place, parameter in enumerate(OPERATORS.parameters(node.op, before=2)):
            name = f"{node.name}_{parameter}" if node.name else parameter
            if place < len(node.inputs):
                continue
            if place >= fewest and name not in known:
                break
            symbol.nodes.append(Node(name, VARIABLE, {}, ()))
            node.inputs = (*node.inputs, Ref(len(symbol.nodes) - 1, 0))


def _plain(name: str) -> str:
    """A checkpoint's names without what they are for."""
    return name.partition(":")[2] if name.startswith(("arg:", "aux:")) else name


def variable_names(arrays: Arrays, symbol: Symbol, path: Path) -> dict[str, str]:
    """What the symbol calls each array of the file.

    A checkpoint's names are the symbol's behind ``arg:`` and ``aux:``. Gluon's ``save_params`` leaves out the network's own prefix;
    ``save_parameters`` calls arrays by the attributes that lead there (``features.0.weight``), in the order of creation.
    """
    names = {name: _plain(name) for name in arrays}
    if len(set(names.values())) != len(names):
        raise MalformedModel("has two arrays of one name", location=Location(str(path)))
    variables = [node.name for node in symbol.variables()]
    if not arrays or set(variables) & set(names.values()):
        return names
    prefixes = {prefix for name in variables for prefix in _prefixes(name)}
    for prefix in sorted(prefixes, key=len):
        if {prefix + plain for plain in names.values()} <= set(variables):
            return {name: prefix + plain for name, plain in names.items()}
    kinds = {_last(name) for name in arrays}
    if all(any(_ends(name, kind) for name in variables) for kind in kinds):
        return _by_structure(arrays, symbol, path)
    raise MalformedModel(
        f"is of another network: it has no array of the symbol's names ({_some(variables)}), but {_some(list(names.values()))}",
        location=Location(str(path)),
    )


def _prefixes(name: str) -> list[str]:
    return [name[: match.end()] for match in re.finditer("_", name)][:2]


def _last(name: str) -> str:
    """What an array is, of its block: ``weight`` of ``features.0.weight``."""
    return name.rpartition(".")[2]


def _ends(variable: str, kind: str) -> bool:
    """Whether a variable's name says that it is of a kind; ``moving_mean`` is what older versions call ``running_mean``."""
    endings = (kind, kind.replace("running_", "moving_"))
    return any(variable == ending or variable.endswith("_" + ending) for ending in endings)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (", …" if len(names) > 4 else "")


def _by_structure(arrays: Arrays, symbol: Symbol, path: Path) -> dict[str, str]:
    """Match ``features.0.weight`` to ``alexnet0_conv0_weight``: the n-th of a kind to the n-th of the kind, if shapes agree.

    The file is in the order of creation. So are the numbers in the symbol's names; the order in which the symbol reads its variables
    is another one where a shortcut comes before the branch around it. What both orders allow in different ways is refused.
    """
    expected = _expected_shapes(symbol)
    kinds = sorted({_last(name) for name in arrays}, key=len, reverse=True)
    kind_of = {node.name: next((k for k in kinds if _ends(node.name, k)), "") for node in symbol.variables()}
    read = [name for name, kind in kind_of.items() if kind]
    found = [_matched(arrays, order, kind_of, expected) for order in (_by_number(read), read)]
    fitting = [match for match in found if isinstance(match, dict)]
    if not fitting:
        raise MalformedModel(f"can't be matched to the symbol: {found[0]}", location=Location(str(path)))
    differing = [f"{name} ({' or '.join(m[name] for m in fitting)})" for name in fitting[0] if fitting[0][name] != fitting[-1][name]]
    if differing:
        raise MalformedModel(
            f"can't be matched to the symbol without doubt: {_some(differing)}; export the network with its weights (net.export) instead",
            location=Location(str(path)),
        )
    return fitting[0]


def _by_number(names: Sequence[str]) -> list[str]:
    """The names, with those that differ in their numbers alone in the order of the numbers."""
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(re.sub(r"\d+", "#", name), []).append(name)
    ordered = {key: iter(sorted(group, key=_numbers)) for key, group in alike.items()}
    return [next(ordered[re.sub(r"\d+", "#", name)]) for name in names]


def _numbers(name: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", name)]


def _matched(
    arrays: Arrays, variables: Sequence[str], kind_of: Mapping[str, str], expected: Mapping[str, Partial]
) -> dict[str, str] | str:
    """Arrays to variables, kind by kind and in order; or what doesn't fit."""
    unsure = {kind_of[name] for name in variables if name not in expected}

    def group(kind: str, rank: int) -> tuple[str, int]:
        return kind, 0 if kind in unsure else rank

    given: dict[tuple[str, int], list[str]] = {}
    for name, tensor in arrays.items():
        given.setdefault(group(_last(name), len(tensor.shape)), []).append(name)
    own: dict[tuple[str, int], list[str]] = {}
    for name in variables:
        own.setdefault(group(kind_of[name], len(expected.get(name, ()))), []).append(name)
    matched = {}
    for kind, names in given.items():
        places = own.pop(kind, [])
        if len(names) != len(places):
            of = f" of {kind[1]} axes" if kind[1] else ""
            return f"it has {len(names)} arrays …{kind[0]}{of} ({_some(names)}), the symbol {len(places)} ({_some(places)})"
        for name, place in zip(names, places, strict=True):
            shape, wanted = tuple(arrays[name].shape.numpy()), expected.get(place)
            if wanted is not None and not fits(shape, wanted):
                return f"{name} is {list(shape)}, {place} takes {['?' if size is None else size for size in wanted]}"
            matched[name] = place
    if own:
        return f"it has no arrays for {_some([name for names in own.values() for name in names])}"
    return matched


def _expected_shapes(symbol: Symbol) -> dict[str, Partial]:
    """What layers' settings say of their weights' shapes."""
    found: dict[str, Partial] = {}
    for node in symbol.nodes:
        for ref, shape in zip(node.inputs, weight_shapes(node), strict=False):
            if shape is not None and symbol.nodes[ref.node].is_variable:
                found[symbol.nodes[ref.node].name] = shape
    return found
