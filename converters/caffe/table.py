"""The table of Caffe layer handlers, filled by the modules of ``ops/``.

A handler is ``(g: NetBuilder, layer: Layer, *bottoms) → the tops``: one value, or a tuple, or () for a layer that has none.
"""

from dragoman.converters.handlers import HandlerTable

LAYERS = HandlerTable("dragoman.converters.caffe.ops")
layer_type = LAYERS.op
