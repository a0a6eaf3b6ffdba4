"""Convolution, Deconvolution and Im2col over kernels, pads, strides, dilations, groups, axes and fillers."""

from itertools import product

from .case import Case, data, given, label, layer, normal, one


def convolutions():
    """2-D, by each spelling of the geometry."""
    for kernel, stride, pad, dilation in product((1, 2, 3), (1, 2, 3), (0, 1, 2), (1, 2)):
        if kernel == 1 and dilation > 1:
            continue
        for layer_type, group in (
            (("Convolution", 1), ("Deconvolution", 2))
            if (kernel + stride + pad) % 2
            else (("Convolution", 2), ("Deconvolution", 1))
        ):
            if layer_type == "Deconvolution" and stride * 4 + dilation * (kernel - 1) + 1 - 2 * pad < 1:
                continue
            attributes = {"kernel_size": kernel, "stride": stride, "pad": pad, "dilation": dilation, "group": group}
            yield one(
                f"{layer_type},{label(**attributes)}",
                layer_type,
                (2, 4, 7, 6),
                convolution_param={"num_output": 4, **attributes},
            )


def spellings():
    """kernel_h/kernel_w, one value or two, defaults."""
    forms = {
        "two-values": {"kernel_size": [3, 2], "stride": [2, 1], "pad": [0, 1]},
        "two-dilations": {"kernel_size": [2, 3], "dilation": [3, 1], "pad": [1, 0]},
        "h-w": {"kernel_h": 1, "kernel_w": 3, "stride_h": 2, "stride_w": 1, "pad_h": 0, "pad_w": 1},
        "h-w-tall": {"kernel_h": 4, "kernel_w": 1, "pad_h": 2, "pad_w": 0},
        "h-w-one-pad": {"kernel_h": 3, "kernel_w": 2, "pad": 1},
        "size-with-stride-h-w": {"kernel_size": 2, "stride_h": 1, "stride_w": 3},
        "stride-h-only-zero-pad": {"kernel_size": 2, "stride_h": 2, "stride_w": 1, "pad_h": 1, "pad_w": 0},
        "defaults": {"kernel_size": 3},
        "whole-image": {"kernel_h": 7, "kernel_w": 5},
        "huge-pad": {"kernel_size": 3, "pad": 5},
        "engine": {"kernel_size": 3, "engine": "CAFFE"},
        "engine-default": {"kernel_size": 3, "engine": "DEFAULT"},
        "no-bias": {"kernel_size": 3, "bias_term": False},
        "bias-explicit": {"kernel_size": 3, "bias_term": True},
        "nd-im2col": {"kernel_size": [3, 2], "stride": [1, 2], "pad": [1, 0], "force_nd_im2col": True},
        "nd-im2col-dilated": {"kernel_size": 2, "dilation": [2, 3], "force_nd_im2col": True, "group": 3},
        "axis-explicit": {"kernel_size": 2, "axis": 1},
        "axis-negative": {"kernel_size": 2, "axis": -3},
        "depthwise": {"kernel_size": 3, "group": 6, "pad": 1},
        "depthwise-no-bias": {"kernel_size": 3, "group": 6, "stride": 2, "bias_term": False},
        "group-3": {"kernel_size": 2, "group": 3},
    }
    for layer_type in ("Convolution", "Deconvolution"):
        for name, form in forms.items():
            if name == "huge-pad" and layer_type == "Deconvolution":
                continue  # nothing would be left
            yield one(f"{layer_type},{name}", layer_type, (2, 6, 7, 5), convolution_param={"num_output": 6, **form})
        for size in (1, 5):
            yield one(
                f"{layer_type},num_output={size}",
                layer_type,
                (1, 3, 4, 4),
                convolution_param={"num_output": size, "kernel_size": 2},
            )
        yield one(
            f"{layer_type},depthwise-multiplier",
            layer_type,
            (2, 3, 5, 5),
            convolution_param={"num_output": 6, "group": 3, "kernel_size": 2},
        )
        yield one(
            f"{layer_type},batch=0-channels=1", layer_type, (3, 1, 1, 1), convolution_param={"num_output": 2, "kernel_size": 1}
        )


