"""Small networks of the classic shapes: what operators do to each other."""

from .case import Case, data, given, layer, uniform


def conv(bottom, top, outputs, kernel=3, **form):
    """A convolution and its ReLU in place."""
    return layer("Convolution", bottom, top, convolution_param={"num_output": outputs, "kernel_size": kernel, **form}) + layer(
        "ReLU", top, top, name=f"{top}/relu"
    )


def normalized(bottom, top, outputs, kernel=3, relu=True, **form):
    """A convolution without bias, BatchNorm and Scale in place, and perhaps ReLU."""
    text = layer(
        "Convolution", bottom, top, convolution_param={"num_output": outputs, "kernel_size": kernel, "bias_term": False, **form}
    )
    text += layer("BatchNorm", top, top, name=f"{top}/bn") + layer(
        "Scale", top, top, name=f"{top}/scale", scale_param={"bias_term": True}
    )
    return text + (layer("ReLU", top, top, name=f"{top}/relu") if relu else "")


def pool(bottom, top, kind="MAX", kernel=3, stride=2, **form):
    """A pooling layer."""
    return layer("Pooling", bottom, top, pooling_param={"pool": kind, "kernel_size": kernel, "stride": stride, **form})


def dense(bottom, top, outputs):
    """A fully connected layer."""
    return layer("InnerProduct", bottom, top, inner_product_param={"num_output": outputs})


def bodies():
    """Each network's text, by name."""
    image = data(data=(2, 3, 16, 14))
    yield (
        "lenet",
        data(data=(2, 1, 12, 12))
        + conv("data", "conv1", 4, 3)
        + pool("conv1", "pool1", kernel=2)
        + conv("pool1", "conv2", 6, 3)
        + dense("conv2", "ip1", 10)
        + layer("ReLU", "ip1", "ip1", name="relu")
        + dense("ip1", "ip2", 5)
        + layer("Softmax", "ip2", "prob"),
    )
    lrn = layer("LRN", "pool1", "norm1", lrn_param={"local_size": 5, "alpha": 0.5, "beta": 0.75})
    drop = layer("Dropout", "fc6", "fc6", name="drop")
    yield (
        "alexnet",
        image
        + conv("data", "conv1", 6, 5, stride=2)
        + pool("conv1", "pool1")
        + lrn
        + conv("norm1", "conv2", 6, 3, pad=1, group=2)
        + dense("conv2", "fc6", 8)
        + drop
        + dense("fc6", "fc7", 4)
        + layer("Softmax", "fc7", "prob"),
    )
    branches = (
        conv("data", "a", 2, 1)
        + conv("data", "b0", 2, 1)
        + conv("b0", "b", 3, 3, pad=1)
        + pool("data", "c0", stride=1, pad=1)
        + conv("c0", "c", 2, 1)
    )
    yield "inception", image + branches + layer("Concat", ["a", "b", "c"], "out") + pool("out", "pool", "AVE", 7, 1)
    shortcut = normalized("data", "short", 8, 1, relu=False, stride=2)
    block = (
        normalized("data", "b1", 4, 1, stride=2)
        + normalized("b1", "b2", 4, 3, pad=1)
        + normalized("b2", "b3", 8, 1, relu=False)
    )
    yield (
        "bottleneck",
        image
        + shortcut
        + block
        + layer("Eltwise", ["short", "b3"], "sum")
        + layer("ReLU", "sum", "sum", name="relu")
        + layer("Pooling", "sum", "pool", pooling_param={"pool": "AVE", "global_pooling": True})
        + dense("pool", "fc", 5),
    )
    yield (
        "fire",
        image
        + conv("data", "squeeze", 2, 1)
        + conv("squeeze", "e1", 3, 1)
        + conv("squeeze", "e3", 3, 3, pad=1)
        + layer("Concat", ["e1", "e3"], "out")
        + pool("out", "pool"),
    )
    yield (
        "mobile",
        image
        + normalized("data", "first", 6, 3, stride=2, pad=1)
        + normalized("first", "dw", 6, 3, pad=1, group=6)
        + normalized("dw", "sep", 8, 1),
    )
    squeeze = (
        layer("Pooling", "x", "global", pooling_param={"pool": "AVE", "global_pooling": True})
        + dense("global", "gate", 4)
        + layer("Sigmoid", "gate", "gate", name="sigmoid")
    )
    yield (
        "squeeze-and-excite",
        image + conv("data", "x", 4, 3, pad=1) + squeeze + layer("Scale", ["x", "gate"], "out", scale_param={"axis": 0}),
    )
    up = layer(
        "Deconvolution", "low", "up", convolution_param={"num_output": 3, "kernel_size": 4, "stride": 2, "bias_term": False}
    )
    yield (
        "fcn",
        image
        + conv("data", "x", 4, 3, pad=4)
        + pool("x", "p", kernel=2)
        + conv("p", "low", 3, 1)
        + up
        + layer("Crop", ["up", "data"], "score", crop_param={"axis": 2, "offset": 3})
        + layer("Softmax", "score", "prob"),
    )
    yield (
        "two-heads",
        image
        + conv("data", "x", 4)
        + conv("x", "a", 2, 1)
        + conv("x", "b", 3, 1)
        + layer("Softmax", "a", "class")
        + layer("Flatten", "b", "box"),
    )
    yield (
        "dense-block",
        image
        + conv("data", "x1", 3, 3, pad=1)
        + layer("Concat", ["data", "x1"], "c1")
        + conv("c1", "x2", 3, 3, pad=1)
        + layer("Concat", ["data", "x1", "x2"], "c2")
        + normalized("c2", "out", 4, 1),
    )


def sequences():
    """A caption-like network: Embed, LSTM, InnerProduct over time."""
    text = data(words=(4, 2), cont=(4, 2), image=(2, 3))
    text += layer("Embed", "words", "embedded", embed_param={"num_output": 5, "input_dim": 7, "bias_term": False})
    text += layer("LSTM", ["embedded", "cont", "image"], "lstm", recurrent_param={"num_output": 4})
    text += layer("InnerProduct", "lstm", "score", inner_product_param={"num_output": 7, "axis": 2}) + layer(
        "Softmax", "score", "probs", softmax_param={"axis": 2}
    )
    yield Case(
        "caption",
        text,
        {"words": given(0, 6, 3, 2, 5, 1, 4, 4), "cont": given(0, 0, 1, 1, 1, 0, 1, 1)},
        {"lstm": [uniform(-0.5, 0.5)] * 6},
    )


CASES = [*(Case(name, text) for name, text in bodies()), *sequences()]
