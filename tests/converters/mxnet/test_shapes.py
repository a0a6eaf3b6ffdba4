"""Shapes that MXNet itself accepts without checking, and then writes where it shouldn't: errors here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import dragoman
from dragoman.graph_ir.errors import DragomanError


@pytest.mark.parametrize(
    ("op", "attrs", "words"),
    [
        ("Reshape", {"shape": "(-4,1,2,-1)"}, "wrong place"),  # -1 behind a code of two dimensions
        ("Reshape", {"shape": "(-2,-1)"}, "wrong place"),
        ("Reshape", {"shape": "(5,-1)"}, "can't reshape"),  # not as many elements
        ("Reshape", {"shape": "(6,5)"}, "can't reshape"),
        ("Reshape", {"target_shape": "(0,0)"}, "can't reshape"),
        ("batch_take", {}, "MXNet does int32"),
        ("_unravel_index", {"shape": "(2,3)"}, "wrong ones"),  # places of more than one axis
    ],
)
def test_unchecked_shapes(op: str, attrs: dict[str, str], words: str, tmp_path: Path) -> None:
    count = 2 if op == "batch_take" else 1
    nodes = [{"op": "null", "name": f"x{i}", "inputs": []} for i in range(count)]
    nodes.append({"op": op, "name": "y", "attrs": attrs, "inputs": [[i, 0, 0] for i in range(count)]})
    symbol = tmp_path / "net-symbol.json"
    symbol.write_text(json.dumps({"nodes": nodes, "arg_nodes": [*range(count)], "heads": [[count, 0, 0]]}))
    with pytest.raises(DragomanError, match=words):
        dragoman.load(symbol, inputs={f"x{i}": (2, 3, 4) for i in range(count)})
