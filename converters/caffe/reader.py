"""Caffe's files as a typed network: a prototxt or a binary net, and its weights. Nothing is converted here."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from dragoman.converters.caffe.network import Layer, Network, Shape, check_connections, filter_layers
from dragoman.converters.caffe.schema import BlobShape, InputParameter, LayerParameter, NetParameter, NetState, Phase
from dragoman.converters.caffe.text import parse_file
from dragoman.converters.caffe.upgrade import upgrade_net
from dragoman.converters.caffe.weights import HDF5_SIGNATURE, Blob, LayerWeights, blobs, looks_like_text, read_weights
from dragoman.converters.caffe.wire import read_message
from dragoman.graph_ir.errors import Location, MalformedModel, UsageError
from dragoman.graph_ir.tensors import MappedFile


def read_network(
    prototxt: str | os.PathLike[str],
    weights: str | os.PathLike[str] | None = None,
    *,
    phase: str = "TEST",
    level: int = 0,
    stages: Iterable[str] = (),
    inputs: Mapping[str, Sequence[int | str]] | None = None,
) -> Network:
    """The net that ``prototxt`` (text, or a binary caffemodel that holds the whole net) describes, with ``weights``.

    ``phase`` ("TEST" or "TRAIN"), ``level`` and ``stages`` are the state that include and exclude rules are asked about.
    ``inputs`` gives inputs other shapes, whose dimensions are ints, or names for dynamic ones.

    Raises ``MalformedModel`` with file and line, ``UsageError`` for an unknown phase or input, ``OSError`` if a
    file can't be read.
    """
    path = Path(prototxt)
    if phase.upper() not in Phase.__members__:
        raise UsageError(f"phase is TEST or TRAIN, not {phase!r}")
    state = NetState(phase=Phase[phase.upper()], level=level, stage=list(stages))
    net, file = _read_net(path)
    net = upgrade_net(net)
    wanted = {name: tuple(shape) for name, shape in (inputs or {}).items()}
    _add_bare_inputs(net, wanted)
    params = filter_layers(net.layer, state)
    if not params:
        raise MalformedModel(f"has no layers in phase {state.phase.name}", location=Location(str(path)))
    check_connections(params)
    shapes = _input_shapes(params, wanted)
    embedded = [blobs(param.blobs, file, param.name, param.location) if param.has("blobs") else None for param in params]
    notes = _duplicate_names(params)
    stored: Sequence[Sequence[Blob | None] | None] = embedded
    writes: list[tuple[int, int, Blob]] = []
    if weights is not None:
        stored, writes = _match(params, embedded, read_weights(weights), notes)
    shared = _share(params, embedded, stored, writes)
    layers = tuple(
        Layer(param.name, param.type, tuple(param.bottom), tuple(param.top), param, own, param.location or Location(str(path)))
        for param, own in zip(params, shared, strict=True)
    )
    return Network(net.name, layers, path, None if weights is None else Path(weights), state, shapes, tuple(notes))


def _read_net(path: Path) -> tuple[NetParameter, MappedFile | None]:
    """The net in a file, text or binary; and the file, if its blobs are mapped from there."""
    file = MappedFile(path)
    if file.size == 0 or looks_like_text(file):
        return parse_file(path, NetParameter), None
    if file.map[:8] == HDF5_SIGNATURE or not _binary_net(file):
        return parse_file(path, NetParameter), None  # which says what is wrong with it
    net = read_message(file, NetParameter)
    if not net.has("layer") and not net.has("layers"):
        raise MalformedModel("holds no layers: this isn't a net", location=Location(str(path)))
    return net, file


def _binary_net(file: MappedFile) -> bool:
    """Whether the file is meant to be binary: text in another encoding than UTF-8 has no control characters either."""
    return any(byte < 9 or 13 < byte < 32 for byte in file.map[:4096])


def _add_bare_inputs(net: NetParameter, wanted: Mapping[str, Shape]) -> None:
    """Make an Input layer of inputs that the net names without a shape: the caller has to give it.

    Caffe once wrote such names to its weights files, and drops those that no layer reads.
    """
    made = {top for layer in net.layer for top in layer.top}
    read = {bottom for layer in net.layer for bottom in layer.bottom}
    names = [name for name in net.input if name not in made and (name in read or name in wanted)]
    for name in names:
        if name not in wanted:
            raise MalformedModel(
                f"input {name!r} has no shape: the net has neither input_shape nor input_dim, so give the shape yourself",
                location=net.location,
            )
    if names:
        layer = LayerParameter(name="input", type="Input", top=names, input_param=InputParameter())
        layer.location = net.location
        net.layer = [layer, *net.layer]


def _input_shapes(params: Sequence[LayerParameter], wanted: Mapping[str, Shape]) -> dict[str, Shape]:
    """The shapes of the net's inputs, ``wanted`` before the file's."""
    shapes: dict[str, Shape] = {}
    names: list[str] = []
    for param in params:
        if param.bottom or param.type == "Parameter":
            continue
        names += param.top
        if param.type == "Input":
            declared: list[BlobShape] = param.input_param.shape
            if len(declared) not in {0, 1, len(param.top)}:
                raise MalformedModel(
                    f"has {len(declared)} shapes for {len(param.top)} tops", location=param.location, layer=param.name
                )
            for index, top in enumerate(param.top):
                if declared:
                    shapes[top] = tuple(declared[index if len(declared) > 1 else 0].dim)
    for name, shape in wanted.items():
        if name not in names:
            raise UsageError(f"the net has no input {name!r}; its inputs are {', '.join(names) or '(none)'}")
        shapes[name] = shape
    return shapes


def _duplicate_names(params: Sequence[LayerParameter]) -> list[str]:
    """A note for each name that several layers have: Caffe accepts it, and gives the weights to one of them."""
    seen: dict[str, int] = {}
    for param in params:
        seen[param.name] = seen.get(param.name, 0) + 1
    return [f"{count} layers are named {name!r}" for name, count in seen.items() if count > 1]


def _match(
    params: Sequence[LayerParameter],
    embedded: Sequence[tuple[Blob, ...] | None],
    source: Sequence[LayerWeights],
    notes: list[str],
) -> tuple[list[Sequence[Blob | None] | None], list[tuple[int, int, Blob]]]:
    """Give each layer the blobs stored under its name, as Net::CopyTrainedLayersFrom does.

    Of layers of one name the first gets them; of entries of one name the last counts. Also returns, in order, which blob was
    written to which layer and index: shared parameters keep the last.
    """
    targets: dict[str, int] = {}
    for index, param in enumerate(params):
        targets.setdefault(param.name, index)
    stored: list[Sequence[Blob | None] | None] = list(embedded)
    writes: list[tuple[int, int, Blob]] = []
    ignored = []
    for entry in source:
        target = targets.get(entry.name)
        if target is None:
            if entry.blobs:
                ignored.append(entry.name)
            continue
        stored[target] = entry.blobs
        writes += [(target, index, item) for index, item in enumerate(entry.blobs) if item is not None]
    if ignored:
        shown = ", ".join(ignored[:5]) + (f", … ({len(ignored) - 5} more)" if len(ignored) > 5 else "")
        notes.append(f"the weights have {len(ignored)} layers that the net doesn't: {shown}")
    return stored, writes


def _share(
    params: Sequence[LayerParameter],
    embedded: Sequence[tuple[Blob, ...] | None],
    stored: Sequence[Sequence[Blob | None] | None],
    writes: Sequence[tuple[int, int, Blob]],
) -> list[tuple[Blob, ...] | None]:
    """Each layer's blobs, where parameters of one name (``param { name }``) are one blob: what was last written to any of them.

    What the net's own file holds counts as written by the first layer that has the name.
    """
    owners: dict[str, tuple[int, int]] = {}
    slots: dict[tuple[int, int], str] = {}
    for number, param in enumerate(params):
        for index, spec in enumerate(param.param):
            if spec.name:
                slots[number, index] = spec.name
                owners.setdefault(spec.name, (number, index))
    final: dict[str, Blob] = {}
    for name, (number, index) in owners.items():
        own = embedded[number]
        if own is not None and index < len(own):
            final[name] = own[index]
    final.update((slots[number, index], item) for number, index, item in writes if (number, index) in slots)
    result: list[tuple[Blob, ...] | None] = []
    for number, param in enumerate(params):
        held = stored[number]
        items: list[Blob | None] = list(held or ())
        for index, spec in enumerate(param.param):
            if spec.name not in final:
                continue
            items += [None] * (index + 1 - len(items))
            items[index] = _as_stored(final[spec.name], items[index], param)
        if held is None and not items:
            result.append(None)
            continue
        whole = tuple(item for item in items if item is not None)
        if len(whole) != len(items):
            raise MalformedModel(
                f"blob {items.index(None)} is in no weights file: others of the layer are shared, this one isn't",
                location=param.location,
                layer=param.name,
            )
        result.append(whole)
    return result


def _as_stored(shared: Blob, own: Blob | None, param: LayerParameter) -> Blob:
    """``shared``, in the shape that this layer's own entry has, which ``share_mode: PERMISSIVE`` allows to differ."""
    if own is None or own.shape == shared.shape:
        return shared
    try:
        return shared.reshape(own.shape)
    except ValueError:
        raise MalformedModel(
            f"a shared parameter is stored as {list(own.shape)} here and as {list(shared.shape)} elsewhere",
            location=param.location,
            layer=param.name,
        ) from None
