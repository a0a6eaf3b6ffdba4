"""What a Caffe handler works with: the builder, and the network's inputs, weights and notes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from dragoman.converters.caffe.fillers import deterministic_fill
from dragoman.converters.caffe.network import Layer, Network
from dragoman.converters.caffe.schema import DimCheckMode, FillerParameter
from dragoman.converters.caffe.weights import Blob, same_shape
from dragoman.graph_ir import Builder
from dragoman.graph_ir.builder import Dim
from dragoman.graph_ir.errors import MalformedModel, UnsupportedAttribute
from dragoman.graph_ir.model import dims
from dragoman.graph_ir.provenance import set_source_tensors
from dragoman.graph_ir.tensors import DerivedTensor, MappedTensor, cast

MOST_ELEMENTS = (1 << 31) - 1
"""Caffe counts a blob's elements in a signed 32-bit integer."""


class NetBuilder(Builder):
    """A graph builder that knows the Caffe network it builds."""

    def __init__(self, network: Network, *, outline: bool = False) -> None:
        """Nothing is emitted yet. ``outline``: only the graph is wanted, so weights that aren't there are zeros."""
        super().__init__(network.name or "caffe")
        self.network = network
        self._outline = outline
        self.notes: list[str] = list(network.notes)
        self._weights: dict[tuple[int, tuple[int, ...]], ir.TensorProtocol] = {}
        self._blobs_used: dict[str, int] = {}

    # -- inputs -----------------------------------------------------------------------------------

    def net_input(self, layer: Layer, name: str, shape: Sequence[Dim]) -> ir.Value:
        """A graph input; the shape that the caller of the conversion gave wins over ``shape``."""
        given = self.network.input_shapes.get(name, tuple(shape))
        if not name:
            raise self.unsupported(layer, "an input has no name, and an unnamed tensor doesn't exist in ONNX")
        if 0 in given:
            raise self.malformed(layer, f"input {name} is empty: {list(given)}; Caffe can't run an empty blob")
        value = self.input(name, ir.DataType.FLOAT, given)
        set_source_tensors(value, [name])
        return value

    # -- weights ----------------------------------------------------------------------------------

    def weight(
        self,
        layer: Layer,
        index: int,
        shape: Sequence[int],
        role: str,
        filler: FillerParameter | None = None,
        *,
        view: Sequence[int] | None = None,
    ) -> ir.Value:
        """The layer's blob ``index`` as float32 of ``shape``, seen as ``view`` if given, named ``<layer>.<role>``.

        A layer absent from the weights gets its ``filler``'s values if those are deterministic. Errors name the layer and both shapes.
        """
        tensor = self._blob(layer, index, tuple(shape), role, filler, tuple(shape if view is None else view))
        return self.initializer(tensor, f"{layer.name}.{role}")

    def array(
        self, layer: Layer, index: int, shape: Sequence[int], role: str, filler: FillerParameter | None = None
    ) -> npt.NDArray[np.float32]:
        """The same as values, for a handler that computes with small blobs."""
        return np.asarray(self._blob(layer, index, tuple(shape), role, filler, tuple(shape)).numpy(), np.float32)

    def _blob(
        self, layer: Layer, index: int, shape: tuple[int, ...], role: str, filler: FillerParameter | None, view: tuple[int, ...]
    ) -> ir.TensorProtocol:
        self._blobs_used[layer.name] = max(self._blobs_used.get(layer.name, 0), index + 1)
        if math.prod(shape) > MOST_ELEMENTS:
            raise self.malformed(layer, f"its {role} of shape {list(shape)} has more elements than Caffe can count (2³¹ − 1)")
        if layer.blobs is None:
            return _reshaped(self._filled(layer, index, shape, role, filler), view)
        if index >= len(layer.blobs):
            raise self.malformed(
                layer, f"the weights hold {len(layer.blobs)} blobs for this layer, its {role} would be number {index + 1}"
            )
        blob: Blob = layer.blobs[index]
        if not same_shape(blob, shape) and not _permissive(layer, index, blob, shape):
            raise self.malformed(
                layer, f"its {role} has shape {list(blob.shape)} in the weights, the network needs {list(shape)}"
            )
        key = (id(blob), view)  # layers that share a parameter share the blob, and so the initializer
        if key not in self._weights:
            self._weights[key] = _reshaped(cast(blob.tensor, ir.DataType.FLOAT), view)
        return self._weights[key]

    def _filled(
        self, layer: Layer, index: int, shape: tuple[int, ...], role: str, filler: FillerParameter | None
    ) -> ir.TensorProtocol:
        declared = filler is not None and bool(filler.present())
        values = deterministic_fill(filler, shape) if declared or index > 0 or 0 in shape else None
        if values is None and self._outline:
            return DerivedTensor(lambda: np.zeros(shape, np.float32), ir.DataType.FLOAT, shape)
        if values is None:
            source = self.network.weights_path
            missing = "no weights were given" if source is None else f"{source.name} has none for this layer"
            why = f"its filler ({filler.type}) is random" if declared and filler is not None else "no filler is declared"
            raise self.malformed(layer, f"needs its {role} {list(shape)}, but {missing}, and {why}")
        kind = filler.type if filler is not None else "constant"
        if not self._outline:
            self.notes.append(f"layer {layer.name}: its {role} isn't in the weights; made by its {kind} filler")
        return values

    def check_all_blobs_used(self, layer: Layer) -> None:
        """Caffe refuses weights with another number of blobs than the layer has."""
        used = self._blobs_used.get(layer.name, 0)
        if layer.blobs is not None and len(layer.blobs) != used:
            raise self.malformed(layer, f"the weights hold {len(layer.blobs)} blobs for this layer, the network has {used}")

    # -- errors -----------------------------------------------------------------------------------

    def malformed(self, layer: Layer, message: str) -> MalformedModel:
        """An error in the files, at ``layer``."""
        return MalformedModel(message, location=layer.location, layer=f"{layer.name} ({layer.type})")

    def unsupported(self, layer: Layer, message: str) -> UnsupportedAttribute:
        """A setting of ``layer`` that can't be converted."""
        return UnsupportedAttribute(message, location=layer.location, layer=f"{layer.name} ({layer.type})")

    # -- shapes -----------------------------------------------------------------------------------

    def axis(self, layer: Layer, axis: int, rank: int, what: str = "axis") -> int:
        """A canonical axis from one that may be negative: Blob::CanonicalAxisIndex."""
        if not -rank <= axis < rank:
            raise self.malformed(layer, f"{what} {axis} is out of range for a blob of {rank} axes")
        return axis % rank

    def sizes(self, layer: Layer, value: ir.Value, axes: Sequence[int], why: str) -> tuple[int, ...]:
        """Dimensions that must be known here, because ``why``."""
        found = []
        for axis in axes:
            size = dims(value)[axis]
            if not isinstance(size, int):
                raise self.unsupported(layer, f"axis {axis} of its input is dynamic ({size}), but {why}")
            found.append(size)
        return tuple(found)


def _permissive(layer: Layer, index: int, blob: Blob, shape: tuple[int, ...]) -> bool:
    """Whether the layer shares this blob under a name and asks only for as many values."""
    specs = layer.param.param
    shared = index < len(specs) and specs[index].name != "" and specs[index].share_mode == DimCheckMode.PERMISSIVE
    return shared and math.prod(blob.shape) == math.prod(shape)


def _reshaped(tensor: ir.TensorProtocol, shape: tuple[int, ...]) -> ir.TensorProtocol:
    if tuple(tensor.shape.numpy()) == shape:
        return tensor
    if isinstance(tensor, MappedTensor):
        return MappedTensor(tensor.file, tensor.offset, tensor.dtype, shape, stride=tensor.stride)
    return DerivedTensor(lambda: tensor.numpy().reshape(shape), tensor.dtype, shape)
