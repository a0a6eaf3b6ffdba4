"""Tables of functions by operator."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

Key = TypeVar("Key")
Entry = TypeVar("Entry")


def registers(table: dict[Key, Entry], keys: Iterable[Key]) -> Callable[[Entry], Entry]:
    """Decorator: the function is the entry of each of ``keys`` in ``table``. ``RuntimeError`` if one has an entry already."""

    def register(function: Entry) -> Entry:
        for key in keys:
            if key in table:
                raise RuntimeError(f"{key} has an entry already")
            table[key] = function
        return function

    return register
