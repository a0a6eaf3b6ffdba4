"""The rules by operator."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from functools import lru_cache

from dragoman.graph_ir.inference.call import Call, Rule
from dragoman.graph_ir.inference.facts import Elements, Tensor
from dragoman.graph_ir.registry import registers

Contents = Callable[[Call, Tensor], Elements | None]
"""The elements of a node's first output, whose dtype and dimensions are known."""

MICROSOFT = "com.microsoft"

_RULES: dict[tuple[str, str], Rule] = {}
_CONTENTS: dict[tuple[str, str], Contents] = {}


def rule(*op_types: str, domain: str = "") -> Callable[[Rule], Rule]:
    """Decorator: the function is the rule of these operators."""
    return registers(_RULES, [(domain, op_type) for op_type in op_types])


def contents(*op_types: str) -> Callable[[Contents], Contents]:
    """Decorator: the function gives what these operators' results hold."""
    return registers(_CONTENTS, [("", op_type) for op_type in op_types])


@lru_cache(maxsize=1)
def tables() -> tuple[Mapping[tuple[str, str], Rule], Mapping[tuple[str, str], Contents]]:
    """All rules: (domain, operator) → what its results are, and what they hold."""
    from dragoman.graph_ir.inference import rules  # noqa: PLC0415  # its modules import this one

    for info in pkgutil.iter_modules(rules.__path__):
        importlib.import_module(f"{rules.__name__}.{info.name}")
    return _RULES, _CONTENTS
