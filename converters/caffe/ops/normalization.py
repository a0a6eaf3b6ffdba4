"""BatchNorm."""

from __future__ import annotations

import numpy as np
from onnx_ir import Value

from dragoman.converters.caffe.net_builder import NetBuilder
from dragoman.converters.caffe.network import Layer
from dragoman.converters.caffe.schema import FillerParameter
from dragoman.converters.caffe.table import layer_type
from dragoman.graph_ir import dims

_ZERO = FillerParameter(type="constant", value=0.0)
"""What the layer's blobs are before training."""


@layer_type("BatchNorm")
def batch_norm(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """Caffe BatchNorm: (x − mean / f) / sqrt(variance / f + eps) for each channel, f being the third blob, and 1 / f = 0
    where f is 0.
    BVLC batch_norm_layer.cpp. NVCaffe's has five blobs, scale and shift the last two, and takes f = 0 for 1.
    """
    p = layer.param.batch_norm_param
    if len(dims(x)) < 2:
        raise g.malformed(layer, "its bottom needs at least 2 axes")
    if p.has("use_global_stats") and not p.use_global_stats:
        return _batch_statistics(g, layer, x)
    (channels,) = g.sizes(layer, x, [1], "each channel has statistics of its own")
    nvidia = layer.blobs is not None and len(layer.blobs) == 5
    if p.scale_bias and not nvidia:
        raise g.unsupported(layer, "scale_bias is set, but the weights don't hold NVCaffe's five blobs")
    mean, variance = (g.array(layer, i, (channels,), role, _ZERO) for i, role in enumerate(("mean", "variance")))
    (factor,) = g.array(layer, 2, (1,), "scale factor", _ZERO)
    inverse = np.float32(0 if factor == 0 else 1 / factor)
    if nvidia and factor == 0:
        inverse = np.float32(1)
    gamma, beta = (
        (g.weight(layer, 3, (channels,), "scale"), g.weight(layer, 4, (channels,), "shift")) if nvidia else (None, None)
    )
    parameters = (
        gamma if gamma is not None else g.const(np.ones(channels, np.float32), name=f"{layer.name}.ones"),
        beta if beta is not None else g.const(np.zeros(channels, np.float32), name=f"{layer.name}.zeros"),
        g.const(mean * inverse, name=f"{layer.name}.mean"),
        g.const(variance * inverse, name=f"{layer.name}.variance"),
    )
    return g.op("BatchNormalization", x, *parameters, epsilon=p.eps)


def _batch_statistics(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """use_global_stats: false at test: each channel is normalised by the mean and variance of this very batch."""
    p = layer.param.batch_norm_param
    rank = len(dims(x))
    channels = dims(x)[1]
    if layer.blobs is not None:  # stored, but not used
        if not isinstance(channels, int):
            raise g.unsupported(layer, "the number of channels is dynamic")
        for i, role in enumerate(("mean", "variance", "scale factor")):
            g.array(layer, i, (channels,) if i < 2 else (1,), role)
    axes = g.const([i for i in range(rank) if i != 1])
    centred = g.op("Sub", x, g.op("ReduceMean", x, axes))
    variance = g.op("ReduceMean", g.op("Mul", centred, centred), axes)
    return g.op("Div", centred, g.op("Sqrt", g.op("Add", variance, g.const(p.eps))))
