"""A network as it is written down: layers in order, blob shapes, and weights that are drawn when they are written."""

from __future__ import annotations

import math
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dragoman.converters.caffe import schema
from dragoman.converters.caffe.schema import LayerParameter, NetParameter
from dragoman.converters.caffe.writer import write_caffemodel, write_prototxt

Array = npt.NDArray[np.float32]
Draw = Callable[[np.random.Generator], list[Array]]


class NetworkBuilder:
    """Adds layers one by one; each method returns the name of its top.

    Weights are scaled so that values keep a deviation near 1 from layer to layer: the builder follows each blob's mean
    square. The filters of a convolution sum to zero, so that different images don't end up the same deep in the network.
    """

    def __init__(self, name: str, shape: Sequence[int], *, width: float = 1.0, seed: int = 0) -> None:
        """``shape`` is the input's (N, C, H, W); ``data`` is its name."""
        self.width = width
        self.seed = seed
        self.net = NetParameter(name=name)
        self.shapes: dict[str, tuple[int, ...]] = {}
        self._squares: dict[str, float] = {}
        self._draws: dict[str, tuple[str, Draw]] = {}
        dims = schema.InputParameter(shape=[schema.BlobShape(dim=list(shape))])
        self.add("Input", [], "data", shape, 1.0, input_param=dims)

    def channels(self, full: int) -> int:
        """``full`` channels times the width: a multiple of 4, at least 4."""
        return max(4, 4 * round(full * self.width / 4))

    def add(
        self,
        layer_type: str,
        bottoms: Sequence[str],
        top: str,
        shape: Sequence[int],
        square: float | None = None,
        *,
        name: str = "",
        draw: Draw | None = None,
        **settings: Any,
    ) -> str:
        """A layer whose top has ``shape`` and mean ``square`` (its first bottom's unless given), with weights from ``draw``."""
        layer = LayerParameter(name=name or top, type=layer_type, bottom=list(bottoms), top=[top], **settings)
        self.net.layer.append(layer)
        if draw is not None:
            self._draws[layer.name] = (layer_type, draw)
        self.shapes[top] = tuple(shape)
        self._squares[top] = self._squares[bottoms[0]] if square is None else square
        return top

    def conv(
        self, bottom: str, top: str, outputs: int, kernel: int, *, stride: int = 1, pad: int = 0, group: int = 1,
        bias: bool = True, relu: str = "", scale: float = 1.0, offsets: Sequence[float] = (0.0,),
    ) -> str:  # fmt: skip
        """Convolution to ``outputs`` channels of deviation ``scale``; ``relu`` names a ReLU in place.

        ``offsets``, repeated over the channels, are added to the biases.
        """
        n, inputs, *image = self.shapes[bottom]
        size = [(extent + 2 * pad - kernel) // stride + 1 for extent in image]
        settings = schema.ConvolutionParameter(num_output=outputs, kernel_size=[kernel])
        if pad:
            settings.pad = [pad]
        if stride > 1:
            settings.stride = [stride]
        if group > 1:
            settings.group = group
        if not bias:
            settings.bias_term = False
        draw = self._filters((outputs, inputs // group, kernel, kernel), bottom, bias, scale, offsets)
        self.add("Convolution", [bottom], top, (n, outputs, *size), scale * scale, draw=draw, convolution_param=settings)
        return self.relu(top, relu) if relu else top

    def dense(self, bottom: str, top: str, outputs: int, *, relu: str = "", scale: float = 1.0) -> str:
        """InnerProduct over everything but the batch."""
        n, *rest = self.shapes[bottom]
        draw = self._filters((outputs, math.prod(rest)), bottom, True, scale)
        settings = schema.InnerProductParameter(num_output=outputs)
        self.add("InnerProduct", [bottom], top, (n, outputs), scale * scale, draw=draw, inner_product_param=settings)
        return self.relu(top, relu) if relu else top

    def _filters(
        self, shape: tuple[int, ...], bottom: str, bias: bool, scale: float, offsets: Sequence[float] = (0.0,)
    ) -> Draw:
        fan_in = math.prod(shape[1:])
        deviation = scale / math.sqrt(fan_in * self._squares[bottom])

        def draw(random: np.random.Generator) -> list[Array]:
            weights = random.standard_normal(shape, np.float32)
            weights *= np.float32(deviation)
            weights -= weights.mean(axis=tuple(range(1, len(shape))), keepdims=True)
            if not bias:
                return [weights]
            return [weights, (random.normal(0, 0.1, shape[0]) + np.resize(offsets, shape[0])).astype(np.float32)]

        return draw

    def relu(self, blob: str, name: str, *, kept: float = 0.34) -> str:
        """ReLU in place. The next filters see the deviation about the mean: of a symmetric blob, a third of the square."""
        return self.add("ReLU", [blob], blob, self.shapes[blob], kept * self._squares[blob], name=name)

    def normalize(
        self, blob: str, batch_norm: str, scale: str, *, relu: str = "", gain: float = 1.0, eps: float | None = None
    ) -> str:
        """BatchNorm and Scale in place, with statistics near the blob's own and scales near ``gain``."""
        channels, square = self.shapes[blob][1], self._squares[blob]

        def statistics(random: np.random.Generator) -> list[Array]:
            factor = np.float32(999.98)
            mean = random.normal(0, 0.1 * math.sqrt(square), channels).astype(np.float32)
            return [
                mean * factor,
                (random.uniform(0.6, 1.4, channels) * square).astype(np.float32) * factor,
                np.array([factor]),
            ]

        def affine(random: np.random.Generator) -> list[Array]:
            return [
                (gain * random.uniform(0.8, 1.2, channels)).astype(np.float32),
                random.normal(0, 0.2, channels).astype(np.float32),
            ]

        settings = schema.BatchNormParameter(use_global_stats=True)
        if eps is not None:
            settings.eps = eps
        shape = self.shapes[blob]
        self.add("BatchNorm", [blob], blob, shape, 1.0, name=batch_norm, draw=statistics, batch_norm_param=settings)
        affine_settings = schema.ScaleParameter(bias_term=True)
        self.add("Scale", [blob], blob, shape, gain * gain, name=scale, draw=affine, scale_param=affine_settings)
        return self.relu(blob, relu) if relu else blob

    def pool(
        self,
        bottom: str,
        top: str,
        kernel: int,
        stride: int = 1,
        *,
        pad: int = 0,
        method: schema.PoolMethod = schema.PoolMethod.MAX,
    ) -> str:
        """Pooling, rounding the size up as Caffe does."""
        n, channels, *image = self.shapes[bottom]
        size = [-((kernel - extent - 2 * pad) // stride) + 1 for extent in image]
        if pad:
            size = [s - ((s - 1) * stride >= extent + pad) for s, extent in zip(size, image, strict=True)]
        settings = schema.PoolingParameter(pool=method, kernel_size=kernel, stride=stride)
        if pad:
            settings.pad = pad
        return self.add("Pooling", [bottom], top, (n, channels, *size), pooling_param=settings)

    def global_average(self, bottom: str, top: str) -> str:
        """The mean of each channel; means of a hundred values vary less than the values."""
        n, channels = self.shapes[bottom][:2]
        settings = schema.PoolingParameter(pool=schema.PoolMethod.AVE, global_pooling=True)
        return self.add("Pooling", [bottom], top, (n, channels, 1, 1), 0.4 * self._squares[bottom], pooling_param=settings)

    def whole_average(self, bottom: str, top: str) -> str:
        """The same as a window of the image's size: how networks wrote it before global_pooling."""
        top = self.pool(bottom, top, self.shapes[bottom][2], method=schema.PoolMethod.AVE)
        self._squares[top] *= 0.4
        return top

    def concat(self, bottoms: Sequence[str], top: str, axis: int = 1) -> str:
        """The bottoms side by side."""
        shape = list(self.shapes[bottoms[0]])
        shape[axis] = sum(self.shapes[bottom][axis] for bottom in bottoms)
        square = sum(self._squares[b] * self.shapes[b][axis] for b in bottoms) / shape[axis]
        return self.add("Concat", bottoms, top, shape, square, concat_param=schema.ConcatParameter(axis=axis))

    def sum(self, bottoms: Sequence[str], top: str) -> str:
        """The bottoms added."""
        return self.add("Eltwise", bottoms, top, self.shapes[bottoms[0]], sum(self._squares[bottom] for bottom in bottoms))

    def lrn(self, bottom: str, top: str) -> str:
        """AlexNet's normalization across five channels."""
        settings = schema.LRNParameter(local_size=5, alpha=1e-4, beta=0.75)
        return self.add("LRN", [bottom], top, self.shapes[bottom], lrn_param=settings)

    def dropout(self, blob: str, name: str, ratio: float = 0.5) -> str:
        """Dropout in place: nothing, at test."""
        return self.add(
            "Dropout", [blob], blob, self.shapes[blob], name=name, dropout_param=schema.DropoutParameter(dropout_ratio=ratio)
        )

    def softmax(self, bottom: str, top: str = "prob", axis: int = 1) -> str:
        """Softmax over ``axis``."""
        settings: dict[str, Any] = {} if axis == 1 else {"softmax_param": schema.SoftmaxParameter(axis=axis)}
        return self.add("Softmax", [bottom], top, self.shapes[bottom], **settings)

    def weights(self) -> Iterator[tuple[str, str, Sequence[Array]]]:
        """Name, type and blobs of each layer that has any; drawn one layer at a time, from the seed and the layer's name."""
        for name, (layer_type, draw) in self._draws.items():
            yield name, layer_type, draw(np.random.default_rng([self.seed, zlib.crc32(name.encode())]))

    def write(self, folder: str | os.PathLike[str]) -> tuple[Path, Path]:
        """Write ``NAME.prototxt`` and ``NAME.caffemodel`` into ``folder``; their paths."""
        base = Path(folder)
        base.mkdir(parents=True, exist_ok=True)
        prototxt = write_prototxt(base / f"{self.net.name}.prototxt", self.net)
        caffemodel = write_caffemodel(base / f"{self.net.name}.caffemodel", self.weights(), name=self.net.name)
        return prototxt, caffemodel
