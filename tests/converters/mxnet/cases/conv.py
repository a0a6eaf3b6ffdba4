"""Convolutions and transposed convolutions."""

from itertools import product

from .case import Case, normal

SIZES = {1: (9,), 2: (7, 8), 3: (4, 5, 6)}


def sweep(mx):
    """Kernels, strides, dilations, padding and groups over 1 to 3 axes; target shapes."""
    x = mx.sym.Variable("data")
    for axes, stride, dilate, pad, group, bias in product((1, 2, 3), (1, 2), (1, 2), (0, 1), (1, 2), (True, False)):
        kernel = (3, 2, 2)[:axes]
        shape = (2, 4, *SIZES[axes])
        settings = {"stride": (stride,) * axes, "dilate": (dilate,) * axes, "pad": (pad, pad + 1, pad)[:axes], "num_group": group}
        label = ",".join(f"{k}={v}" for k, v in settings.items())
        yield Case(
            f"Convolution,{axes}-D,{label},bias={bias}",
            mx.sym.Convolution(x, num_filter=6, kernel=kernel, no_bias=not bias, name="c", **settings),
            {"data": normal(*shape)},
            {"c_weight": normal(6, 4 // group, *kernel), **({"c_bias": normal(6)} if bias else {})},
            dynamic={"data": ("batch", 4, *("height", "width", "depth")[:axes])},
        )
        if axes == 3 and dilate == 2:
            continue  # MXNet computes it, but in minutes
        adjust = (stride - 1, 0, 0)[:axes]
        yield Case(
            f"Deconvolution,{axes}-D,{label},bias={bias}",
            mx.sym.Deconvolution(x, num_filter=6, kernel=kernel, no_bias=not bias, adj=adjust, name="c", **settings),
            {"data": normal(*shape)},
            {"c_weight": normal(4, 6 // group, *kernel), **({"c_bias": normal(6)} if bias else {})},
            dynamic={"data": ("batch", 4, *("height", "width", "depth")[:axes])},
        )
    yield Case(
        "Convolution,defaults",
        mx.sym.Convolution(x, num_filter=3, kernel=(1, 1), name="c"),
        {"data": normal(1, 2, 3, 3)},
        {"c_weight": normal(3, 2, 1, 1), "c_bias": normal(3)},
    )
    for target in ((15, 16), (14, 17), (13, 15), (16, 15)):
        yield Case(
            f"Deconvolution,target_shape={target}",
            mx.sym.Deconvolution(x, num_filter=2, kernel=(4, 4), stride=(2, 2), target_shape=target, name="c"),
            {"data": normal(2, 3, 7, 7)},
            {"c_weight": normal(3, 2, 4, 4)},
            dynamic={"data": ("batch", 3, 7, 7)},
        )
