"""A symbol's JSON as typed nodes: every version from 0.8 to 2.0, upgraded to the newest form.

The format is nnvm's graph JSON: nodes in topological order, which of them are variables, and the heads. Attributes are text; they
were called ``param`` before 0.9 and ``attr`` before 1.0, and an old node may lack the variables of its parameters. See MXNet's
src/nnvm/legacy_json_util.cc.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dragoman.converters.mxnet.names import canonical
from dragoman.graph_ir.errors import Location, MalformedModel

VARIABLE = "null"
"""The operator of a variable: an input, a weight or an auxiliary state."""

MOST_NODES = 1 << 22


@dataclass(frozen=True)
class Ref:
    """One output of a node."""

    node: int
    index: int


@dataclass
class Node:
    """A variable or an operator; ``attrs`` as text, ``hints`` the ones that MXNet hides in double underscores."""

    name: str
    op: str
    attrs: dict[str, str]
    inputs: tuple[Ref, ...]
    hints: dict[str, str] = field(default_factory=dict)
    subgraphs: tuple[Symbol, ...] = ()

    @property
    def is_variable(self) -> bool:
        """Whether the node computes nothing."""
        return self.op == VARIABLE

    def __str__(self) -> str:
        return f"{self.name} ({self.op})"


@dataclass
class Symbol:
    """A graph: nodes before their readers, and what it gives."""

    nodes: list[Node]
    heads: tuple[Ref, ...]
    version: int = 0
    """As MXNet counts: 10901 is 1.9.1; 0 where the file doesn't say."""
    path: Path | None = None
    numpy: bool = False
    """Whether shapes mean what they do in numpy: () is a scalar's."""

    def variables(self) -> Iterator[Node]:
        """The variables, in the order that MXNet lists them: as a walk from the heads meets them."""
        return (self.nodes[i] for i in self.walk() if self.nodes[i].is_variable)

    def walk(self) -> list[int]:
        """The nodes that the heads need, inputs before their readers (depth first, as nnvm's DFSVisit)."""
        order: list[int] = []
        seen: set[int] = set()
        for head in self.heads:
            stack = [(head.node, 0)]
            while stack:
                index, at = stack.pop()
                if at == 0 and index in seen:
                    continue
                seen.add(index)
                inputs = self.nodes[index].inputs
                if at < len(inputs):
                    stack.append((index, at + 1))
                    if inputs[at].node not in seen:
                        stack.append((inputs[at].node, 0))
                else:
                    order.append(index)
        return order


def read_symbol(source: str | os.PathLike[str]) -> Symbol:
    """Read a symbol's file. ``MalformedModel`` if it isn't one."""
    path = Path(source)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise MalformedModel(f"can't be read: {error.strerror or error}", location=Location(str(path))) from error
    try:
        symbol = parse_symbol(content.decode("utf-8"), path)
    except UnicodeDecodeError as error:
        raise MalformedModel(f"isn't text: byte {error.start} isn't UTF-8", location=Location(str(path))) from error
    return symbol


