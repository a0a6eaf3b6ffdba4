"""load, save and convert."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dragoman.converters import formats
from dragoman.converters.formats import Format
from dragoman.graph_ir.errors import MalformedModel, TargetError, UsageError
from dragoman.graph_ir.garbage import paused
from dragoman.graph_ir.model import Model
from dragoman.graph_ir.passes import optimize as simplify

if TYPE_CHECKING:
    from dragoman.validators.report import ParityReport

PathLike = str | os.PathLike[str]
Shapes = Mapping[str, Sequence[int | str]]
VERIFY_OPTIONS = frozenset({"tolerance", "atol", "rtol", "seed", "layerwise", "source_python"})
"""What ``verify`` takes beyond the files."""

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True)
class ConversionResult:
    """What ``convert`` made: the file, the graph, and the evidence (None if it was asked not to verify)."""

    path: Path
    model: Model
    report: ParityReport | None
    format: str

    @property
    def files(self) -> list[Path]:
        """The file that was written, and those that belong to it."""
        files: list[Path] = formats.by_name(self.format).module("exporter").files(self.path)
        return files

    @property
    def nodes(self) -> int:
        """Nodes of the graph in the file, as its format has them."""
        return _count_nodes(self.format, self.path)

    @property
    def source_nodes(self) -> int | None:
        """The same of the source, if it is a file of the same format."""
        source = self.model.source
        return _count_nodes(self.format, source.path) if source.format == self.format and source.path is not None else None

    def to_json(self) -> dict[str, Any]:
        """The result as plain values."""
        return {
            "path": str(self.path),
            "files": [str(file) for file in self.files],
            "bytes": sum(file.stat().st_size for file in self.files),
            "nodes": self.nodes,
            "source_nodes": self.source_nodes,
            "notes": list(self.model.notes),
            "report": None if self.report is None else self.report.to_json(),
        }


def load(
    source: PathLike | Model | Any,
    *,
    weights: PathLike | Mapping[str, Any] | None = None,
    source_format: str | None = None,
    inputs: Shapes | None = None,
    outputs: Sequence[str] | None = None,
    example_inputs: Any = None,
    **reader_options: Any,
) -> Model:
    """Read a model into a graph.

    ``source`` is a path, or an object in memory (a Gluon block, a symbol), which ``example_inputs`` are fed to. ``inputs`` maps a
    name to a shape whose dimensions are ints, or strings for dynamic ones; ``outputs`` names the tensors to give. Raises
    ``MalformedModel``, ``UnsupportedOperator`` or ``UnsupportedAttribute`` (exit code 4), with file, line and layer.
    """
    if isinstance(source, Model):
        return source
    if is_live(source):
        fmt, reader = formats.of_object(source)
        options = accepted(fmt, "reader", reader_options)
        found: Model = reader.load(
            source, weights=weights, inputs=inputs, outputs=outputs, example_inputs=example_inputs, **options
        )
        return found
    if example_inputs is not None:
        raise UsageError("example_inputs are for networks in memory; a file's inputs are given with inputs")
    path, fmt = resolve_source(source, source_format)
    options = accepted(fmt, "reader", reader_options)
    model: Model = fmt.module("importer").load(path, weights=weights_file(weights), inputs=inputs, outputs=outputs, **options)
    return model


def weights_file(weights: PathLike | Mapping[str, Any] | None) -> Path | None:
    """The file of a model's weights; only a network in memory can have them as a table."""
    if isinstance(weights, Mapping):
        raise UsageError("a file's weights are in a file: give its path")
    return readable(weights)


def is_live(source: object) -> bool:
    """Whether a source is an object in memory, and no path."""
    return not isinstance(source, (str, os.PathLike, Model))


def outline(
    source: PathLike,
    *,
    weights: PathLike | None = None,
    source_format: str | None = None,
    inputs: Shapes | None = None,
    outputs: Sequence[str] | None = None,
    **reader_options: Any,
) -> Model:
    """The graph of a model that is only looked at: formats that keep weights apart don't need them for it."""
    path, fmt = resolve_source(source, source_format)
    options = accepted(fmt, "reader", reader_options)
    importer = fmt.module("importer")
    read = importer.outline if hasattr(importer, "outline") else importer.load
    model: Model = read(path, weights=readable(weights), inputs=inputs, outputs=outputs, **options)
    return model


def save(
    model: Model, target: PathLike, *, target_format: str | None = None, progress: Progress | None = None, **writer_options: Any
) -> Path:
    """Write a graph; the format is that of the target's suffix unless it is named. Raises ``TargetError`` (exit code 6).

    The file appears whole or not at all; what was there before stays unharmed by a failure.
    """
    path = Path(target)
    fmt = formats.by_name(target_format) if target_format else formats.of_target(path)
    options = accepted(fmt, "writer", writer_options)
    if not path.parent.is_dir():
        raise TargetError(f"can't write {path}: there is no folder {path.parent}")
    report = None if progress is None else lambda done, total: progress("writing", done, total)
    written: Path = fmt.module("exporter").save(model, path, progress=report, **options)
    return written


