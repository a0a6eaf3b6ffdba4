"""The table of kernels: one function for each operator, found by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

from dragoman.validators.evaluator.call import Result

Function = TypeVar("Function", bound=Callable[..., Result])


@dataclass(frozen=True)
class Kernel:
    """A kernel and what it takes: with ``storage``, float tensors come in the precision they are stored in."""

    run: Callable[..., Result]
    storage: bool = False


class Family:
    """The kernels of one file."""

    def __init__(self) -> None:
        """An empty family."""
        self.kernels: dict[str, Kernel] = {}

    def op(self, *names: str, storage: bool = False) -> Callable[[Function], Function]:
        """Enter the decorated function under ``names``."""

        def enter(function: Function) -> Function:
            for name in names:
                if name in self.kernels:
                    raise ValueError(f"two kernels for {name}")
                self.kernels[name] = Kernel(function, storage)
            return function

        return enter


def merge(families: Iterable[Family]) -> Mapping[str, Kernel]:
    """One read-only table of all families; ``ValueError`` if two enter the same operator."""
    table: dict[str, Kernel] = {}
    for family in families:
        both = table.keys() & family.kernels.keys()
        if both:
            raise ValueError(f"two kernels for {', '.join(sorted(both))}")
        table |= family.kernels
    return MappingProxyType(table)
