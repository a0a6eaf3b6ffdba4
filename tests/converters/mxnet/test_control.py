"""Loops and conditions that don't fit together are one error that names them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dragoman
from dragoman.graph_ir.errors import DragomanError, MalformedModel, UnsupportedOperator

from .cases.case import arrays
from .test_operators import entries

Change = Callable[[dict[str, Any]], None]


def inner(number: int, op: str) -> Change:
    return lambda node: node["subgraphs"][number]["nodes"][-1].update(op=op)


def smaller_state(node: dict[str, Any]) -> None:
    node["subgraphs"][0]["nodes"][-1].update(op="sum", attrs={})


def attrs(**changed: str) -> Change:
    return lambda node: node["attrs"].update(changed)


def without_subgraph(node: dict[str, Any]) -> None:
    node["subgraphs"].pop()


@pytest.mark.parametrize(
    ("name", "change", "error", "words"),
    [
        ("foreach,one state", inner(0, "Odd"), UnsupportedOperator, "Odd × 1"),
        ("foreach,one state", without_subgraph, MalformedModel, "_foreach.*has 0 subgraphs, not 1"),
        ("foreach,one state", attrs(in_state_locs="[7]"), MalformedModel, "_foreach.*don't fit"),
        ("foreach,one state", attrs(num_outputs="5"), MalformedModel, "_foreach.*don't fit"),
        ("foreach,one state", smaller_state, MalformedModel, "_foreach.*a state of FLOAT"),
        ("while_loop,all its steps", without_subgraph, MalformedModel, "_while_loop.*has 1 subgraphs, not 2"),
        ("while_loop,all its steps", attrs(func_var_locs="[0, 9]"), MalformedModel, "_while_loop.*has no input 9"),
        ("while_loop,all its steps", attrs(cond_input_locs="[3]"), MalformedModel, "_while_loop.*has no input 3"),
        ("cond,1,2", inner(2, "Odd"), UnsupportedOperator, "Odd × 1"),
        ("cond,1,2", without_subgraph, MalformedModel, "_cond.*has 2 subgraphs, not 3"),
        ("cond,1,2", attrs(num_outputs="2"), MalformedModel, "_cond.*don't have 2 outputs"),
    ],
)
def test_what_does_not_fit(name: str, change: Change, error: type[DragomanError], words: str, tmp_path: Path) -> None:
    entry = entries("control")[name]
    symbol = json.loads(entry["symbol"])
    change(next(node for node in symbol["nodes"] if node.get("subgraphs")))
    (tmp_path / "net-symbol.json").write_text(json.dumps(symbol))
    shapes = {key: value.shape for key, value in arrays(name, entry["inputs"]).items()}
    with pytest.raises(error, match=words):
        dragoman.load(tmp_path / "net-symbol.json", inputs=shapes)