def convert(
    source: PathLike | Model | Any,
    target: PathLike,
    *,
    weights: PathLike | Mapping[str, Any] | None = None,
    source_format: str | None = None,
    target_format: str | None = None,
    inputs: Shapes | None = None,
    outputs: Sequence[str] | None = None,
    verify: bool = True,
    samples: Any = None,
    optimize: bool = True,
    example_inputs: Any = None,
    progress: Progress | None = None,
    **options: Any,
) -> ConversionResult:
    """Read ``source``, write ``target``, and run both on the same inputs.

    ``source`` may be an object in memory (a Gluon block, a symbol), which ``example_inputs`` are fed to. The report says whether
    they agree; a disagreement doesn't raise, and the file stays for inspection. ``options`` are those of the source's reader, the
    target's writer, and of ``verify``.
    """
    target_path = Path(target)
    writer = formats.by_name(target_format) if target_format else formats.of_target(target_path)
    if isinstance(source, Model):
        reader_options: dict[str, Any] = {}
        path, reader = source.source.path, None
    elif is_live(source):
        path, reader = None, formats.of_object(source)[0]
    else:
        path, reader = resolve_source(source, source_format)
    if reader is not None:
        reader_options = {o.name: options[o.name] for o in reader.reader_options if o.name in options}
    if path is not None and target_path.exists() and path.exists() and target_path.samefile(path):
        raise UsageError(f"the target {target_path} is the source itself")
    writer_options = {o.name: options[o.name] for o in writer.writer_options if o.name in options}
    verify_options = {name: options[name] for name in VERIFY_OPTIONS if name in options}
    if unknown := sorted(set(options) - set(reader_options) - set(writer_options) - set(verify_options)):
        known = sorted({o.name for f in (reader, writer) if f for o in (*f.reader_options, *f.writer_options)} | VERIFY_OPTIONS)
        raise UsageError(f"unknown option {', '.join(unknown)}; there are {', '.join(known)}")
    if progress is not None:
        progress("reading", 0, 1)
    if not optimize and reader is writer and any(o.name == "keep_opset" for o in writer.reader_options):
        reader_options.setdefault("keep_opset", True)  # the graph is left alone
    with paused():
        original = load(
            source, weights=weights, source_format=source_format, inputs=inputs, outputs=outputs, example_inputs=example_inputs,
            **reader_options,
        )  # fmt: skip
        model = simplify(original, in_place=not verify and original is not source) if optimize else original
        written = save(model, target_path, target_format=writer.name, progress=progress, **writer_options)
    report = None
    if verify:
        from dragoman.execution import verify as check_parity  # noqa: PLC0415  # nothing of the validators is needed to convert

        report = check_parity(
            original if is_live(source) else source, written, weights=weights, source_format=source_format,
            target_format=writer.name, inputs=inputs, outputs=outputs, samples=samples,
            model=original, progress=progress, **reader_options, **verify_options,
        )  # fmt: skip
    return ConversionResult(written, model, report, writer.name)


def _count_nodes(target_format: str, path: Path) -> int:
    count: int = formats.by_name(target_format).module("exporter").count_nodes(path)
    return count


def resolve_source(source: PathLike, source_format: str | None) -> tuple[Path, Format]:
    """A readable path and its format. A prefix that a format's file begins with (``net`` of ``net-symbol.json``) stands for it."""
    path = readable(_by_prefix(source))
    assert path is not None
    return path, formats.by_name(source_format) if source_format else formats.of_source(path)


def _by_prefix(source: PathLike) -> Path:
    path = Path(source)
    try:
        if path.exists():
            return path
        ends = [suffix for f in formats.formats().values() for suffix in f.suffixes if suffix.startswith("-")]
        return next((found for end in ends if (found := path.with_name(path.name + end)).is_file()), path)
    except (OSError, ValueError):
        return path  # what is wrong with it is said when it is opened


def readable(path: PathLike | None) -> Path | None:
    """The path, if it is there and may be read; ``MalformedModel`` with the reason otherwise."""
    if path is None:
        return None
    found = Path(path)
    try:
        found.stat()
        if not found.is_dir():
            found.open("rb").close()
    except FileNotFoundError:
        raise MalformedModel(f"no such file: {found}") from None
    except (OSError, ValueError) as error:
        raise MalformedModel(f"can't read {found}: {getattr(error, 'strerror', None) or error}") from error
    return found


def accepted(fmt: Format, role: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options, if the format's reader or writer has them all."""
    known = {o.name for o in (fmt.reader_options if role == "reader" else fmt.writer_options)}
    if unknown := sorted(set(options) - known):
        raise UsageError(
            f"{fmt.title}'s {role} has no option {', '.join(unknown)}; it has {', '.join(sorted(known)) or 'none'}"
        )
    return {name: value for name, value in options.items() if value is not None and value != ()}
