"""The rules by operator."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TypeVar

from dragoman.graph_ir.inference.call import Call, Rule
from dragoman.graph_ir.inference.facts import Elements, Tensor

Contents = Callable[[Call, Tensor], Elements | None]
"""The elements of a node's first output, whose dtype and dimensions are known."""

MICROSOFT = "com.microsoft"

_RULES: dict[tuple[str, str], Rule] = {}
_CONTENTS: dict[tuple[str, str], Contents] = {}
_Entry = TypeVar("_Entry")


def rule(*op_types: str, domain: str = "") -> Callable[[Rule], Rule]:
    """Decorator: the function is the rule of these operators."""
    return _registers(_RULES, op_types, domain)


def contents(*op_types: str) -> Callable[[Contents], Contents]:
    """Decorator: the function gives what these operators' results hold."""
    return _registers(_CONTENTS, op_types, "")


def _registers(table: dict[tuple[str, str], _Entry], op_types: tuple[str, ...], domain: str) -> Callable[[_Entry], _Entry]:
    def register(function: _Entry) -> _Entry:
        for op_type in op_types:
            if (domain, op_type) in table:
                raise RuntimeError(f"{op_type} has a rule already")
            table[domain, op_type] = function
        return function

    return register


@lru_cache(maxsize=1)
def tables() -> tuple[Mapping[tuple[str, str], Rule], Mapping[tuple[str, str], Contents]]:
    """All rules: (domain, operator) → what its results are, and what they hold."""
    from dragoman.graph_ir.inference import rules  # noqa: PLC0415  # its modules import this one

    for info in pkgutil.iter_modules(rules.__path__):
        importlib.import_module(f"{rules.__name__}.{info.name}")
    return _RULES, _CONTENTS
