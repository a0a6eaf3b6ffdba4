"""Writes small symbols as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class Net:
    """Nodes one after the other; ``save`` writes them."""

    def __init__(self) -> None:
        self.nodes: list[dict[str, Any]] = []

    def var(self, name: str, **hints: str) -> int:
        return self.op("null", name, (), **hints)

    def op(self, op: str, name: str, inputs: Sequence[int | tuple[int, int]], **attrs: str) -> int:
        refs = [[ref, 0, 0] if isinstance(ref, int) else [*ref, 0] for ref in inputs]
        self.nodes.append({"op": op, "name": name, **({"attrs": attrs} if attrs else {}), "inputs": refs})
        return len(self.nodes) - 1

    def dense(self, name: str, data: int, hidden: int) -> int:
        return self.op("FullyConnected", name, (data, self.var(f"{name}_weight"), self.var(f"{name}_bias")), num_hidden=str(hidden))

    def text(self, *heads: int | tuple[int, int], version: int = 10901) -> str:
        return json.dumps(
            {
                "nodes": self.nodes,
                "arg_nodes": [i for i, node in enumerate(self.nodes) if node["op"] == "null"],
                "heads": [[head, 0, 0] if isinstance(head, int) else [*head, 0] for head in heads],
                "attrs": {"mxnet_version": ["int", version]},
            }
        )

    def save(self, folder: Path, *heads: int | tuple[int, int], version: int = 10901) -> Path:
        path = folder / "net-symbol.json"
        path.write_text(self.text(*heads, version=version))
        return path
