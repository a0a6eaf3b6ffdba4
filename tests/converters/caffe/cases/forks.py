"""Layers of Caffe's forks whose meaning BVLC's layers can say: the reference says it."""

from .case import Case, data, given, label, layer, normal, uniform

SHAPE = (2, 4, 5, 6)
SOURCE = data(data=SHAPE)


def activations():
    """ReLU6, Mish, HardSwish."""
    for shape in (SHAPE, (3, 4)):
        source = data(data=shape)
        wide = {"data": normal(0, 5)}
        clip = layer("Clip", "data", "out", clip_param={"min": 0, "max": 6})
        yield Case(f"ReLU6,{label(shape=shape)}", source + layer("ReLU6", "data", "out"), wide, reference=source + clip)
        mish = (
            layer("BNLL", "data", "softplus")
            + layer("TanH", "softplus", "tanh")
            + layer("Eltwise", ["data", "tanh"], "out", eltwise_param={"operation": "PROD"})
        )
        yield Case(f"Mish,{label(shape=shape)}", source + layer("Mish", "data", "out"), wide, reference=source + mish)
        sixth = (
            layer("Power", "data", "shifted", power_param={"shift": 3})
            + layer("Clip", "shifted", "gate", clip_param={"min": 0, "max": 6})
            + layer("Power", "gate", "sixth", power_param={"scale": 1 / 6})
            + layer("Eltwise", ["data", "sixth"], "out", eltwise_param={"operation": "PROD"})
        )
        yield Case(
            f"HardSwish,{label(shape=shape)}", source + layer("HardSwish", "data", "out"), wide, reference=source + sixth
        )


def depthwise():
    """Convolutions with a group for each channel."""
    for stride, pad, bias in ((1, 1, True), (2, 1, False), (2, 0, True)):
        form = {"num_output": 4, "kernel_size": 3, "stride": stride, "pad": pad, "bias_term": bias}
        reference = SOURCE + layer("Convolution", "data", "out", convolution_param={**form, "group": 4})
        name = label(stride=stride, pad=pad, bias=bias)
        yield Case(
            f"DepthwiseConvolution,{name}",
            SOURCE + layer("DepthwiseConvolution", "data", "out", convolution_param={**form, "group": 4}),
            reference=reference,
        )
        yield Case(
            f"ConvolutionDepthwise,{name}",
            SOURCE + layer("ConvolutionDepthwise", "data", "out", convolution_param=form),
            reference=reference,
        )


def batch_normalizations():
    """SegNet's BN stores scale and shift; NVCaffe's BatchNorm five blobs, and its scale factor 0 means unscaled."""
    four = (1, 4, 1, 1)
    for shape in (four, (4,)):
        text = SOURCE + layer("BN", "data", "out", bn_param={"bn_mode": "INFERENCE"})
        yield Case(
            f"BN,{label(shape=shape)}",
            text,
            reference=SOURCE + layer("Scale", "data", "out", scale_param={"bias_term": True}),
            blobs={"out": (shape, shape)},
        )
    mean, variance, gamma, beta = (
        given(0.1, -0.4, 0.3, 1),
        given(0.5, 1.5, 2, 1),
        given(1.2, 0.7, -0.5, 2),
        given(0.3, 0, -1, 0.5),
    )
    for factor in (1, 0, 2):
        text = SOURCE + layer(
            "BatchNorm", "data", "out", batch_norm_param={"scale_bias": True, "use_global_stats": True, "eps": 0.0001}
        )
        reference = (
            SOURCE
            + layer("BatchNorm", "data", "bn", batch_norm_param={"eps": 0.0001})
            + layer("Scale", "bn", "out", name="scale", scale_param={"bias_term": True})
        )
        weights = {
            "out": (mean, variance, given(factor), gamma, beta),
            "bn": (mean, variance, given(factor or 1)),
            "scale": (gamma, beta),
        }
        yield Case(
            f"BatchNorm,five-blobs,{label(factor=factor)}",
            text,
            {},
            weights,
            reference=reference,
            blobs={"out": ((4,), (4,), (1,), (4,), (4,))},
        )


