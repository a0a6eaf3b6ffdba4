"""Networks in the two older formats, V0 (``layers { layer { … } }``) and V1 (``layers`` with enum types)."""

from .case import Case, message

INPUT = 'input: "data" input_dim: 2 input_dim: 4 input_dim: 6 input_dim: 5\n'
V1_LAYERS = {
    "ABSVAL": {},
    "BNLL": {},
    "SIGMOID": {},
    "TANH": {},
    "RELU": {"relu_param": {"negative_slope": 0.2}},
    "POWER": {"power_param": {"power": 2, "scale": 0.5, "shift": 1}},
    "EXP": {"exp_param": {"base": 2, "scale": 0.5}},
    "THRESHOLD": {"threshold_param": {"threshold": 0.3}},
    "DROPOUT": {"dropout_param": {"dropout_ratio": 0.7}},
    "CONVOLUTION": {
        "convolution_param": {"num_output": 4, "kernel_size": 3, "pad": 1, "group": 2},
        "blobs_lr": [1, 2],
        "weight_decay": [1, 0],
    },
    "DECONVOLUTION": {"convolution_param": {"num_output": 2, "kernel_size": 2, "stride": 2}},
    "INNER_PRODUCT": {"inner_product_param": {"num_output": 3}, "blobs_lr": [1, 2]},
    "POOLING": {"pooling_param": {"pool": "AVE", "kernel_size": 3, "stride": 2, "pad": 1}},
    "LRN": {"lrn_param": {"local_size": 3, "alpha": 2, "norm_region": "WITHIN_CHANNEL"}},
    "MVN": {"mvn_param": {"across_channels": True}},
    "SOFTMAX": {"softmax_param": {"engine": "CAFFE"}},
    "FLATTEN": {},
    "ARGMAX": {"argmax_param": {"out_max_val": True, "top_k": 2}},
    "IM2COL": {"convolution_param": {"kernel_size": 2}},
}


def v1(layer_type, bottom="data", top="out", name="layer", **fields):
    """A V1 layer."""
    head = message({"bottom": bottom, "top": top}) + f'  name: "{name}"\n  type: {layer_type}\n'
    return f"layers {{\n{head}{message(fields)}}}\n"


def v0(layer_type, bottom="data", top="out", **fields):
    """A V0 layer: the connection outside, everything else in one flat message."""
    inner = f'    name: "layer-{top if isinstance(top, str) else top[0]}"\n    type: "{layer_type}"\n{message(fields, "    ")}'
    return f"layers {{\n  layer {{\n{inner}  }}\n{message({'bottom': bottom, 'top': top})}}}\n"


def second():
    """Every V1 type with an inference form."""
    for layer_type, fields in V1_LAYERS.items():
        yield Case(f"V1,{layer_type}", INPUT + v1(layer_type, **fields))
    two = 'input: "data" input: "b" input_dim: 2 input_dim: 4 input_dim: 3 input_dim: 2 input_dim: 2 input_dim: 4 input_dim: 3 input_dim: 2\n'
    for name, fields in {
        "CONCAT": {"concat_param": {"concat_dim": 2}},
        "ELTWISE": {"eltwise_param": {"operation": "SUM", "coeff": [1, -2]}},
    }.items():
        yield Case(f"V1,{name}", two + v1(name, ["data", "b"], **fields))
    yield Case("V1,SLICE", INPUT + v1("SLICE", "data", ["a", "b"], slice_param={"slice_dim": 1, "slice_point": 1}))
    yield Case("V1,SPLIT", INPUT + v1("SPLIT", "data", ["a", "b"]))
    yield Case("V1,SILENCE", INPUT + v1("SLICE", "data", ["a", "b"]) + v1("SILENCE", "b", [], "quiet"))
    yield Case(
        "V1,in-place",
        INPUT
        + v1("CONVOLUTION", top="a", name="conv", convolution_param={"num_output": 2, "kernel_size": 3})
        + v1("RELU", "a", "a", "relu"),
    )
    yield Case(
        "V1,param-name",
        INPUT
        + "".join(v1("INNER_PRODUCT", top=t, name=t, param=["w", "b"], inner_product_param={"num_output": 3}) for t in "ab"),
    )
    yield Case(
        "V1,share-permissive",
        INPUT
        + v1("INNER_PRODUCT", top="a", name="a", param=["w", "b"], inner_product_param={"num_output": 3})
        + v1(
            "INNER_PRODUCT",
            top="b",
            name="b",
            param=["w", "b"],
            blob_share_mode=["STRICT", "PERMISSIVE"],
            inner_product_param={"num_output": 3},
        ),
    )
    yield Case(
        "V1,rules",
        INPUT
        + v1("RELU", top="x", name="always")
        + v1("POWER", "x", "x", "maybe", include={"phase": "TRAIN"}, power_param={"shift": 4}),
    )
    dummy = v1("DUMMY_DATA", [], "data", "source", dummy_data_param={"num": 2, "channels": 4, "height": 6, "width": 5})
    score = v1("INNER_PRODUCT", top="score", name="score", inner_product_param={"num_output": 3})
    deploy = INPUT + score + v1("SOFTMAX", "score", "loss", "loss")
    labels = v1("DUMMY_DATA", [], "label", "labels", dummy_data_param={"num": 2, "channels": 1, "height": 1, "width": 1})
    yield Case(
        "V1,SOFTMAX_LOSS", dummy + labels + score + v1("SOFTMAX_LOSS", ["score", "label"], "loss", "loss"), reference=deploy
    )
    yield Case(
        "V1,ACCURACY",
        dummy + labels + score + v1("ACCURACY", ["score", "label"], "accuracy", "accuracy"),
        reference=INPUT + score,
    )


