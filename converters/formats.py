"""The formats that Dragoman reads and writes. Each is one folder with a ``format.py``; a new folder adds itself."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from dragoman import converters
from dragoman.graph_ir.errors import MalformedModel, TargetError, UsageError


@dataclass(frozen=True)
class Option:
    """One option of a format's reader or writer, as the command line and the API name it."""

    name: str
    help: str
    type: type = str
    multiple: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Format:
    """What is known of a format without importing anything heavy.

    ``importer`` and ``exporter`` are modules, imported when first used. An importer has ``load(source, *, weights, inputs,
    outputs, **options) → Model`` and ``check(source, …) → list[Gap]``; an exporter ``save(model, path, **options) → Path``,
    ``check(model, **options) → list[Gap]``, ``files(path) → list[Path]`` (what was written) and ``count_nodes(path) → int``.
    ``objects`` are classes in memory that are read too, by full name, each with the module whose
    ``load(object, *, example_inputs, …)`` reads it.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    recognise: Callable[[Path], bool]
    importer: str | None = None
    exporter: str | None = None
    weights: str = ""
    runtime: str = ""
    reader_options: tuple[Option, ...] = ()
    writer_options: tuple[Option, ...] = ()
    objects: Mapping[str, str] = field(default_factory=dict)

    def module(self, role: str) -> Any:
        """The importer's or exporter's module."""
        path = self.importer if role == "importer" else self.exporter
        if path is None:
            verb = "read" if role == "importer" else "write"
            raise UsageError(f"Dragoman doesn't {verb} {self.title} yet")
        return importlib.import_module(path)


@lru_cache(maxsize=1)
def formats() -> Mapping[str, Format]:
    """Every format by name, in alphabetical order."""
    found: dict[str, Format] = {}
    for info in pkgutil.iter_modules(converters.__path__):
        name = f"{converters.__name__}.{info.name}.format"
        if info.ispkg and importlib.util.find_spec(name) is not None:
            module = importlib.import_module(name)
            found[module.FORMAT.name] = module.FORMAT
    return dict(sorted(found.items()))


def by_name(name: str) -> Format:
    """The format called ``name``; ``UsageError`` with the names there are."""
    try:
        return formats()[name]
    except KeyError:
        raise UsageError(f"unknown format {name!r}; there are {', '.join(formats())}") from None


def of_source(path: Path) -> Format:
    """The format that ``path`` is in, by its content first and its suffix then."""
    if not path.exists():
        raise MalformedModel(f"no such file: {path}")
    try:
        for candidate in formats().values():
            if candidate.importer and candidate.recognise(path):
                return candidate
    except OSError as error:
        raise MalformedModel(f"can't read {path}: {error.strerror or error}") from error
    for candidate in formats().values():
        if candidate.importer and path.name.lower().endswith(candidate.suffixes):
            return candidate
    raise MalformedModel(f"{path}: not recognised as any format ({', '.join(formats())}); if you know it, say so with --from")


def of_object(source: object) -> tuple[Format, Any]:
    """The format of an object in memory, and the module that reads it."""
    names = [f"{kind.__module__}.{kind.__qualname__}" for kind in type(source).__mro__]
    for candidate in formats().values():
        for name in names:
            if name in candidate.objects:
                return candidate, importlib.import_module(candidate.objects[name])
    raise UsageError(f"can't convert an object of type {names[0]}; give a path, or one of {', '.join(sorted(_objects()))}")


def _objects() -> list[str]:
    return [name for f in formats().values() for name in f.objects]


def of_target(path: Path) -> Format:
    """The format that ``path``'s suffix asks for."""
    for candidate in formats().values():
        if candidate.exporter and path.name.lower().endswith(candidate.suffixes):
            return candidate
    known = ", ".join(s for f in formats().values() if f.exporter for s in f.suffixes)
    raise TargetError(f"{path}: no format is written with this suffix (known: {known}); or name one with --to")


def sniff(path: Path, size: int = 4096) -> bytes:
    """The first bytes of a file; nothing for a folder."""
    if path.is_dir():
        return b""
    with path.open("rb") as stream:
        return stream.read(size)
