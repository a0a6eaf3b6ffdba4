"""The verdict: runs both sides on the same samples, compares every output, and never passes for want of evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import onnx_ir as ir

from dragoman.graph_ir.errors import DragomanError, UsageError
from dragoman.validators.contract import Contract, check_contract, narrowed
from dragoman.validators.degenerate import Watch, constant_outputs, random_layers
from dragoman.validators.judge import NONE, Judged, References, judge
from dragoman.validators.localisation import Progress, TracedTensor, localise
from dragoman.validators.noise import TRUST, ULPS, UNDECIDED, K, Tolerance
from dragoman.validators.reference import Reference
from dragoman.validators.report import Measurement, OutputReport, ParityReport, SampleReport, SideReport, Verdict
from dragoman.validators.runners.base import Array, Description, Runner, TensorSpec
from dragoman.validators.sampling import Sample

Pairs = Sequence[tuple[TensorSpec, TensorSpec]]


def check_parity(
    original: Runner,
    converted: Runner,
    *,
    graph: ir.Model | None,
    source_graph: ir.Model | None = None,
    samples: Sequence[Sample],
    tolerance: Tolerance | None = None,
    tensor_map: Sequence[TracedTensor] = (),
    renamed: Mapping[str, str] | None = None,
    dropped: Mapping[str, str] | None = None,
    layerwise: bool = False,
    original64: Runner | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> ParityReport:
    """Compare two models that are loaded.

    ``graph`` is the converted model's graph, which sizes the noise; without it only an explicit ``tolerance`` can accept more
    than a few units in the last place. ``source_graph`` is the original's, as it was read: more noise is drawn from it where
    one draw is too little. ``tensor_map`` lists source tensors in network order, for naming the guilty layer on a mismatch (or
    always: ``layerwise``). ``renamed`` and ``dropped`` declare deviations, as in ``check_contract``.
    ``original64`` is the original computing in float64, where it can.

    Raises what the runners raise if a side can't run even one sample; a later failure is kept in the report.
    """
    described = original.describe() if source_graph is None else narrowed(original.describe(), source_graph)
    checked = check_contract(described, converted.describe(), renamed=renamed, dropped=dropped)
    reference = Reference(graph, source_graph)
    check = _Check(original, converted, checked, reference, tolerance, original64, progress)
    if not checked.problems:
        check.run(samples)
        if graph is not None and not check.nondeterministic and (drawing := random_layers(graph)):
            check.nondeterministic = f"{', '.join(drawing[:5])} draws random numbers, so that no two runs agree"
    outputs = check.outputs(constant_outputs(graph) if graph is not None else set())
    verdict, reasons = check.verdict(outputs)
    where = None
    if tensor_map and check.runnable and (layerwise or verdict in (Verdict.FAILED, Verdict.CONTRACT)):
        sample = check.guilty_sample(outputs, samples)
        where = localise(original, converted, reference, sample, tensor_map, progress) if sample is not None else None
        if where is not None and where.departure is None and where.compared == where.mapped and verdict is not Verdict.PASSED:
            where = replace(where, detail=f"{where.detail}: the difference arises after the last of them")
    return ParityReport(
        verdict,
        tuple(reasons),
        _side(original.describe()),
        _side(converted.describe()),
        tuple(outputs),
        tuple(SampleReport(s.name, s.origin, {n: tuple(v.shape) for n, v in s.feeds.items()}) for s in check.done),
        str(tolerance) if tolerance is not None else f"{K:g} × the network's rounding noise",
        1.0 if tolerance is not None else K,
        tuple(check.warnings(outputs)),
        checked.skipped,
        where,
        check.failure.exit_code if check.failure is not None else None,
    )


def _side(description: Description) -> SideReport:
    return SideReport(description.runtime, description.version, dict(description.details))


@dataclass
class _Check:
    """The state of one check: what has been run and judged so far."""

    original: Runner
    converted: Runner
    contract: Contract
    reference: Reference
    tolerance: Tolerance | None
    original64: Runner | None
    progress: Progress
    done: list[Sample] = field(default_factory=list)
    judged: dict[str, list[Judged]] = field(default_factory=dict)
    watches: dict[str, Watch] = field(default_factory=dict)
    withheld: list[str] = field(default_factory=list)
    nondeterministic: str = ""
    failure: DragomanError | None = None

    @property
    def runnable(self) -> bool:
        """Whether both sides can take the same feeds."""
        return not any(problem.startswith(("input ", "the inputs'")) for problem in self.contract.problems)

    def run(self, samples: Sequence[Sample]) -> None:
        """Run and judge every sample, then the first one again."""
        first: dict[str, Array] = {}
        for number, sample in enumerate(samples):
            self.progress("compare", number, len(samples))
            try:
                outputs = self._sample(sample)
            except DragomanError as error:
                if isinstance(error, UsageError) or not self.done:
                    raise
                self.failure = error  # what was measured before is worth keeping
                return
            if self.withheld:
                return
            first = first or outputs
        self.progress("compare", len(samples), len(samples))
        if self.done:
            self._repeat(self.done[0], first)

    def _sample(self, sample: Sample) -> dict[str, Array]:
        ours = self.original.run(sample.feeds)
        theirs = self.converted.run(sample.feeds)
        wide = self.original64.run(sample.feeds) if self.original64 is not None else {}
        self._check_given(ours, [o.name for o, _ in self.contract.outputs], self.original)
        self._check_given(theirs, [c.name for _, c in self.contract.outputs], self.converted)
        if self.withheld:
            return ours
        references = self._references(sample)
        for o, c in self.contract.outputs:
            known = references(c.name, wide.get(o.name))
            self.judged.setdefault(o.name, []).append(judge(sample.name, ours[o.name], theirs[c.name], known, self.tolerance))
            self.watches.setdefault(o.name, Watch()).add(ours[o.name])
        self.done.append(sample)
        return ours

    def _references(self, sample: Sample) -> Callable[[str, Array | None], References]:
        if self.tolerance is not None:
            return lambda name, o64: NONE
        return self.reference.sample(sample.feeds, [c.name for _, c in self.contract.outputs])

    def _check_given(self, values: Mapping[str, Array], names: Sequence[str], runner: Runner) -> None:
        """Take note of the outputs that a side described, and then didn't give."""
        runtime = runner.describe().runtime
        self.withheld += [f"{runtime} gave no value for the output {name}" for name in names if name not in values]

    def _repeat(self, sample: Sample, first: Mapping[str, Array]) -> None:
        """Run the original on one sample again, after all the others: it must not draw random numbers or keep a state."""
        try:
            again = self.original.run(sample.feeds)
        except DragomanError as error:
            self.failure = error
            return
        references = self._references(sample)
        for o, c in self.contract.outputs:
            known = references(c.name, None)
            measurement = judge(sample.name, first[o.name], again[o.name], known, self.tolerance).measurement
            if measurement.outcome not in ("agrees", "undecided"):
                self.nondeterministic = f"run twice on sample {sample.name}, the original gives different values of {o.name}"
                if (worst := measurement.worst) is not None:
                    self.nondeterministic += f" (at {worst.index}: {worst.original}, then {worst.converted})"
                return

    def outputs(self, constant: set[str]) -> list[OutputReport]:
        """The judgements by output."""
        reports = []
        for o, c in self.contract.outputs:
            judged = self.judged.get(o.name, [])
            measurements = tuple(j.measurement for j in judged)
            degenerate = ""
            if (watch := self.watches.get(o.name)) is not None:
                floor = max(ULPS * watch.step, *(m.floor_max for m in measurements))
                noise = K * floor if self.tolerance is None else 0.0
                degenerate = watch.verdict(constant=c.name in constant, noise=noise)
            reports.append(OutputReport(o.name, c.name, c.dtype, measurements, degenerate, tuple(_notes(judged))))
        return reports

    def verdict(self, outputs: Sequence[OutputReport]) -> tuple[Verdict, list[str]]:
        """The verdict and its reasons; anything short of full evidence is inconclusive."""
        broken = [*self.contract.problems, *self.withheld]
        for output in outputs:
            details = [j.measurement.detail for j in self.judged.get(output.name, ()) if j.breaks_contract]
            broken += [f"output {output.name}: {detail}" for detail in details[:1]]
        if broken:
            return Verdict.CONTRACT, broken
        if self.nondeterministic:
            return Verdict.INCONCLUSIVE, [self.nondeterministic]
        differ = [_differs(output) for output in outputs if output.count("differs")]
        if differ:
            return Verdict.FAILED, differ
        missing = list(self._missing_evidence(outputs))
        return (Verdict.INCONCLUSIVE, missing) if missing else (Verdict.PASSED, [])

    def _missing_evidence(self, outputs: Sequence[OutputReport]) -> list[str]:
        reasons = [] if self.failure is None else [f"stopped after {len(self.done)} samples: {self.failure}"]
        if not self.done:
            reasons.append("no sample was run")
        if not outputs:
            reasons.append("there is no output to compare")
        if outputs and all(output.degenerate for output in outputs):
            reasons += [f"output {o.name} proves nothing: {o.degenerate}" for o in outputs]
        for output in outputs:
            if output.count("unsized"):
                reasons.append(
                    f"output {output.name} differs by more than a few units in the last place, and {self.reference.problem}; "
                    "give --atol and --rtol"
                )
            judged = self.judged.get(output.name, [])
            opened = sum(_is_open(j) for j in judged)
            if 2 * opened >= max(1, len(judged)):
                reasons.append(f"output {output.name}: rounding alone decides it in {opened} of {len(judged)} samples")
        return reasons if self.done else reasons[:1]

    def warnings(self, outputs: Sequence[OutputReport]) -> list[str]:
        """What a reader must know of a verdict that isn't changed by it."""
        found = []
        if self.reference.problem and self.tolerance is None:
            found.append(self.reference.problem)
        if any(o.degenerate for o in outputs) and not all(o.degenerate for o in outputs):
            found += [f"output {o.name} proves nothing: {o.degenerate}" for o in outputs if o.degenerate]
        found += [
            f"output {o.name}: rounding alone decides it in {o.count('undecided')} of {len(o.measurements)} samples"
            for o in outputs
            if o.count("undecided")
        ]
        return found

    def guilty_sample(self, outputs: Sequence[OutputReport], samples: Sequence[Sample]) -> Sample | None:
        """The sample that shows the difference best; the first one if none was run."""
        found = [m for o in outputs for m in o.measurements if m.outcome == "differs"]
        # Among infinite ratios (an exact type, a NaN) the first sample is as good as any.
        worst: Measurement | None = max(found, key=lambda m: m.ratio, default=None)
        if worst is None:
            return next(iter(samples), None)
        return next(s for s in self.done if s.name == worst.sample)


def _is_open(judged: Judged) -> bool:
    """Whether a sample says too little of an output: rounding decides more than a few of its elements, or their number."""
    if judged.measurement.outcome != "undecided":
        return False
    exact = judged.measurement.basis == "exact"
    return not exact or judged.difference.unequal > UNDECIDED * judged.elements


def _differs(output: OutputReport) -> str:
    worst = output.worst
    assert worst is not None
    count = f"{output.count('differs')} of {len(output.measurements)} samples"
    at = f"; worst in {worst.sample}, {worst.worst}" if worst.worst is not None else ""
    detail = f" ({worst.detail})" if worst.detail else ""
    return f"output {output.name} differs in {count}{detail}{at}"


def _notes(judged: Sequence[Judged]) -> list[str]:
    excess = max((j.noise.implausible or 0.0 for j in judged if j.noise is not None), default=0.0)
    if not excess:
        return []
    return [f"the converted model departs from its own graph by {excess:.0f} × its rounding noise; {TRUST:g} × is believed"]
