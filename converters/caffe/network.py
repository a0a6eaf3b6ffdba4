"""A Caffe net as it will run: the layers that its state keeps, in order, each with its settings and its blobs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dragoman.converters.caffe.schema import LayerParameter, NetState, NetStateRule
from dragoman.converters.caffe.weights import Blob
from dragoman.graph_ir.errors import Location, MalformedModel

Shape = tuple[int | str, ...]
"""Dimensions; a name stands for a dynamic one."""


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer. ``blobs`` is None if no weights were given or they don't have this layer, else what they hold for it."""

    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    param: LayerParameter
    blobs: tuple[Blob, ...] | None
    location: Location


@dataclass(frozen=True, eq=False)
class Network:
    """A net. Layers that share a parameter by name hold the same ``Blob``.

    ``input_shapes`` has the tops of layers without bottoms as far as their shapes are known, from the file or from the caller.
    ``notes`` says what the reader decided that the user may want to know.
    """

    name: str
    layers: tuple[Layer, ...]
    path: Path
    weights_path: Path | None
    state: NetState
    input_shapes: Mapping[str, Shape]
    notes: tuple[str, ...]


def filter_layers(layers: Sequence[LayerParameter], state: NetState) -> list[LayerParameter]:
    """The layers that are in the net in ``state``, as Net::FilterNet decides."""
    kept = []
    for layer in layers:
        if layer.include and layer.exclude:
            raise MalformedModel(
                "has include rules and exclude rules; it may have one kind", location=layer.location, layer=layer.name
            )
        if layer.include:
            keep = any(meets_rule(state, rule) for rule in layer.include)
        else:
            keep = not any(meets_rule(state, rule) for rule in layer.exclude)
        if keep:
            kept.append(layer)
    return kept


def meets_rule(state: NetState, rule: NetStateRule) -> bool:
    """Whether ``state`` meets all that ``rule`` asks for, as Net::StateMeetsRule decides."""
    if rule.has("phase") and rule.phase != state.phase:
        return False
    if rule.has("min_level") and state.level < rule.min_level:
        return False
    if rule.has("max_level") and state.level > rule.max_level:
        return False
    return all(stage in state.stage for stage in rule.stage) and not any(stage in state.stage for stage in rule.not_stage)


def check_connections(layers: Sequence[LayerParameter]) -> None:
    """Raise ``MalformedModel`` for a bottom that nothing makes, or a top that two layers make, as Net::Init does.

    A layer works in place if a top has the name of the bottom at the same index. It may not if another layer reads that
    blob as it was before: Caffe gives each reader of a blob its own copy, and then the names differ.
    """
    maker: dict[str, tuple[int, int]] = {}
    sources: list[list[tuple[int, int]]] = []
    for number, layer in enumerate(layers):
        found = []
        for index, bottom in enumerate(layer.bottom):
            if bottom not in maker:
                raise MalformedModel(
                    f"unknown bottom blob {bottom!r} (layer {layer.name!r}, bottom index {index})",
                    location=layer.location,
                    layer=layer.name,
                )
            found.append(maker[bottom])
        sources.append(found)
        maker.update((top, (number, index)) for index, top in enumerate(layer.top))
    readers = Counter(source for found in sources for source in found)
    made: dict[str, LayerParameter] = {}
    for layer, found in zip(layers, sources, strict=True):
        for index, top in enumerate(layer.top):
            in_place = index < len(layer.bottom) and layer.bottom[index] == top
            if in_place and readers[found[index]] == 1:
                continue
            if top in made:
                first = made[top]
                why = " (in place isn't possible: another layer reads the blob too)" if in_place else ""
                where = f" in line {first.location.line}" if first.location and first.location.line else ""
                raise MalformedModel(
                    f"top blob {top!r} is already made by layer {first.name!r}{where}{why}",
                    location=layer.location,
                    layer=layer.name,
                )
            made[top] = layer
