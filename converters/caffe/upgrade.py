"""Nets of the older formats as the newest one: the rules of BVLC's upgrade_proto.cpp, in its order.

What Caffe upgrades with a warning ("continuing anyway") is an error here, with the layer's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dragoman.converters.caffe.schema import (
    BlobShape,
    InputParameter,
    LayerParameter,
    Message,
    NetParameter,
    ParamSpec,
    V0LayerParameter,
    V1LayerParameter,
    V1LayerType,
    ensure,
)
from dragoman.graph_ir.errors import MalformedModel

V0_TYPES: Mapping[str, V1LayerType] = {
    "accuracy": V1LayerType.ACCURACY,
    "bnll": V1LayerType.BNLL,
    "concat": V1LayerType.CONCAT,
    "conv": V1LayerType.CONVOLUTION,
    "data": V1LayerType.DATA,
    "dropout": V1LayerType.DROPOUT,
    "euclidean_loss": V1LayerType.EUCLIDEAN_LOSS,
    "flatten": V1LayerType.FLATTEN,
    "hdf5_data": V1LayerType.HDF5_DATA,
    "hdf5_output": V1LayerType.HDF5_OUTPUT,
    "im2col": V1LayerType.IM2COL,
    "images": V1LayerType.IMAGE_DATA,
    "infogain_loss": V1LayerType.INFOGAIN_LOSS,
    "innerproduct": V1LayerType.INNER_PRODUCT,
    "lrn": V1LayerType.LRN,
    "multinomial_logistic_loss": V1LayerType.MULTINOMIAL_LOGISTIC_LOSS,
    "pool": V1LayerType.POOLING,
    "relu": V1LayerType.RELU,
    "sigmoid": V1LayerType.SIGMOID,
    "softmax": V1LayerType.SOFTMAX,
    "softmax_loss": V1LayerType.SOFTMAX_LOSS,
    "split": V1LayerType.SPLIT,
    "tanh": V1LayerType.TANH,
    "window_data": V1LayerType.WINDOW_DATA,
}

PARAMS: Mapping[str, str] = {
    "conv": "convolution_param",
    "innerproduct": "inner_product_param",
    "pool": "pooling_param",
    "dropout": "dropout_param",
    "lrn": "lrn_param",
    "data": "data_param",
    "hdf5_data": "hdf5_data_param",
    "images": "image_data_param",
    "window_data": "window_data_param",
    "infogain_loss": "infogain_loss_param",
    "concat": "concat_param",
}
"""The message of settings of a V0 type in V1."""

V0_FIELDS: Mapping[str, tuple[str, frozenset[str]]] = {
    "num_output": ("num_output", frozenset({"conv", "innerproduct"})),
    "biasterm": ("bias_term", frozenset({"conv", "innerproduct"})),
    "weight_filler": ("weight_filler", frozenset({"conv", "innerproduct"})),
    "bias_filler": ("bias_filler", frozenset({"conv", "innerproduct"})),
    "pad": ("pad", frozenset({"conv", "pool"})),
    "kernelsize": ("kernel_size", frozenset({"conv", "pool"})),
    "group": ("group", frozenset({"conv"})),
    "stride": ("stride", frozenset({"conv", "pool"})),
    "pool": ("pool", frozenset({"pool"})),
    "dropout_ratio": ("dropout_ratio", frozenset({"dropout"})),
    "local_size": ("local_size", frozenset({"lrn"})),
    "alpha": ("alpha", frozenset({"lrn"})),
    "beta": ("beta", frozenset({"lrn"})),
    "k": ("k", frozenset({"lrn"})),
    "source": ("source", frozenset({"data", "hdf5_data", "images", "window_data", "infogain_loss"})),
    "batchsize": ("batch_size", frozenset({"data", "hdf5_data", "images", "window_data"})),
    "rand_skip": ("rand_skip", frozenset({"data", "images"})),
    "shuffle_images": ("shuffle", frozenset({"images"})),
    "new_height": ("new_height", frozenset({"images"})),
    "new_width": ("new_width", frozenset({"images"})),
    "concat_dim": ("concat_dim", frozenset({"concat"})),
    "det_fg_threshold": ("fg_threshold", frozenset({"window_data"})),
    "det_bg_threshold": ("bg_threshold", frozenset({"window_data"})),
    "det_fg_fraction": ("fg_fraction", frozenset({"window_data"})),
    "det_context_pad": ("context_pad", frozenset({"window_data"})),
    "det_crop_mode": ("crop_mode", frozenset({"window_data"})),
}
"""A V0 field's name in the V1 settings, and the types that may have it."""