def movements():
    """ShuffleChannel, Permute, Upsample."""
    for group in (1, 2, 4):
        channels = [f"c{i}" for i in range(4)]
        order = [channels[g * (4 // group) + k] for k in range(4 // group) for g in range(group)]
        reference = SOURCE + layer("Slice", "data", channels) + layer("Concat", order, "out")
        yield Case(
            f"ShuffleChannel,{label(group=group)}",
            SOURCE + layer("ShuffleChannel", "data", "out", shuffle_channel_param={"group": group}),
            reference=reference,
        )
    for start, end in ((1, 3), (3, 1), (1, 2), (2, 3), (0, 1), (3, 0), (0, 3), (2, 0)):
        order = list(range(4))
        order.insert(end, order.pop(start))
        parts = [f"p{i}" for i in range(SHAPE[start])]
        moved = [SHAPE[axis] if axis != start else 1 for axis in order]
        reference = (
            SOURCE
            + layer("Slice", "data", parts, slice_param={"axis": start})
            + "".join(layer("Reshape", part, f"{part}r", reshape_param={"shape": {"dim": moved}}) for part in parts)
            + layer("Concat", [f"{part}r" for part in parts], "out", concat_param={"axis": end})
        )
        yield Case(
            f"Permute,{label(order=order)}",
            SOURCE + layer("Permute", "data", "out", permute_param={"order": order}),
            reference=reference,
        )
        if start == 1 and end == 3:
            yield Case(
                "Permute,order=0x2x3-rest-kept",
                SOURCE + layer("Permute", "data", "out", permute_param={"order": [0, 2, 3]}),
                reference=reference,
            )
    yield Case(
        "Permute,identity",
        SOURCE + layer("Permute", "data", "out", permute_param={"order": [0, 1, 2, 3]}),
        reference=SOURCE + layer("Power", "data", "out"),
    )
    for scale in (1, 2, 3):
        copies = {
            "num_output": 4,
            "group": 4,
            "kernel_size": scale,
            "stride": scale,
            "bias_term": False,
            "weight_filler": {"type": "constant", "value": 1},
        }
        text = SOURCE + layer("Upsample", "data", "out", upsample_param={"scale": scale})
        yield Case(
            f"Upsample,{label(scale=scale)}",
            text,
            reference=SOURCE + layer("Deconvolution", "data", "out", convolution_param=copies),
            unstored=["out"],
        )


def broadcasts():
    """Axpy, and Normalize over channels or over the whole image."""
    source = data(a=(2, 4, 1, 1), x=SHAPE, y=SHAPE)
    scaled = layer("Flatten", "a", "flat") + layer("Scale", ["x", "flat"], "scaled", scale_param={"axis": 0})
    yield Case(
        "Axpy",
        source + layer("Axpy", ["a", "x", "y"], "out"),
        reference=source + scaled + layer("Eltwise", ["scaled", "y"], "out"),
    )
    count = SHAPE[1] * SHAPE[2] * SHAPE[3]
    ones = {"bias_term": False, "weight_filler": {"type": "constant", "value": 1}}
    sums = {
        False: layer("Convolution", "square", "sum", convolution_param={"num_output": 4, "kernel_size": 1, **ones}),
        True: layer("InnerProduct", "square", "flat", inner_product_param={"num_output": count, **ones})
        + layer("Reshape", "flat", "sum", reshape_param={"shape": {"dim": list(SHAPE)}}),
    }
    for across, shared, eps in (
        (False, False, None),
        (False, True, None),
        (True, False, None),
        (True, True, None),
        (False, False, 0.5),
        (True, False, 2),
    ):
        form = {"across_spatial": across, "channel_shared": shared, **({} if eps is None else {"eps": eps})}
        reference = (
            SOURCE
            + layer("Eltwise", ["data", "data"], "square", eltwise_param={"operation": "PROD"})
            + sums[across]
            + layer("Power", "sum", "inverse", power_param={"power": -0.5, "shift": 1e-10 if eps is None else eps})
            + layer("Eltwise", ["data", "inverse"], "unit", eltwise_param={"operation": "PROD"})
            + layer("Scale", "unit", "out", scale_param={"axis": 0, "num_axes": 0} if shared else {"axis": 1})
        )
        yield Case(
            f"Normalize,{label(**form)}",
            SOURCE + layer("Normalize", "data", "out", norm_param={**form, "scale_filler": {"type": "constant", "value": 20}}),
            params={"out": [uniform(5, 20)]},
            reference=reference,
            blobs={"out": ((1,) if shared else (4,),)},
            unstored=["sum", "flat"],
        )


CASES = [*activations(), *depthwise(), *batch_normalizations(), *movements(), *broadcasts()]