def dimensions():
    """One, three and four spatial axes, and axes before the channels."""
    for layer_type in ("Convolution", "Deconvolution"):
        for name, shape, form in (
            ("1-D", (2, 4, 9), {"kernel_size": 3, "stride": 2, "pad": 1}),
            ("1-D-dilated", (2, 4, 9), {"kernel_size": 2, "dilation": 3, "group": 2}),
            ("1-D-no-bias", (1, 2, 6), {"kernel_size": 2, "bias_term": False}),
            ("3-D", (1, 2, 4, 5, 3), {"kernel_size": [2, 3, 1], "stride": [1, 2, 1], "pad": [1, 0, 0]}),
            ("3-D-one-value", (2, 2, 4, 3, 4), {"kernel_size": 2}),
            ("3-D-group", (1, 4, 3, 3, 3), {"kernel_size": 2, "group": 2, "dilation": [1, 2, 1]}),
            ("axis-2", (2, 3, 4, 5, 5), {"kernel_size": 2, "axis": 2}),
            ("axis-2-1-D", (2, 3, 4, 6), {"kernel_size": 3, "axis": 2, "group": 2}),
            ("axis-0", (3, 5, 4), {"kernel_size": 2, "axis": 0}),
            ("no-spatial-axes", (3, 4), {"axis": 1}),
        ):
            yield one(f"{layer_type},{name}", layer_type, shape, convolution_param={"num_output": 4, **form})


