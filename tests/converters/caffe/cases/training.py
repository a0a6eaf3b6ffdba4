"""Networks as they were trained: losses and metrics become their inference form, or go. The reference is that form."""

from .case import Case, data, layer

SHAPES = {"data": (3, 4, 2, 2), "label": (3,)}
SOURCE = layer("MemoryData", [], ["data", "label"], memory_data_param={"batch_size": 3, "channels": 4, "height": 2, "width": 2})
SCORE = layer("InnerProduct", "data", "score", inner_product_param={"num_output": 5})
TEST = {"include": {"phase": "TEST"}}


def losses():
    """SoftmaxWithLoss is Softmax, SigmoidCrossEntropyLoss is Sigmoid."""
    deploy = data(data=SHAPES["data"])
    softmax, sigmoid = layer("Softmax", "score", "loss"), layer("Sigmoid", "score", "loss")
    for name, form in {
        "plain": {},
        "weighted": {"loss_weight": 0.3},
        "ignore_label": {"loss_param": {"ignore_label": 255, "normalize": True}},
    }.items():
        yield Case(
            f"SoftmaxWithLoss,{name}",
            SOURCE + SCORE + layer("SoftmaxWithLoss", ["score", "label"], "loss", **form),
            reference=deploy + SCORE + softmax,
        )
    yield Case(
        "SigmoidCrossEntropyLoss",
        SOURCE + SCORE + layer("SigmoidCrossEntropyLoss", ["score", "label"], "loss"),
        reference=deploy + SCORE + sigmoid,
    )
    axis = {"softmax_param": {"axis": 2}}
    convolution = layer("Convolution", "data", "score", convolution_param={"num_output": 3, "kernel_size": 1})
    yield Case(
        "SoftmaxWithLoss,axis",
        SOURCE + convolution + layer("SoftmaxWithLoss", ["score", "label"], "loss", **axis),
        reference=deploy + convolution + layer("Softmax", "score", "loss", **axis),
    )
    yield Case(
        "SoftmaxWithLoss,probability-as-second-top",
        SOURCE + SCORE + layer("SoftmaxWithLoss", ["score", "label"], ["loss", "probability"]),
        reference=deploy + SCORE + layer("Softmax", "score", "probability"),
    )
    for loss in ("EuclideanLoss", "HingeLoss", "MultinomialLogisticLoss", "InfogainLoss"):
        yield Case(f"{loss},dropped", SOURCE + SCORE + layer(loss, ["score", "label"], "loss"), reference=deploy + SCORE)
    pair = data(data=(2, 3), other=(2, 3))
    legs = "".join(
        layer("InnerProduct", b, t, param=[{"name": "w"}, {"name": "b"}], inner_product_param={"num_output": 2})
        for b, t in (("data", "left"), ("other", "right"))
    )
    yield Case(
        "ContrastiveLoss,dropped",
        pair + data(label=(2,)) + legs + layer("ContrastiveLoss", ["left", "right", "label"], "loss"),
        reference=pair + legs,
    )


def metrics():
    """Accuracy and HDF5Output leave no trace; what they read is an output again."""
    deploy = data(data=SHAPES["data"])
    softmax = layer("Softmax", "score", "loss")
    accuracy = layer("Accuracy", ["score", "label"], "accuracy", **TEST)
    yield Case("Accuracy,dropped", SOURCE + SCORE + accuracy, reference=deploy + SCORE)
    yield Case(
        "Accuracy,top_k",
        SOURCE + SCORE + layer("Accuracy", ["score", "label"], "top5", accuracy_param={"top_k": 5}),
        reference=deploy + SCORE,
    )
    yield Case(
        "Accuracy,with-loss",
        SOURCE + SCORE + accuracy + layer("SoftmaxWithLoss", ["score", "label"], "loss"),
        reference=deploy + SCORE + softmax,
    )
    yield Case(
        "Accuracy,per-class",
        SOURCE + SCORE + layer("Accuracy", ["score", "label"], ["accuracy", "each"]),
        reference=deploy + SCORE,
    )
    yield Case(
        "HDF5Output,dropped",
        SOURCE + SCORE + layer("HDF5Output", ["score", "label"], [], hdf5_output_param={"file_name": "out.h5"}),
        reference=deploy + SCORE,
    )
    yield Case("Silence,label", SOURCE + SCORE + layer("Silence", "label", []), reference=deploy + SCORE)


def networks():
    """A whole training network: fillers, multipliers, dropout, phases, two heads."""
    fillers = {"weight_filler": {"type": "xavier"}, "bias_filler": {"type": "constant"}}
    rates = {"param": [{"lr_mult": 1, "decay_mult": 1}, {"lr_mult": 2, "decay_mult": 0}]}
    body = (
        layer("Convolution", "data", "conv", **rates, convolution_param={"num_output": 4, "kernel_size": 2, **fillers})
        + layer("ReLU", "conv", "conv", name="relu")
        + layer("Dropout", "conv", "conv", name="drop", dropout_param={"dropout_ratio": 0.4})
        + layer("InnerProduct", "conv", "score", **rates, inner_product_param={"num_output": 3, **fillers})
    )
    phases = "".join(
        layer(
            "Data",
            [],
            ["data", "label"],
            name=p,
            include={"phase": p},
            data_param={"source": p.lower(), "batch_size": 3},
            transform_param={"scale": 0.5},
        )
        for p in ("TRAIN", "TEST")
    )
    loss = layer("Accuracy", ["score", "label"], "accuracy", **TEST) + layer("SoftmaxWithLoss", ["score", "label"], "loss")
    deploy = data(data=SHAPES["data"])
    yield Case(
        "train_val",
        'name: "train_val"\n' + phases + body + loss,
        reference=deploy + body + layer("Softmax", "score", "loss"),
        shapes={"data": SHAPES["data"]},
    )
    aux = layer("InnerProduct", "data", "side", inner_product_param={"num_output": 3})
    two = (
        layer("SoftmaxWithLoss", ["score", "label"], "loss")
        + aux
        + layer("SoftmaxWithLoss", ["side", "label"], "loss_side", loss_weight=0.3)
    )
    inference = layer("Softmax", "score", "loss") + aux + layer("Softmax", "side", "loss_side")
    yield Case("train_val,two-losses", SOURCE + body + two, reference=deploy + body + inference)


CASES = [*losses(), *metrics(), *networks()]
