"""Convolutions and transposed convolutions."""

from itertools import product

from .case import Case, normal

SIZES = {1: (7,), 2: (5, 6), 3: (5, 4, 3)}


def sweep(mx):
    """Kernels, strides, dilations, padding and groups over 1 to 3 axes; target shapes; types; what doesn't fit."""
    x = mx.sym.Variable("data")
    for axes, stride, dilate, pad, group, bias in product((1, 2, 3), (1, 2), (1, 2), (0, 1), (1, 2), (True, False)):
        kernel = (3, 2, 2)[:axes]
        settings = {"stride": (stride,) * axes, "dilate": (dilate,) * axes, "pad": (pad, pad + 1, pad)[:axes], "num_group": group}
        label = ",".join(f"{k}={v}" for k, v in settings.items())
        if axes == 3 and bias != (group == 1):
            continue  # half of them
        yield _case(mx, "Convolution", f"{label},bias={bias}", axes, {**settings, "kernel": kernel, "no_bias": not bias})
        if axes == 3 and dilate == 2:
            continue  # MXNet computes it, but in minutes
        adjust = (stride - 1, 0, 0)[:axes]
        made = {**settings, "kernel": kernel, "no_bias": not bias, "adj": adjust}
        yield _case(mx, "Deconvolution", f"{label},bias={bias}", axes, made)
    yield Case(
        "Convolution,defaults",
        mx.sym.Convolution(x, num_filter=3, kernel=(1, 1), name="c"),
        {"data": normal(1, 2, 3, 3)},
        {"c_weight": normal(3, 2, 1, 1), "c_bias": normal(3)},
    )
    for target, dtype in product(((14, 16), (14, 14), (13, 15), (12, 16), (16, 15), (17, 14)), ("float32", "float64")):
        yield Case(
            f"Deconvolution,target_shape={target},{dtype}",
            mx.sym.Deconvolution(
                mx.sym.Variable("data", dtype=dtype), num_filter=2, kernel=(4, 4), stride=(2, 2), target_shape=target, name="c"
            ),
            {"data": normal(2, 3, 7, 7, dtype=dtype)},
            {"c_weight": normal(3, 2, 4, 4, dtype=dtype)},
            dynamic={"data": ("batch", 3, 7, 7)},
        )
    for axes, kind in product((1, 2, 3), ("Convolution", "Deconvolution")):
        yield _case(mx, kind, "float64", axes, {"kernel": (2,) * axes, "stride": (2,) * axes}, dtype="float64")
        yield _case(mx, kind, "layout", axes, {"kernel": (2,) * axes, "layout": ("NCW", "NCHW", "NCDHW")[axes - 1]})
        yield _case(mx, kind, "another layout", axes, {"kernel": (2,) * axes, "layout": ("NCHW", "NCW", "NCHW")[axes - 1]})
        yield _case(mx, kind, "another rank", axes, {"kernel": (2,) * (axes % 3 + 1)})
        yield _case(mx, kind, "one group too many", axes, {"kernel": (2,) * axes, "num_group": 3})
        yield _case(mx, kind, "its weight is an input", axes, {"kernel": (2,) * axes, "no_bias": False}, free=True)
    yield _case(mx, "Convolution", "integers", 2, {"kernel": (2, 2)}, dtype="int32")
    yield _case(mx, "Convolution", "a kernel that is too large", 2, {"kernel": (2, 7)})
    yield _case(mx, "Deconvolution", "adj isn't less than stride", 2, {"kernel": (2, 2), "stride": (2, 2), "adj": (2, 1)})
    yield _case(mx, "Deconvolution", "nothing is left", 2, {"kernel": (1, 2), "pad": (3, 1)})
    for dilate, pad, group in product((1, 2), (0, 1), (1, 2)):
        settings = {"dilate": (dilate, 1), "pad": (pad, 1), "num_group": group, "kernel": (2, 3)}
        yield _case(mx, "Convolution_v1", str(settings), 2, settings)
    yield _case(mx, "Convolution_v1", "volumes", 3, {"kernel": (2, 2, 2)})


def _case(mx, kind, label, axes, settings, dtype="float32", free=False):
    kernel, groups = settings["kernel"], settings.get("num_group", 1)
    data = normal(2, 4, *SIZES[axes], dtype=dtype)
    inner = (2, 4 // groups) if kind != "Deconvolution" else (4, max(2 // groups, 1))
    weights = {"c_weight": normal(*inner, *kernel, dtype=dtype)}
    if not settings.get("no_bias", kind == "Deconvolution"):
        weights["c_bias"] = normal(2, dtype=dtype)
    return Case(
        f"{kind},{axes}-D,{label},{dtype}",
        getattr(mx.sym, kind)(mx.sym.Variable("data", dtype=dtype), num_filter=2, name="c", **settings),
        {"data": data, **(weights if free else {})},
        {} if free else weights,
        dynamic={"data": ("batch", 4, *("height", "width", "depth")[:axes])},
    )
