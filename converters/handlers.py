"""Tables of operator handlers: filled by decorators in ``ops/``, complete after import, read-only then."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class HandlerTable:
    """The handlers of one format's operators, by the operator's name there."""

    def __init__(self, package: str) -> None:
        """``package`` is the full name of the package whose modules hold the handlers."""
        self._package = package
        self._handlers: dict[str, Callable[..., Any]] = {}
        self._closed = False

    def op(self, *names: str) -> Callable[[F], F]:
        """Decorator: the function handles these operators. A name that is taken, or a table already in use, is a
        programming error.
        """

        def register(function: F) -> F:
            for name in names:
                if self._closed or name in self._handlers:
                    raise RuntimeError(f"{name}: " + ("the table is complete" if self._closed else "has a handler already"))
                self._handlers[name] = function
            return function

        return register

    def _complete(self) -> dict[str, Callable[..., Any]]:
        if not self._closed:
            package: ModuleType = importlib.import_module(self._package)
            for info in pkgutil.iter_modules(package.__path__):
                importlib.import_module(f"{self._package}.{info.name}")
            self._closed = True
        return self._handlers

    def __contains__(self, name: object) -> bool:
        return name in self._complete()

    def __getitem__(self, name: str) -> Callable[..., Any]:
        return self._complete()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._complete()))

    def parameters(self, name: str, *, before: int) -> list[str]:
        """What a handler calls the tensors that it takes one by one, after its first ``before`` parameters."""
        found = inspect.signature(self[name]).parameters.values()
        return [p.name for p in found if p.kind is p.POSITIONAL_OR_KEYWORD][before:]

    def arity(self, name: str, *, before: int) -> tuple[int, int | None]:
        """How few and how many tensors a handler takes after its first ``before`` parameters; None is any number. Keyword-only
        parameters are settings.
        """
        parameters = [p for p in inspect.signature(self[name]).parameters.values() if p.kind is not p.KEYWORD_ONLY][before:]
        if any(p.kind is p.VAR_POSITIONAL for p in parameters):
            fixed = [p for p in parameters if p.kind is not p.VAR_POSITIONAL]
            return len(fixed), None
        return sum(p.default is p.empty for p in parameters), len(parameters)
