"""run and verify: models in their own runtimes, alone or side by side."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from dragoman.conversion import PathLike, Progress, Shapes, accepted, is_live, load, resolve_source, weights_file
from dragoman.converters import formats
from dragoman.converters.formats import Format
from dragoman.graph_ir.domains import domains_of
from dragoman.graph_ir.errors import ExitCode, MissingRuntime, SourceError, TargetError, UsageError
from dragoman.graph_ir.files import atomic_file
from dragoman.graph_ir.model import Model
from dragoman.graph_ir.provenance import Origin, in_network_order, origins
from dragoman.runners import RunRequest, as_path, input_specs, need_path, open_runner
from dragoman.validators.localisation import TracedTensor
from dragoman.validators.noise import Tolerance
from dragoman.validators.parity import check_parity
from dragoman.validators.report import ParityReport, SideReport, Verdict
from dragoman.validators.sampling import NoSamples, Sample, generate, load_samples

_SHOWN = 5
"""Operators of a step that are named."""

Arrays = dict[str, npt.NDArray[Any]]


def verify(
    source: PathLike | Model | Any,
    target: PathLike,
    *,
    weights: PathLike | Mapping[str, Any] | None = None,
    target_weights: PathLike | None = None,
    source_format: str | None = None,
    target_format: str | None = None,
    inputs: Shapes | None = None,
    outputs: Sequence[str] | None = None,
    samples: PathLike | Mapping[str, npt.NDArray[Any]] | None = None,
    tolerance: Tolerance | float | None = None,
    atol: float | None = None,
    rtol: float | None = None,
    seed: int = 0,
    layerwise: bool = False,
    source_python: str | None = None,
    model: Model | None = None,
    example_inputs: Any = None,
    progress: Progress | None = None,
    **reader_options: Any,
) -> ParityReport:
    """Run two models on the same inputs and compare what they give.

    The tolerance is the rounding noise of the network itself, unless ``tolerance`` (or ``atol`` and ``rtol``) gives another.
    ``samples`` (a file, or arrays by input name) come before the generated ones. ``model`` is the source's graph, if it has been
    read already. If the original can't be run here the report is inconclusive and says how to get what is missing; a target that
    can't be read or run raises ``TargetError``.
    """
    report_progress = progress or (lambda what, done, total: None)
    if is_live(source):
        source = load(
            source, weights=weights, inputs=inputs, outputs=outputs, example_inputs=example_inputs, **reader_options
        )
    path: Path | None
    if isinstance(source, Model):
        model, path = source, None if source.source.live is not None else need_path(source, "the source")
        weights, source_format = source.source.weights, source_format or source.source.format
    else:
        path, fmt = resolve_source(source, source_format)
        source_format = fmt.name
    source_fmt, target_fmt = formats.by_name(source_format), _target_format(target, target_format)
    options = accepted(source_fmt, "reader", reader_options)
    if model is None:
        report_progress("reading", 0, 1)
        model = load(path, weights=weights, source_format=source_format, inputs=inputs, outputs=outputs, **options)
    graph = _load_target(target, target_weights, target_fmt)
    target_path = need_path(graph, "the target")
    tolerances = _tolerance(tolerance, atol, rtol)
    with ExitStack() as stack:
        report_progress("starting", 0, 2)
        target_request = RunRequest(target_path, as_path(target_weights), target_fmt, "target", source_python, {}, graph)
        request = RunRequest(path, weights_file(weights), source_fmt, "source", source_python, options, model)
        try:
            chosen = _samples(model, samples, seed)
            original = open_runner(request)
            stack.callback(original.close)
            report_progress("starting", 1, 2)
            converted = open_runner(target_request)
            stack.callback(converted.close)
            report = check_parity(
                original,
                converted,
                graph=graph.ir,
                source_graph=model.ir,
                samples=chosen,
                tolerance=tolerances,
                tensor_map=traced_tensors(model, graph),
                layerwise=layerwise,
                progress=report_progress,
            )
        except MissingRuntime as error:
            report = _not_run(f"the original couldn't be run: {error}", source_fmt, target_fmt, tolerances, error.exit_code)
        except NoSamples as error:
            report = _not_run(str(error), source_fmt, target_fmt, tolerances, None)
    return replace(
        report,
        original=_with_file(report.original, path, request.weights),
        converted=_with_file(report.converted, target_path, as_path(target_weights)),
    )


def _not_run(
    reason: str, source: Format, target: Format, tolerance: Tolerance | None, failure_code: ExitCode | None
) -> ParityReport:
    """The verdict where nothing could be run at all: nothing is known, and the reason says how to change that."""
    return ParityReport(
        Verdict.INCONCLUSIVE,
        (reason,),
        SideReport(source.title, ""),
        SideReport(target.title, ""),
        outputs=(),
        samples=(),
        tolerance=str(tolerance) if tolerance is not None else "none: nothing was compared",
        limit=0.0,
        failure_code=failure_code,
    )


def run(
    model: PathLike | Model | Any,
    feeds: Mapping[str, npt.NDArray[Any]],
    *,
    weights: PathLike | Mapping[str, Any] | None = None,
    source_format: str | None = None,
    inputs: Shapes | None = None,
    outputs: Sequence[str] | None = None,
    source_python: str | None = None,
    **reader_options: Any,
) -> Arrays:
    """Run a model in its own runtime on named arrays; ``outputs`` may name intermediate tensors too.

    Raises ``ContractMismatch`` for feeds that don't fit, ``MissingRuntime`` if nothing here runs the format.
    """
    graph = None
    if is_live(model):
        model = load(model, weights=weights, inputs=inputs, example_inputs=feeds, **reader_options)
    path: Path | None
    if isinstance(model, Model):
        graph, path = model, None if model.source.live is not None else need_path(model, "the model")
        weights, fmt = model.source.weights, formats.by_name(model.source.format)
    else:
        path, fmt = resolve_source(model, source_format)
    options = accepted(fmt, "reader", reader_options)
    if graph is None:
        graph = load(path, weights=weights, source_format=fmt.name, inputs=inputs, **options)
    request = RunRequest(path, weights_file(weights), fmt, "source", source_python, options, graph)
    with closing(open_runner(request)) as runner:
        found = runner.run(dict(feeds), taps=tuple(outputs or ()))
    return {name: found[name] for name in outputs} if outputs else found


def load_feeds(
    model: PathLike,
    feeds: PathLike | None,
    *,
    seed: int = 0,
    weights: PathLike | None = None,
    source_format: str | None = None,
    inputs: Shapes | None = None,
    outputs: Sequence[str] | None = None,
    source_python: str | None = None,
    **reader_options: Any,
) -> Arrays:
    """The arrays of a file that fits the model's inputs, or seeded noise if there is none."""
    graph = load(model, weights=weights, source_format=source_format, inputs=inputs, **reader_options)
    sample = load_samples(Path(feeds), input_specs(graph))[0] if feeds is not None else _samples(graph, None, seed)[0]
    return dict(sample.feeds)


