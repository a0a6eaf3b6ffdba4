"""Which layer is to blame: the first source tensor, in network order, that the converted model computes differently."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dragoman.graph_ir.errors import DragomanError
from dragoman.validators.judge import judge
from dragoman.validators.reference import Reference
from dragoman.validators.report import Departure, Localisation
from dragoman.validators.runners.base import Runner
from dragoman.validators.sampling import Sample

BATCH = 24
"""How many tensors are held at once, on each side and in float64."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class TracedTensor:
    """A source tensor, the converted value that equals it, and the source layer that makes it.

    ``source`` is what the original's runner takes as a tap: for Caffe ``blob@layer``, since layers may work in place.
    ``inputs`` are the ``source`` names of the layer's own inputs.
    """

    source: str
    converted: str
    layer: str
    operator: str = ""
    inputs: tuple[str, ...] = ()
    location: str | None = None


def localise(
    original: Runner,
    converted: Runner,
    reference: Reference,
    sample: Sample,
    traced: Sequence[TracedTensor],
    progress: Progress,
) -> Localisation:
    """Tap both sides in batches, in network order, until one tensor departs by more than its own noise floor allows."""
    agreed: dict[str, bool] = {}
    for start in range(0, len(traced), BATCH):
        progress("localise", start, len(traced))
        batch = traced[start : start + BATCH]
        names = list(dict.fromkeys(t.converted for t in batch))
        try:
            ours = original.run(sample.feeds, [t.source for t in batch])
            theirs = converted.run(sample.feeds, names)
        except DragomanError as error:
            return Localisation(None, len(agreed), len(traced), f"a side can't show its intermediate tensors: {error}")
        references = reference.sample(sample.feeds, names)
        for tensor in batch:
            sides = ours[tensor.source], theirs[tensor.converted]
            found = judge(sample.name, *sides, references(tensor.converted, None)).measurement
            agreed[tensor.source] = found.outcome == "agrees"
            if found.outcome in ("differs", "unsized"):
                known = bool(tensor.inputs) and all(name in agreed for name in tensor.inputs)
                inputs = all(agreed[name] for name in tensor.inputs) if known else None
                departure = Departure(
                    tensor.layer,
                    tensor.operator,
                    tensor.source,
                    tensor.converted,
                    sample.name,
                    found.ratio,
                    found.worst,
                    inputs,
                    found.detail,
                    tensor.location,
                )
                return Localisation(departure, len(agreed), len(traced))
    detail = "every mapped tensor agrees" if traced else "no tensors are mapped"
    return Localisation(None, len(agreed), len(traced), detail)
