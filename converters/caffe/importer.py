"""Caffe network → graph."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from dragoman.converters.caffe.blobs import DATA_LAYERS, Blobs
from dragoman.converters.caffe.net_builder import NetBuilder
from dragoman.converters.caffe.network import Layer, Network
from dragoman.converters.caffe.reader import read_network
from dragoman.converters.caffe.schema import Message
from dragoman.converters.caffe.table import LAYERS
from dragoman.graph_ir import Gap, Model, Origin, Source
from dragoman.graph_ir.errors import (
    DragomanError,
    Location,
    MalformedModel,
    SourceError,
    UnsupportedAttribute,
    UnsupportedOperator,
    UsageError,
)
from dragoman.graph_ir.provenance import set_source_tensors

DROPPED_LAYERS = frozenset(
    {
        "Accuracy", "ContrastiveLoss", "EuclideanLoss", "HDF5Output", "HingeLoss", "InfogainLoss", "MultiBoxLoss",
        "MultinomialLogisticLoss", "SmoothL1Loss", "DetectionEvaluate",
    }
)  # fmt: skip
"""Layers that only training or testing needs; they don't count as readers of their bottoms."""


_WITHOUT_EFFECT = frozenset({"save_output_param"})
"""Settings of what a layer writes to disk: whatever they hold, the tops are the same."""


def load(
    source: str | os.PathLike[str],
    *,
    weights: str | os.PathLike[str] | None = None,
    inputs: Mapping[str, Sequence[int | str]] | None = None,
    outputs: Sequence[str] | None = None,
    phase: str = "TEST",
    level: int = 0,
    stage: Sequence[str] = (),
) -> Model:
    """Read a prototxt and its weights into a graph whose inputs and outputs are the network's own.

    ``inputs`` overrides input shapes; ``outputs`` names blobs to give instead of those that no layer reads. Raises
    ``MalformedModel``, ``UnsupportedOperator`` (every unknown layer type at once) or ``UnsupportedAttribute``.
    """
    network = _read(source, weights, inputs, phase, level, stage)
    return _build(NetBuilder(network), outputs)


def outline(
    source: str | os.PathLike[str],
    *,
    weights: str | os.PathLike[str] | None = None,
    outputs: Sequence[str] | None = None,
    **reading: Any,
) -> Model:
    """What ``load`` gives for the same arguments, to be looked at and not written: if no weights are given, they are zeros."""
    network = _read(source, weights, **reading)
    return _build(NetBuilder(network, outline=weights is None), outputs)


def _build(g: NetBuilder, outputs: Sequence[str] | None) -> Model:
    network = g.network
    if gaps := _unknown_types(network):
        first = {name for gap in gaps for name in gap.layers}
        raise UnsupportedOperator(gaps, location=next(layer.location for layer in network.layers if layer.name in first))
    blobs = Blobs(g)
    for layer in network.layers:
        _convert(g, layer, blobs)
    _bind_outputs(g, network, blobs, outputs)
    _drop_unused_inputs(g, network)
    return Model(g.model(), Source("caffe", network.path, network.weights_path, "Caffe"), list(dict.fromkeys(g.notes)))


def check(
    source: str | os.PathLike[str],
    *,
    weights: str | os.PathLike[str] | None = None,
    outputs: Sequence[str] | None = None,
    **reading: Any,
) -> list[Gap]:
    """Everything that keeps the network from being converted: unknown layer types, then layers with settings that can't be."""
    network = _read(source, weights, **reading)
    gaps = _unknown_types(network)
    g = NetBuilder(network, outline=weights is None)
    blobs = Blobs(g)
    for layer in network.layers:
        if layer.type in LAYERS and all(name in blobs for name in _read_bottoms(layer)):
            try:
                _convert(g, layer, blobs)
            except DragomanError as error:
                gaps.append(Gap(layer.type, [layer.name], error.message))
    return gaps