def save_outputs(path: PathLike, outputs: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write arrays to an ``.npz`` file, whole or not at all."""
    with atomic_file(path) as stream:
        np.savez(stream, **outputs)  # type: ignore[arg-type]


def readable_target(path: PathLike) -> Path:
    """The target's path, if it can be read; ``TargetError`` otherwise."""
    found = Path(path)
    if not found.exists():
        raise TargetError(f"no such file: {found}")
    return found


def _load_target(path: PathLike, weights: PathLike | None, fmt: Format) -> Model:
    """The target's graph, which sizes the noise of what it computes."""
    try:
        return load(readable_target(path), weights=weights, source_format=fmt.name)
    except SourceError as error:
        raise TargetError(f"the target can't be read: {error}") from error


def _target_format(target: PathLike, name: str | None) -> Format:
    return formats.by_name(name) if name else formats.of_source(readable_target(target))


def _samples(model: Model, given: PathLike | Mapping[str, npt.NDArray[Any]] | None, seed: int) -> list[Sample]:
    specs = input_specs(model)
    domains = {v.name or "": found for v in model.graph.inputs if (found := domains_of(v))}
    made = generate(specs, seed=seed, domains=domains)
    if given is None:
        return made
    if isinstance(given, Mapping):
        return [Sample("given", dict(given), "given"), *made]
    return [*load_samples(Path(given), specs), *made]


def _tolerance(tolerance: Tolerance | float | None, atol: float | None, rtol: float | None) -> Tolerance | None:
    if tolerance is not None and (atol is not None or rtol is not None):
        raise UsageError("give tolerance, or atol and rtol, not both")
    if isinstance(tolerance, Tolerance):
        return tolerance
    if tolerance is not None:
        return Tolerance(atol=tolerance, rtol=tolerance)
    return Tolerance(atol=atol or 0.0, rtol=rtol or 0.0) if atol is not None or rtol is not None else None


def traced_tensors(model: Model, converted: Model) -> list[TracedTensor]:
    """The source tensors that the converted graph still has under their mapped names, in network order.

    What lies between two of them is one step: layers that were merged into one node are called by the first of them.
    """
    present = {out.name for node in converted.graph for out in node.outputs}
    values = {out.name: out for node in model.graph for out in node.outputs}
    mapped = {name: tensor for tensor, name in model.tensor_map().items() if name in present or name not in values}
    traced = []
    for tensor, name in model.tensor_map().items():
        if name not in present or name not in values:
            continue
        layers, reads = _step(values[name], mapped)
        first = layers[0] if layers else None
        traced.append(
            TracedTensor(
                tensor,
                name,
                layer=first.layer if first else tensor,
                operator=_operators([o.operator for o in layers]),
                inputs=tuple(r for r in reads if r != tensor),
                location=str(first.location) if first is not None and first.location is not None else None,
            )
        )
    return traced


def _operators(names: Sequence[str]) -> str:
    """The operators of one step; of many, the first few kinds."""
    if len(names) <= _SHOWN:
        return " + ".join(names)
    kinds = list(dict.fromkeys(names))[:_SHOWN]
    return f"{' + '.join(kinds)} and {len(names) - len(kinds)} more"


def _step(value: ir.Value, mapped: Mapping[str, str]) -> tuple[tuple[Origin, ...], tuple[str, ...]]:
    """The source layers between ``value`` and the mapped tensors before it, and those tensors."""
    layers: list[Origin] = []
    reads: list[str] = []
    waiting, seen = [value], {value}
    while waiting:
        node = waiting.pop(0).producer()
        if node is None:
            continue
        layers += origins(node)
        for read in node.inputs:
            if read is None or read in seen or read.const_value is not None:
                continue
            seen.add(read)
            if (tensor := mapped.get(read.name or "")) is not None:
                reads.append(tensor)
            else:
                waiting.append(read)
    return in_network_order(layers), tuple(reads)


def _with_file(side: SideReport, path: Path | None, weights: Path | None) -> SideReport:
    if path is None:
        return side  # a network in memory
    return replace(side, file=str(path), sha256=_digest([path, weights]))


def _digest(paths: Sequence[Path | None]) -> str:
    """SHA-256 of the files, one after the other: which very model the report speaks of."""
    digest = hashlib.sha256()
    for path in paths:
        if path is not None and path.is_file():
            with path.open("rb") as stream:
                while chunk := stream.read(1 << 20):
                    digest.update(chunk)
    return digest.hexdigest()