def several():
    """Several bottoms under one set of weights, weights shared by name, and fillers in the place of blobs."""
    yield Case(
        "Convolution,two-bottoms",
        data(a=(1, 3, 5, 5), b=(1, 3, 5, 5))
        + layer("Convolution", ["a", "b"], ["x", "y"], name="layer", convolution_param={"num_output": 2, "kernel_size": 3}),
    )
    yield Case(
        "Deconvolution,two-bottoms",
        data(a=(1, 3, 4, 4), b=(1, 3, 4, 4))
        + layer("Deconvolution", ["a", "b"], ["x", "y"], name="layer", convolution_param={"num_output": 2, "kernel_size": 3}),
    )
    shared = {"param": [{"name": "w"}, {"name": "b"}], "convolution_param": {"num_output": 3, "kernel_size": 3, "pad": 1}}
    yield Case(
        "Convolution,shared-weights",
        data(data=(1, 3, 4, 4)) + layer("Convolution", "data", "a", **shared) + layer("Convolution", "a", "b", **shared),
    )
    yield Case(
        "Convolution,shared-weights-own-bias",
        data(data=(1, 3, 4, 4))
        + layer(
            "Convolution", "data", "a", param={"name": "w"}, convolution_param={"num_output": 3, "kernel_size": 3, "pad": 1}
        )
        + layer("Convolution", "a", "b", param={"name": "w"}, convolution_param={"num_output": 3, "kernel_size": 3, "pad": 1}),
    )
    yield Case(
        "Convolution,shared-weights-permissive",
        data(data=(1, 4, 3, 3))
        + layer(
            "Convolution",
            "data",
            "a",
            param={"name": "w"},
            convolution_param={"num_output": 2, "kernel_size": 1, "bias_term": False},
        )
        + layer(
            "Convolution",
            "data",
            "b",
            param={"name": "w", "share_mode": "PERMISSIVE"},
            convolution_param={"num_output": 4, "group": 2, "kernel_size": 1, "bias_term": False},
        ),
    )
    for kernel, stride, group in ((4, 2, 3), (3, 2, 3), (8, 4, 3), (2, 2, 1), (5, 3, 1)):
        text = data(data=(1, 3, 3, 4)) + layer(
            "Deconvolution", "data", "up",
            convolution_param={"num_output": 3, "kernel_size": kernel, "stride": stride, "pad": kernel // 4, "group": group, "bias_term": False, "weight_filler": {"type": "bilinear"}},
        )  # fmt: skip
        yield Case(f"Deconvolution,{label(bilinear=kernel, stride=stride, group=group)}", text, unstored=["up"])
    yield Case(
        "Convolution,constant-fillers",
        data(data=(1, 2, 4, 4))
        + layer(
            "Convolution",
            "data",
            "out",
            convolution_param={
                "num_output": 2,
                "kernel_size": 2,
                "weight_filler": {"type": "constant", "value": 0.25},
                "bias_filler": {"value": -0.5},
            },
        ),
        unstored=["out"],
    )
    yield Case(
        "Convolution,bilinear-filler",
        data(data=(1, 2, 5, 5))
        + layer(
            "Convolution",
            "data",
            "out",
            convolution_param={"num_output": 2, "kernel_size": 4, "weight_filler": {"type": "bilinear"}},
        ),
        unstored=["out"],
    )
    for kind in ("Convolution", "Deconvolution"):
        yield one(
            f"{kind},5-axes-from-2", kind, (2, 3, 2, 5, 4), convolution_param={"num_output": 3, "kernel_size": 2, "axis": 2}
        )
    yield Case(
        "Convolution,then-in-place-relu-and-branch",
        data(data=(2, 3, 5, 5))
        + layer("Convolution", "data", "a", convolution_param={"num_output": 3, "kernel_size": 3})
        + layer("ReLU", "a", "a", name="relu")
        + layer("Convolution", "a", "b", convolution_param={"num_output": 2, "kernel_size": 1})
        + layer("Convolution", "a", "c", convolution_param={"num_output": 2, "kernel_size": 2}),
    )
    yield one(
        "Convolution,large-values",
        "Convolution",
        (1, 3, 5, 5),
        values=normal(100, 300),
        convolution_param={"num_output": 2, "kernel_size": 3},
    )
    yield one(
        "Convolution,zeros", "Convolution", (1, 3, 5, 5), values=given(0), convolution_param={"num_output": 2, "kernel_size": 3}
    )


def im2col():
    """Im2col: columns of patches, channel-major."""
    for kernel, stride, pad, dilation in product((1, 2, 3), (1, 2), (0, 1), (1, 2)):
        attributes = {"kernel_size": kernel, "stride": stride, "pad": pad, "dilation": dilation}
        yield one(f"Im2col,{label(**attributes)}", "Im2col", (2, 2, 5, 6), convolution_param=attributes)
    for name, shape, form in (
        ("h-w", (1, 2, 5, 4), {"kernel_h": 2, "kernel_w": 3, "stride_h": 1, "stride_w": 2, "pad_h": 0, "pad_w": 1}),
        ("1-D", (2, 3, 7), {"kernel_size": 3, "stride": 2}),
        ("3-D", (1, 2, 3, 4, 3), {"kernel_size": [2, 1, 2], "pad": [0, 0, 1]}),
        ("axis-2", (2, 2, 2, 4, 4), {"kernel_size": 2, "axis": 2}),
        ("axis-negative", (2, 2, 4, 4), {"kernel_size": 2, "axis": -3}),
        ("nd-im2col", (1, 2, 4, 4), {"kernel_size": [2, 3], "force_nd_im2col": True}),
        ("two-values", (1, 3, 5, 5), {"kernel_size": [3, 1], "dilation": [2, 1]}),
    ):
        yield one(f"Im2col,{name}", "Im2col", shape, convolution_param=form)


def refusals():
    """What Caffe stops at."""
    for name, form in (
        ("no-kernel", {}),
        ("kernel=0", {"kernel_size": 0}),
        ("stride=0", {"kernel_size": 2, "stride": 0}),
        ("group-not-a-divisor", {"kernel_size": 2, "group": 2}),
        ("output-not-divided-by-group", {"kernel_size": 2, "group": 3}),
        ("size-and-h-w", {"kernel_size": 2, "kernel_h": 2, "kernel_w": 2}),
        ("three-kernel-values", {"kernel_size": [2, 2, 2]}),
        ("axis=4", {"kernel_size": 2, "axis": 4}),
        ("num_output=0", {"num_output": 0, "kernel_size": 2}),
        ("h-w-on-3-D", {"kernel_h": 2, "kernel_w": 2}),
    ):
        shape = (1, 3, 4, 5, 5) if name.endswith("3-D") else (1, 3, 5, 5)
        yield one(
            f"Convolution,refused,{name}", "Convolution", shape, refused=True, convolution_param={"num_output": 4, **form}
        )


CASES = [*convolutions(), *spellings(), *dimensions(), *several(), *im2col(), *refusals()]