V0_TRANSFORM: Mapping[str, str] = {"scale": "scale", "meanfile": "mean_file", "cropsize": "crop_size", "mirror": "mirror"}
V0_COMMON = frozenset({"name", "type", "blobs", "blobs_lr", "weight_decay", "hdf5_output_param"})

DATA_PARAMS: Mapping[V1LayerType, str] = {
    V1LayerType.DATA: "data_param",
    V1LayerType.IMAGE_DATA: "image_data_param",
    V1LayerType.WINDOW_DATA: "window_data_param",
}

V1_NAMES: Mapping[V1LayerType, str] = {
    kind: "".join(part.capitalize() for part in kind.name.split("_")) for kind in V1LayerType
} | {
    V1LayerType.NONE: "",
    V1LayerType.ABSVAL: "AbsVal",
    V1LayerType.ARGMAX: "ArgMax",
    V1LayerType.BNLL: "BNLL",
    V1LayerType.HDF5_DATA: "HDF5Data",
    V1LayerType.HDF5_OUTPUT: "HDF5Output",
    V1LayerType.LRN: "LRN",
    V1LayerType.MVN: "MVN",
    V1LayerType.RELU: "ReLU",
    V1LayerType.SOFTMAX_LOSS: "SoftmaxWithLoss",
    V1LayerType.TANH: "TanH",
}
"""A V1 type's name in V2."""


def upgrade_net(net: NetParameter) -> NetParameter:
    """``net`` in the newest format; the messages it was made of are reused, so the old one is spent.

    Raises ``MalformedModel`` for what can't be upgraded without loss.
    """
    if net.has("layers"):
        if net.has("layer"):
            raise MalformedModel(
                "has both 'layer' and 'layers' fields; a net is of one format", location=net.layers[0].location
            )
        if any(layer.has("layer") for layer in net.layers):
            net.layers = [_from_v0(layer) for layer in _merge_padding(net)]
        for layer in net.layers:
            _move_transformation(layer)
        net.layer = [_from_v1(layer) for layer in net.layers]
        net.clear("layers")
    _inputs_as_layer(net)
    for new in net.layer:
        if new.type == "BatchNorm" and len(new.param) == 3:
            for spec in new.param:  # the old definition's: statistics, which aren't learned
                spec.lr_mult = spec.decay_mult = 0.0
    return net


def _fail(message: str, layer: V1LayerParameter) -> MalformedModel:
    return MalformedModel(message, location=layer.location, layer=layer.layer.name or layer.name)


def _merge_padding(net: NetParameter) -> list[V1LayerParameter]:
    """The layers without V0's padding layers: their padding goes to the convolution or pooling that follows."""
    makers: dict[str, V1LayerParameter | None] = dict.fromkeys(net.input)
    kept = []
    for layer in net.layers:
        kind = layer.layer.type
        if kind != "padding":
            kept.append(layer)
        for index, bottom in enumerate(layer.bottom):
            if bottom not in makers:
                raise _fail(f"unknown bottom blob {bottom!r} (bottom index {index})", layer)
            source = makers[bottom]
            if source is None or source.layer.type != "padding":
                continue
            if kind not in {"conv", "pool"}:
                raise _fail(f"a padding layer may be followed by a conv or pool layer, not by {kind!r}", layer)
            if len(layer.bottom) != 1 or len(source.bottom) != 1 or len(source.top) != 1:
                raise _fail("a padding layer and the one that follows it have one bottom each", layer)
            layer.layer.pad = source.layer.pad
            layer.bottom[index] = source.bottom[0]
        makers.update(dict.fromkeys(layer.top, layer))
    return kept


