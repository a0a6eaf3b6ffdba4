"""sympy only when it is used: onnx_ir imports it for arithmetic on symbolic dimensions, which takes half of the start-up
time.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

_HOST, _DEFERRED = "onnx_ir", "sympy"


class _Function:
    """A function of the deferred module that was looked up before the module was needed."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, *args: Any) -> Any:
        return getattr(importlib.import_module(_DEFERRED), self._name)(*args)


class _Deferred(ModuleType):
    """Stands for the module in its host: while the host is imported it hands out functions, afterwards the real attributes."""

    importing = True

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Function(name) if self.importing else getattr(importlib.import_module(_DEFERRED), name)


class _HostFinder(importlib.abc.MetaPathFinder):
    """Finds the host once, and sees to it that the stand-in is there while it is imported, and nowhere afterwards."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != _HOST:
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None or _DEFERRED in sys.modules:
            return spec
        stand_in = _Deferred(_DEFERRED)
        loader, execute = spec.loader, spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            sys.modules[_DEFERRED] = stand_in
            try:
                execute(module)
            finally:
                stand_in.importing = False
                if sys.modules.get(_DEFERRED) is stand_in:
                    del sys.modules[_DEFERRED]  # whoever imports it from now on gets the real one

        loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def defer() -> None:
    """Arrange it, unless the host has been imported already."""
    if _HOST not in sys.modules and not any(isinstance(finder, _HostFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _HostFinder())
