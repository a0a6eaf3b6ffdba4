"""The contract between two models: names, order, dtypes and shapes of what goes in and comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import onnx_ir as ir

from dragoman.validators.report import Skipped
from dragoman.validators.runners.base import Description, TensorSpec


@dataclass(frozen=True)
class Contract:
    """The outputs to compare, in pairs of the original's and the converted one's, and what breaks the contract."""

    outputs: tuple[tuple[TensorSpec, TensorSpec], ...]
    problems: tuple[str, ...]
    skipped: tuple[Skipped, ...]


def check_contract(
    original: Description,
    converted: Description,
    *,
    renamed: Mapping[str, str] | None = None,
    dropped: Mapping[str, str] | None = None,
) -> Contract:
    """Compare two descriptions. Only what is declared may deviate.

    ``renamed`` maps an original output's name to the converted one's; ``dropped`` maps outputs of the original that the
    conversion leaves out on purpose (a loss, an accuracy) to the reason.
    """
    renamed, dropped = renamed or {}, dropped or {}
    problems = _compare("input", original.inputs, converted.inputs)
    if original.ordered and [s.name for s in original.inputs] != [s.name for s in converted.inputs] and not problems:
        problems.append(f"the inputs' order differs: {_names(original.inputs)}; converted: {_names(converted.inputs)}")

    kept = [spec for spec in original.outputs if spec.name not in dropped]
    for name in sorted({*renamed, *dropped} - {spec.name for spec in original.outputs}):
        problems.append(f"output {name} is declared as renamed or dropped, but the original has none of that name")
    wanted = [TensorSpec(renamed.get(s.name, s.name), s.dtype, s.shape) for s in kept]
    found = _compare("output", wanted, converted.outputs)
    problems += found
    if original.ordered and not found and [s.name for s in wanted] != [s.name for s in converted.outputs]:
        problems.append(f"the outputs' order differs: {_names(wanted)}; converted: {_names(converted.outputs)}")
    by_name = {spec.name: spec for spec in converted.outputs}
    pairs = tuple((o, by_name[w.name]) for o, w in zip(kept, wanted, strict=True) if w.name in by_name)
    return Contract(pairs, tuple(problems), tuple(Skipped(name, reason) for name, reason in dropped.items()))


def narrowed(description: Description, graph: ir.Model) -> Description:
    """``description`` with numbers for the dynamic dimensions that have one in ``graph``, the same model as it was read: where the
    reader was given sizes, or can tell more than the runtime.
    """

    def narrow(specs: Sequence[TensorSpec], values: Sequence[ir.Value]) -> tuple[TensorSpec, ...]:
        known = {value.name: value.shape for value in values if value.shape is not None}
        return tuple(_narrow(spec, list(known[spec.name])) if spec.name in known else spec for spec in specs)

    inputs = narrow(description.inputs, graph.graph.inputs)
    return replace(description, inputs=inputs, outputs=narrow(description.outputs, graph.graph.outputs))


def _narrow(spec: TensorSpec, known: Sequence[int | ir.SymbolicDim]) -> TensorSpec:
    if spec.shape is None or len(spec.shape) != len(known):
        return spec
    pairs = zip(spec.shape, known, strict=True)
    return replace(spec, shape=tuple(size if isinstance(size, int) and not isinstance(own, int) else own for own, size in pairs))


def _names(specs: Sequence[TensorSpec]) -> str:
    return ", ".join(spec.name for spec in specs)


def _compare(kind: str, original: Sequence[TensorSpec], converted: Sequence[TensorSpec]) -> list[str]:
    """What differs between two lists of specifications, matched by name."""
    theirs = {spec.name: spec for spec in converted}
    ours = {spec.name for spec in original}
    problems = []
    for specs, side in ((original, "original"), (converted, "converted model")):
        names = [spec.name for spec in specs]
        problems += [f"the {side} has two {kind}s named {name}" for name in sorted({n for n in names if names.count(n) > 1})]
    problems += [f"{kind} {s.name} is missing in the converted model" for s in original if s.name not in theirs]
    problems += [f"{kind} {s.name} of the converted model isn't in the original" for s in converted if s.name not in ours]
    for spec in original:
        if (other := theirs.get(spec.name)) is not None:
            if spec.dtype != other.dtype:
                problems.append(f"{kind} {spec.name} is {spec.dtype} in the original, {other.dtype} in the converted model")
            if why := _shape_problem(spec, other):
                problems.append(f"{kind} {spec.name}: {why}")
    return problems


def _shape_problem(original: TensorSpec, converted: TensorSpec) -> str | None:
    """Why the converted shape breaks the original's. A dimension may become dynamic, never fixed or another number."""
    if original.shape is None or converted.shape is None:
        return None
    fits = len(original.shape) == len(converted.shape) and all(
        not isinstance(c, int) or c == o or o is None for o, c in zip(original.shape, converted.shape, strict=True)
    )
    return None if fits else f"the original's shape is {original.dims}, the converted one's {converted.dims}"