def first():
    """Every V0 type with an inference form; padding layers merge with the convolution after them."""
    for layer_type, fields in {
        "relu": {},
        "sigmoid": {},
        "tanh": {},
        "bnll": {},
        "flatten": {},
        "softmax": {},
        "dropout": {"dropout_ratio": 0.3},
        "conv": {
            "num_output": 4,
            "kernelsize": 3,
            "stride": 2,
            "pad": 1,
            "group": 2,
            "blobs_lr": [1, 2],
            "weight_decay": [1, 0],
        },
        "pool": {"pool": "MAX", "kernelsize": 3, "stride": 2},
        "innerproduct": {"num_output": 3, "biasterm": False},
        "lrn": {"local_size": 3, "alpha": 0.5, "beta": 0.6},
    }.items():
        yield Case(f"V0,{layer_type}", INPUT + v0(layer_type, **fields))
    yield Case("V0,pool-AVE", INPUT + v0("pool", pool="AVE", kernelsize=2, stride=2))
    yield Case(
        "V0,innerproduct-fillers",
        INPUT
        + v0("innerproduct", num_output=3, weight_filler={"type": "gaussian", "std": 0.1}, bias_filler={"type": "constant"}),
    )
    yield Case("V0,conv-no-bias", INPUT + v0("conv", num_output=2, kernelsize=1, biasterm=False))
    yield Case(
        "V0,padding", INPUT + v0("padding", top="padded", pad=2) + v0("conv", "padded", "out", num_output=3, kernelsize=3)
    )
    yield Case(
        "V0,padding-before-pool",
        INPUT + v0("padding", top="padded", pad=1) + v0("pool", "padded", "out", pool="MAX", kernelsize=3, stride=2),
    )
    two = 'input: "data" input: "b" input_dim: 2 input_dim: 4 input_dim: 3 input_dim: 2 input_dim: 2 input_dim: 4 input_dim: 3 input_dim: 2\n'
    yield Case("V0,concat", two + v0("concat", ["data", "b"], concat_dim=1))
    yield Case("V0,concat-dim-0", two + v0("concat", ["data", "b"], concat_dim=0))
    yield Case("V0,split", INPUT + v0("split", "data", ["a", "b"]))
    yield Case(
        "V0,network",
        'name: "lenet"\n' + INPUT
        + v0("conv", top="conv1", num_output=4, kernelsize=3, weight_filler={"type": "xavier"}, bias_filler={"type": "constant", "value": 0.1})
        + v0("relu", "conv1", "conv1r")
        + v0("pool", "conv1r", "pool1", pool="MAX", kernelsize=2, stride=2)
        + v0("innerproduct", "pool1", "ip", num_output=4)
        + v0("softmax", "ip", "out"),
    )  # fmt: skip


CASES = [*second(), *first()]