def layer_settings(
    source: str | os.PathLike[str],
    *,
    weights: str | os.PathLike[str] | None = None,
    phase: str = "TEST",
    level: int = 0,
    stage: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """Every layer as plain values (name, type, bottoms, tops, attributes, blobs): what a runtime's own limits are judged by."""
    return [
        {
            "name": layer.name,
            "type": layer.type,
            "bottoms": layer.bottoms,
            "tops": layer.tops,
            "attributes": _plain(layer.param),
            "blobs": None if layer.blobs is None else len(layer.blobs),
        }
        for layer in _read(source, weights, None, phase, level, stage).layers
    ]


def _plain(message: Message) -> dict[str, Any]:
    def value(item: Any) -> Any:
        if isinstance(item, Message):
            return _plain(item)
        return item.name if isinstance(item, Enum) else [value(i) for i in item] if isinstance(item, list) else item

    return {name: value(message.values[name]) for name in message.present() if name != "blobs"}


def _read(
    source: str | os.PathLike[str],
    weights: str | os.PathLike[str] | None,
    inputs: Mapping[str, Sequence[int | str]] | None = None,
    phase: str = "TEST",
    level: int = 0,
    stage: Sequence[str] = (),
) -> Network:
    if phase not in ("TEST", "TRAIN"):
        raise UsageError(f"phase is TEST or TRAIN, not {phase!r}")
    path = Path(source)
    if path.suffix.lower() == ".caffemodel" and weights is None:
        weights = path
    return read_network(path, weights, phase=phase, level=level, stages=tuple(stage), inputs=inputs)


def _unknown_types(network: Network) -> list[Gap]:
    unknown: dict[str, list[str]] = {}
    for layer in network.layers:
        if layer.type not in LAYERS and layer.type not in DROPPED_LAYERS:
            unknown.setdefault(layer.type, []).append(layer.name)
    return [Gap(kind, names) for kind, names in unknown.items()]


def _convert(g: NetBuilder, layer: Layer, blobs: Blobs) -> None:
    """Emit one layer and bind its tops; every error names it."""
    if layer.type in DROPPED_LAYERS:
        g.notes.append(f"layer {layer.name} ({layer.type}) is for training only; dropped")
        return
    for name, location in _unknown_fields(layer.param):
        if location.line is not None:  # binary files number their fields as each fork likes; text says what it means
            raise UnsupportedAttribute(f"unknown field {name!r}", location=location, layer=f"{layer.name} ({layer.type})")
    origin = Origin(layer.name, layer.type, layer.location)
    bottoms = [blobs[name] for name in _read_bottoms(layer)]
    fewest, most = LAYERS.arity(layer.type, before=2)
    if len(bottoms) < fewest or (most is not None and len(bottoms) > most):
        wanted = str(fewest) if fewest == most else f"{fewest} to {most}" if most is not None else f"at least {fewest}"
        raise g.malformed(layer, f"has {len(bottoms)} bottoms, takes {wanted}")
    with g.source(origin):
        try:
            tops = LAYERS[layer.type](g, layer, *bottoms)
        except SourceError as error:
            if error.layer is not None:
                raise
            raise MalformedModel(error.message, location=layer.location, layer=str(origin)) from error
        g.check_all_blobs_used(layer)
        blobs.bind(layer, tops if isinstance(tops, tuple) else (tops,))


def _read_bottoms(layer: Layer) -> tuple[str, ...]:
    """The bottoms that inference needs: a loss's labels aren't."""
    return layer.bottoms[:1] if layer.type in ("SoftmaxWithLoss", "SigmoidCrossEntropyLoss") else layer.bottoms


def _unknown_fields(message: Message) -> Iterator[tuple[str, Location]]:
    yield from message.unknown
    for name in message.present():
        value = None if name in _WITHOUT_EFFECT else message.values[name]
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, Message):
                yield from _unknown_fields(part)


def _bind_outputs(g: NetBuilder, network: Network, blobs: Blobs, wanted: Sequence[str] | None) -> None:
    """Caffe's outputs are the blobs that no layer reads, in alphabetical order (Net::Init)."""
    if wanted is None:
        unread: set[str] = set()
        for layer in network.layers:
            if layer.type not in DROPPED_LAYERS:
                unread.difference_update(layer.bottoms)
                unread.update(layer.tops if layer.type == "Input" or layer.type not in DATA_LAYERS else ())
        dropped = {name for layer in network.layers if layer.type in DROPPED_LAYERS for name in layer.bottoms}
        unread -= {name for name in dropped if name in blobs and blobs[name] is g.input_named(name)}  # a loss's labels
        wanted = sorted(name for name in unread if name in blobs)
    for name in wanted:
        if name not in blobs:
            raise UsageError(f"the network makes no blob {name!r}; it makes {', '.join(blobs)}")
    if not wanted:
        raise MalformedModel("the network has no output", location=network.layers[0].location if network.layers else None)
    for name in wanted:
        value = blobs[name]
        holder = g.input_named(name)
        if holder is not None and holder is not value:
            g.notes.append(f"output {name} has the name of an input, which ONNX doesn't allow; it is called {name}_out")
            g.output(value, f"{name}_out")
        else:
            set_source_tensors(g.output(value, name), [name])


def _drop_unused_inputs(g: NetBuilder, network: Network) -> None:
    """What a data layer makes for a loss (labels) isn't an input of the inference network."""
    data = {top for layer in network.layers if layer.type in DATA_LAYERS for top in layer.tops}
    read = {name for layer in network.layers if layer.type not in DROPPED_LAYERS for name in _read_bottoms(layer)}
    declared = {top for layer in network.layers if layer.type == "Input" for top in layer.tops}
    dropped_reads = {name for layer in network.layers for name in layer.bottoms} - read
    for value in [v for v in g.graph.inputs if v.name in data and not v.uses()]:
        if value.name in declared and value.name not in dropped_reads:
            continue
        g.graph.inputs.remove(value)
        g.notes.append(f"input {value.name} isn't used at inference; left out")