def parse_symbol(text: str, path: Path | None = None) -> Symbol:
    """A symbol from its JSON. ``MalformedModel`` if it isn't one."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        where = Location(str(path), error.lineno) if path is not None else None
        raise MalformedModel(f"isn't a symbol: {error.msg} in column {error.colno}", location=where) from error
    except RecursionError as error:
        raise _malformed(path, "isn't a symbol: it nests too deep") from error
    symbol = _graph(document, path, depth=0)
    return symbol


def _malformed(path: Path | None, message: str) -> MalformedModel:
    return MalformedModel(message, location=Location(str(path)) if path is not None else None)


def _graph(document: Any, path: Path | None, depth: int) -> Symbol:
    if not isinstance(document, dict) or not isinstance(document.get("nodes"), list):
        raise _malformed(path, "isn't a symbol: it has no list of nodes")
    if depth > 16:
        raise _malformed(path, "its subgraphs nest deeper than 16")
    entries = document["nodes"]
    if len(entries) > MOST_NODES:
        raise _malformed(path, f"has {len(entries)} nodes, more than {MOST_NODES}")
    version = _version(document)
    nodes = [_node(entry, index, len(entries), path, depth) for index, entry in enumerate(entries)]
    heads = document.get("heads", document.get("head"))
    if not isinstance(heads, list) or not heads:
        raise _malformed(path, "isn't a symbol: it has no heads")
    symbol = Symbol(nodes, tuple(_ref(head, len(nodes), path, "a head") for head in heads), version, path, _is_numpy(document))
    if circle := _circle(symbol):
        raise _malformed(path, f"its nodes read each other in a circle: {' → '.join(circle)}")
    names = Counter(node.name for node in symbol.variables())
    if twice := [name for name, count in names.items() if count > 1]:
        raise _malformed(path, f"has several variables called {', '.join(twice[:5])}")
    if version < 905:
        _upgrade(symbol)
    return symbol


def _circle(symbol: Symbol) -> list[str]:
    """The names along a circle that the heads lead into; empty if there is none."""
    done: set[int] = set()
    for head in symbol.heads:
        path: list[int] = []
        at: dict[int, int] = {}
        stack = [(head.node, 0)]
        while stack:
            index, position = stack.pop()
            if position == 0:
                if index in done:
                    continue
                if index in at:
                    return [symbol.nodes[i].name for i in [*path[at[index] :], index]][-12:]
                at[index] = len(path)
                path.append(index)
            if position < len(symbol.nodes[index].inputs):
                stack += [(index, position + 1), (symbol.nodes[index].inputs[position].node, 0)]
            else:
                done.add(index)
                del at[path.pop()]
    return []


def _upgrade(symbol: Symbol) -> None:
    """Until 0.9.4 argmin and argmax had the axis -1 for all of them (UpgradeJSON_000904_000905)."""
    for node in symbol.nodes:
        if node.op in ("argmin", "argmax") and node.attrs.get("axis") == "-1":
            del node.attrs["axis"]


def _version(document: Mapping[str, Any]) -> int:
    entry = document.get("attrs", {})
    found = entry.get("mxnet_version") if isinstance(entry, dict) else None
    if isinstance(found, list) and len(found) == 2 and isinstance(found[1], int):
        return found[1]
    return 0


def _is_numpy(document: Mapping[str, Any]) -> bool:
    entry = document.get("attrs", {})
    return isinstance(entry, dict) and entry.get("is_np_shape") == ["int", 1]


def _node(entry: Any, index: int, count: int, path: Path | None, depth: int) -> Node:
    if not isinstance(entry, dict) or not isinstance(entry.get("op"), str) or not isinstance(entry.get("name"), str):
        raise _malformed(path, f"node {index} has no op and name")
    name, op = entry["name"], canonical(entry["op"])
    attrs: dict[str, str] = {}
    for key in ("param", "attr", "attrs"):
        given = entry.get(key, {})
        if not isinstance(given, dict) or not all(isinstance(k, str) and isinstance(v, str) for k, v in given.items()):
            raise _malformed(path, f"node {name}: its {key} isn't a table of text")
        attrs.update(given)
    inputs = entry.get("inputs", [])
    if not isinstance(inputs, list):
        raise _malformed(path, f"node {name}: its inputs aren't a list")
    refs = tuple(_ref(item, count, path, f"an input of node {name}") for item in inputs)
    if op == VARIABLE and refs:
        raise _malformed(path, f"variable {name} has inputs")
    subgraphs = entry.get("subgraphs", [])
    if not isinstance(subgraphs, list):
        raise _malformed(path, f"node {name}: its subgraphs aren't a list")
    hints = {key: attrs.pop(key) for key in list(attrs) if _is_hint(key)}
    if op == VARIABLE:
        attrs = {}  # MXNet 1.x repeats its reader's there
    return Node(name, op, attrs, refs, hints, tuple(_graph(item, path, depth + 1) for item in subgraphs))


_HIDDEN = ("ctx_group", "lr_mult", "wd_mult", "force_mirroring", "mirror_stage", "profiler_scope")


def _is_hint(key: str) -> bool:
    """Whether an attribute is about training or placement: hidden, or as it was called before 0.9 (kHiddenKeys)."""
    return (key.startswith("__") and key.endswith("__")) or key.startswith(_HIDDEN) or key.endswith(_HIDDEN)


def _ref(item: Any, count: int, path: Path | None, what: str) -> Ref:
    if not isinstance(item, list) or len(item) not in (2, 3) or not all(isinstance(n, int) and n >= 0 for n in item):
        raise _malformed(path, f"{what} isn't [node, output, version]: {str(item)[:60]}")
    if item[0] >= count:
        raise _malformed(path, f"{what} is node {item[0]}; there are {count}")
    return Ref(item[0], item[1])
