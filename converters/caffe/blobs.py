"""The blobs of a network while it is converted: which value each name means now.

Caffe's blobs are memory. A layer may work in place, and Split, Flatten and Reshape give their bottom's memory another name, so
that working in place on one name changes what the others hold.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import onnx_ir as ir

from dragoman.converters.caffe.net_builder import MOST_ELEMENTS, NetBuilder
from dragoman.converters.caffe.network import Layer
from dragoman.converters.caffe.schema import NormRegion
from dragoman.graph_ir.model import static_dims
from dragoman.graph_ir.provenance import set_source_tensors, source_tensors

DATA_LAYERS = frozenset({"Data", "DummyData", "HDF5Data", "ImageData", "MemoryData", "WindowData", "Input", "AnnotatedData"})
"""Layers whose tops are the network's inputs."""

_SHARING = frozenset({"Split", "Flatten", "Reshape", "Slice", "Concat", "Permute"})
"""Layers whose tops share the memory of their bottom, when they don't have to move anything."""


_NEVER_IN_PLACE = frozenset(
    {
        "ArgMax", "BatchReindex", "Concat", "Convolution", "ConvolutionDepthwise", "Crop", "Deconvolution",
        "DepthwiseConvolution", "Embed", "Filter",
        "Flatten", "Im2col", "InnerProduct", "Pooling", "Reduction", "Reshape", "Slice", "Split", "SPP", "Tile",
    }
)  # fmt: skip
"""Layers that Caffe refuses to run in place, or that read their bottom after they have written over it."""


class Blobs:
    """Name → value, with Caffe's rules of shared memory."""

    def __init__(self, g: NetBuilder) -> None:
        """No blob is known yet."""
        self._g = g
        self._values: dict[str, ir.Value] = {}
        self._makers: dict[str, str] = {}
        self._memory: dict[str, set[str]] = {}
        self._overwritten: dict[str, ir.Value] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __getitem__(self, name: str) -> ir.Value:
        """What the blob holds now, after everything that worked on its memory."""
        if (fresh := self._overwritten.pop(name, None)) is not None:
            self._g.notes.append(
                f"blob {name} shares its memory with one that a layer changed in place; as in Caffe, it holds the changed values"
            )
            self._values[name] = self._g.reshape_like(fresh, self._values[name])
        return self._values[name]

    def bind(self, layer: Layer, tops: tuple[ir.Value | None, ...]) -> None:
        """The layer's tops hold these values; None for a top that inference doesn't make."""
        for value in tops:
            _check_size(self._g, layer, value)
        if layer.type in DATA_LAYERS:  # made only as far as they are known: a label may be missing
            self._values.update({value.name or "": value for value in tops if value is not None})
            return
        if len(tops) != len(layer.tops):
            raise self._g.malformed(layer, f"has {len(layer.tops)} tops, makes {len(tops)}")
        for index, (name, value) in enumerate(zip(layer.tops, tops, strict=True)):
            if value is None:
                continue
            if not name:
                raise self._g.unsupported(
                    layer, f"its top {index + 1} has no name, and an unnamed tensor doesn't exist in ONNX"
                )
            in_place = index < len(layer.bottoms) and layer.bottoms[index] == name
            if in_place and _reads_after_writing(layer):
                raise self._g.malformed(
                    layer, f"can't work in place: it would write over {name!r} before it has read all of it"
                )
            if in_place and (others := self._memory.get(name, set()) & set(layer.bottoms) - {name}):
                raise self._g.unsupported(layer, f"works in place on {name!r}, whose memory its bottom {min(others)!r} shares")
            self._share_memory(layer, name, value, in_place)
            self._bind_one(name, value, layer.name)

    def _share_memory(self, layer: Layer, name: str, value: ir.Value, in_place: bool) -> None:
        if in_place:
            for other in self._memory.get(name, set()) - {name}:
                if self._values[other] is not value:
                    self._overwritten[other] = value
        elif layer.type in _SHARING and (
            layer.type in ("Flatten", "Reshape") or any(value is self._values[b] for b in layer.bottoms)
        ):
            group = self._memory.setdefault(layer.bottoms[0], {layer.bottoms[0]})
            group.add(name)
            self._memory[name] = group

    def _bind_one(self, name: str, value: ir.Value, layer: str) -> None:
        """A tensor of the source is called by its blob; what a later layer overwrites, by ``blob@layer``."""
        previous = self._values.get(name)
        if previous is not None and previous is not value:
            overwritten = f"{name}@{self._makers.get(name, layer)}"
            set_source_tensors(previous, [overwritten if n == name else n for n in source_tensors(previous)])
        self._values[name] = value
        self._makers[name] = layer
        is_alias = source_tensors(value) != ()
        set_source_tensors(value, [*source_tensors(value), name])
        if not is_alias and value.const_value is None and self._g.input_named(name) is None:
            self._g.rename(value, name)


def _reads_after_writing(layer: Layer) -> bool:
    across = layer.type == "LRN" and layer.param.lrn_param.norm_region == NormRegion.ACROSS_CHANNELS
    return across or layer.type in _NEVER_IN_PLACE


def _check_size(g: NetBuilder, layer: Layer, value: ir.Value | None) -> None:
    """Caffe counts a blob's elements in a signed 32-bit integer (blob.cpp)."""
    known = static_dims(value) if value is not None else None
    if known is not None and min(known, default=0) < 0:
        raise g.malformed(layer, f"a dimension of {list(known)} is negative")
    if known is not None and math.prod(known) > MOST_ELEMENTS:
        raise g.malformed(layer, f"a blob of shape {list(known)} has more elements than Caffe can count (2³¹ − 1)")
