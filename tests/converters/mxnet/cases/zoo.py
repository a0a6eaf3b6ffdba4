"""Whole networks: those of Gluon's zoo with fewer channels, and the others that benchmarks/mxnet_networks.py writes."""

import sys
from math import prod, sqrt
from pathlib import Path

from .case import Case, integers, normal, uniform

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "benchmarks"))


def params(symbol, inputs, scale=1.6):
    """Values for every variable that isn't an input: trained ones in size."""
    shapes = {name: array.shape for name, array in inputs.items()}
    sizes = symbol.infer_shape(**shapes)
    found = {}
    for name, shape in zip([*symbol.list_arguments(), *symbol.list_auxiliary_states()], [*sizes[0], *sizes[2]], strict=True):
        if name in inputs:
            continue
        if name.endswith(("running_mean", "moving_mean", "beta", "bias")):
            found[name] = normal(*shape, scale=0.1)
        elif name.endswith(("running_var", "moving_var", "gamma")):
            found[name] = uniform(0.7, 1.3, *shape)
        else:
            found[name] = normal(*shape, scale=scale / sqrt(max(prod(shape[1:]), 1)))
    return found


def whole(name, symbol, inputs, dynamic=None, tolerance=1e-5):
    """A case of a network, with batches of any size where it takes them."""
    dynamic = {key: ("batch", *array.shape[1:]) for key, array in inputs.items()} if dynamic is None else dynamic
    return Case(name, symbol, inputs, params(symbol, inputs), dynamic, tolerance)


def zoo(mx):
    """The families of the zoo, narrow and shallow."""
    v = mx.gluon.model_zoo.vision
    narrow = ([1, 2, 1, 1], [8, 8, 12, 16, 20])
    yield "resnet v1", v.ResNetV1(v.BasicBlockV1, *narrow, classes=10)
    yield "resnet v1, bottlenecks", v.ResNetV1(v.BottleneckV1, *narrow, classes=10)
    yield "resnet v2", v.ResNetV2(v.BasicBlockV2, *narrow, classes=10)
    yield "resnet v2, bottlenecks", v.ResNetV2(v.BottleneckV2, *narrow, classes=10)
    yield "densenet", v.DenseNet(8, 4, [2, 3, 2, 2], classes=10)
    yield "mobilenet", v.MobileNet(multiplier=0.125, classes=10)
    yield "mobilenet v2", v.MobileNetV2(multiplier=0.125, classes=10)


def sweep(mx):
    """Networks on images of 64 pixels, where their pooling allows it, and on words."""
    for name, net in zoo(mx):
        size = 224 if name == "densenet" else 64
        yield whole(name, net(mx.sym.var("data")), {"data": normal(2, 3, size, size)}, tolerance=3e-5)

    import mxnet_networks

    words = integers(0, 199, 2, 9)
    yield whole("language model", mxnet_networks.LanguageModel()(mx.sym.var("data")), {"data": words}, tolerance=3e-5)
    inputs = {"words": integers(0, 299, 2, 12), "segments": integers(0, 1, 2, 12), "length": integers(5, 12, 2)}
    encoder = mx.sym.Group(list(mxnet_networks.Encoder()(*(mx.sym.var(name) for name in inputs))))
    yield whole("encoder", encoder, inputs, tolerance=3e-5)
    yield whole("detector", mxnet_networks.detector(), {"data": normal(2, 3, 64, 64)}, tolerance=3e-5)
    heads = mxnet_networks.two_stages()
    yield whole("two stages", heads, {"data": normal(1, 3, 64, 64), "im_info": uniform(64, 64, 1, 3)}, dynamic={}, tolerance=3e-5)

    words = mx.sym.Embedding(mx.sym.var("data"), input_dim=30, output_dim=6, name="e")
    cells = mx.rnn.SequentialRNNCell()
    cells.add(mx.rnn.LSTMCell(7, prefix="l0_"))
    cells.add(mx.rnn.GRUCell(5, prefix="l1_"))
    cells.add(mx.rnn.RNNCell(4, prefix="l2_"))
    outputs, states = cells.unroll(4, words, layout="NTC", merge_outputs=True)
    yield whole("unrolled cells", mx.sym.Group([outputs, *states]), {"data": integers(0, 29, 3, 4)})