def _from_v0(outer: V1LayerParameter) -> V1LayerParameter:
    """A V0 layer, which is a V1 layer with ``layer`` in it, as a V1 layer."""
    if not outer.has("layer"):
        raise _fail("is of the second format (V1), in a net of the first (V0)", outer)
    extra = [name for name in outer.present() if name not in {"bottom", "top", "layer"}]
    if extra:
        raise _fail(f"{', '.join(extra)} can't stand beside 'layer'", outer)
    old: V0LayerParameter = outer.layer
    if old.type not in V0_TYPES:
        raise _fail(f"unknown layer type {old.type!r}", outer)
    new = V1LayerParameter(bottom=outer.bottom, top=outer.top, type=V0_TYPES[old.type])
    new.location = outer.location
    new.unknown = [*outer.unknown, *old.unknown]
    for name in ("name", "blobs", "blobs_lr", "weight_decay"):
        if old.has(name):
            new.values[name] = old.values[name]
    for name in old.present():
        if name in V0_COMMON:
            continue
        if name in V0_TRANSFORM:
            ensure(new, V1LayerParameter.transform_param).values[V0_TRANSFORM[name]] = old.values[name]
            continue
        target = V0_FIELDS.get(name)
        if target is None or old.type not in target[1]:
            raise _fail(f"a {old.type} layer has no {name}", outer)
        settings: Message = ensure(new, V1LayerParameter.fields[PARAMS[old.type]])
        value = old.values[name]
        settings.values[target[0]] = [value] if settings.fields[target[0]].repeated else value
    if old.has("hdf5_output_param"):
        if old.type != "hdf5_output":
            raise _fail(f"a {old.type} layer has no hdf5_output_param", outer)
        new.hdf5_output_param = old.hdf5_output_param
    return new


def _move_transformation(layer: V1LayerParameter) -> None:
    """Preprocessing that once stood with a data layer's own settings goes to transform_param."""
    name = DATA_PARAMS.get(layer.type)
    if name is None or not layer.has(name):
        return
    settings: Message = layer.values[name]
    for field in ("scale", "mean_file", "crop_size", "mirror"):
        if settings.has(field):
            ensure(layer, V1LayerParameter.transform_param).values[field] = settings.values[field]
            settings.clear(field)


V1_COMMON = frozenset({"type", "param", "blob_share_mode", "blobs_lr", "weight_decay", "layer"})


def _from_v1(old: V1LayerParameter) -> LayerParameter:
    """A V1 layer as a V2 layer: its type is a string, and what it says of each blob is gathered in ``param``."""
    if old.has("layer"):
        raise _fail("is of the first format (V0), in a net of the second (V1)", old)
    new = LayerParameter()
    new.location, new.unknown = old.location, old.unknown
    for name in old.present():
        if name not in V1_COMMON:
            new.values[name] = old.values[name]
    if old.has("type"):
        new.type = V1_NAMES[old.type]
    columns: dict[str, list[Any]] = {
        "name": list(old.param),
        "share_mode": list(old.blob_share_mode),
        "lr_mult": list(old.blobs_lr),
        "decay_mult": list(old.weight_decay),
    }
    for index in range(max(map(len, columns.values()))):
        spec = ParamSpec(**{name: column[index] for name, column in columns.items() if index < len(column)})
        new.param.append(spec)
    return new


def _inputs_as_layer(net: NetParameter) -> None:
    """The net's ``input`` fields become an Input layer before the others; inputs without shapes are left to the caller."""
    if not (net.has("input_shape") or net.has("input_dim")):
        return
    if net.has("input_shape") and net.has("input_dim"):
        raise MalformedModel("has both input_shape and input_dim", location=net.location)
    names = list(net.input)
    if net.has("input_shape"):
        shapes = net.input_shape
        if len(shapes) != len(names):
            raise MalformedModel(f"has {len(names)} input and {len(shapes)} input_shape fields", location=net.location)
    else:
        if len(net.input_dim) != 4 * len(names):
            raise MalformedModel(
                f"has {len(names)} input and {len(net.input_dim)} input_dim fields; each input takes four",
                location=net.location,
            )
        shapes = [BlobShape(dim=net.input_dim[4 * index : 4 * index + 4]) for index in range(len(names))]
    if names:
        layer = LayerParameter(name="input", type="Input", top=names, input_param=InputParameter(shape=shapes))
        layer.location = net.location
        net.layer = [layer, *net.layer]
    for field in ("input", "input_shape", "input_dim"):
        net.clear(field)
