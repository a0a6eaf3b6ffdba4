"""Layers that bring data in: each top becomes an input of the graph, or a constant."""

from __future__ import annotations

from collections.abc import Sequence

from onnx_ir import Value

from dragoman.converters.caffe.net_builder import NetBuilder
from dragoman.converters.caffe.network import Layer
from dragoman.converters.caffe.table import layer_type


def _inputs(g: NetBuilder, layer: Layer, shapes: Sequence[Sequence[int] | None]) -> tuple[Value, ...]:
    """One graph input for each top; a shape that the layer doesn't tell must have been given by the user."""
    made = []
    for top, shape in zip(layer.tops, shapes, strict=True):
        if shape is None and top not in g.network.input_shapes:
            if top != layer.tops[0]:  # labels: nothing that is kept may need them
                continue
            raise g.malformed(
                layer,
                f"the file doesn't tell the shape of {top!r}; give it: --input {top}:1,3,224,224 (batch, channels, height, width)",
            )
        made.append(g.net_input(layer, top, shape or ()))
    return tuple(made)


@layer_type("Input")
def input_(g: NetBuilder, layer: Layer) -> tuple[Value, ...]:
    """Caffe Input: a shape for all tops, or one for each. BVLC input_layer.cpp."""
    shapes = [list(s.dim) for s in layer.param.input_param.shape]
    if len(shapes) not in (0, 1, len(layer.tops)):
        raise g.malformed(layer, f"{len(shapes)} shapes for {len(layer.tops)} tops")
    return _inputs(
        g, layer, [None] * len(layer.tops) if not shapes else shapes * len(layer.tops) if len(shapes) == 1 else shapes
    )


@layer_type("DummyData")
def dummy_data(g: NetBuilder, layer: Layer) -> tuple[Value, ...]:
    """Caffe DummyData: filled tops of given shapes; here, inputs of those shapes. BVLC dummy_data_layer.cpp."""
    p = layer.param.dummy_data_param
    count = len(layer.tops)
    if p.shape:
        shapes = [list(s.dim) for s in p.shape]
    else:
        columns = [p.num, p.channels, p.height, p.width]
        if any(len(c) not in (1, count) for c in columns):
            raise g.malformed(layer, "needs shape, or num, channels, height and width, once or for each top")
        shapes = [[c[i if len(c) > 1 else 0] for c in columns] for i in range(count)]
    if len(shapes) not in (1, count):
        raise g.malformed(layer, f"{len(shapes)} shapes for {count} tops")
    return _inputs(g, layer, shapes * count if len(shapes) == 1 else shapes)


@layer_type("MemoryData")
def memory_data(g: NetBuilder, layer: Layer) -> tuple[Value, ...]:
    """Caffe MemoryData: (batch_size, channels, height, width), and labels (batch_size,). BVLC memory_data_layer.cpp."""
    p = layer.param.memory_data_param
    shapes = [[p.batch_size, p.channels, p.height, p.width], [p.batch_size]]
    return _inputs(g, layer, shapes[: len(layer.tops)])


@layer_type("Data", "AnnotatedData", "HDF5Data")
def database(g: NetBuilder, layer: Layer) -> tuple[Value, ...]:
    """Caffe layers that read a database, which alone knows the shape: the user gives it. What the layer does to a datum
    (mean, scale, crop) comes before
    the input. BVLC data_layer.cpp, hdf5_data_layer.cpp.
    """
    return _inputs(g, layer, [None] * len(layer.tops))


@layer_type("ImageData")
def image_data(g: NetBuilder, layer: Layer) -> tuple[Value, ...]:
    """Caffe ImageData: (batch_size, 3 or 1, height, width), cropped or resized if it says so, and labels (batch_size,).
    BVLC image_data_layer.cpp.
    """
    p = layer.param.image_data_param
    crop = layer.param.transform_param.crop_size or p.crop_size
    height, width = (crop, crop) if crop else (p.new_height, p.new_width)
    image = [p.batch_size, 3 if p.is_color else 1, height, width] if height and width else None
    return _inputs(g, layer, [image, [p.batch_size]][: len(layer.tops)])


@layer_type("WindowData")
def window_data(g: NetBuilder, layer: Layer) -> tuple[Value, ...]:
    """Caffe WindowData: (batch_size, 3, crop_size, crop_size), and labels (batch_size,). BVLC window_data_layer.cpp."""
    p = layer.param.window_data_param
    crop = layer.param.transform_param.crop_size or p.crop_size
    return _inputs(g, layer, [[p.batch_size, 3, crop, crop] if crop else None, [p.batch_size]][: len(layer.tops)])


@layer_type("Parameter")
def parameter(g: NetBuilder, layer: Layer) -> Value:
    """Caffe Parameter: its top is a blob of the weights. BVLC parameter_layer.hpp."""
    return g.weight(layer, 0, list(layer.param.parameter_param.shape.dim), "parameter")
