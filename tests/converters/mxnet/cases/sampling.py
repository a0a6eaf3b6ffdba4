"""Sampling grids, spatial transformers, deformable convolutions, correlation."""

from itertools import product

from .case import Case, given, normal, uniform, variable


def sweep(mx):
    """Grids inside and outside, affine and warped; strides, dilations, groups and borders of deformable convolutions."""
    yield from grids(mx)
    yield from deformable(mx)
    yield from correlation(mx)


def grids(mx):
    for dtype in ("float32", "float64", "float16"):
        x, grid = variable(mx, "data", dtype), variable(mx, "grid", dtype)
        for size, target in (((5, 6), (4, 7)), ((1, 4), (3, 3)), ((7, 1), (1, 5)), ((3, 3), (3, 3))):
            yield Case(
                f"BilinearSampler,{dtype},{size},{target}",
                mx.sym.BilinearSampler(x, grid, name="s"),
                {"data": normal(2, 3, *size, dtype=dtype), "grid": uniform(-1.3, 1.3, 2, 2, *target, dtype=dtype)},
                dynamic={"data": ("batch", 3, "height", "width"), "grid": ("batch", 2, "h", "w")},
                tolerance=2e-2 if dtype == "float16" else 1e-5,  # MXNet rounds places to halves
            )
    x, grid = variable(mx, "data"), variable(mx, "grid")
    corners = given([-1, 1, -1.0, 1.0, 0, 0, -1, 1, -1.5, 1.5, 2, -2, -1, -1, 1, 1, 0.5, -0.25], (1, 2, 3, 3))
    yield Case("BilinearSampler,corners", mx.sym.BilinearSampler(x, grid, cudnn_off=True), {"data": normal(1, 2, 4, 5), "grid": corners})
    flow = mx.sym.Variable("flow")
    for shape in ((2, 2, 4, 5), (1, 2, 2, 2), (1, 2, 1, 3), (3, 2, 6, 1)):
        yield Case(
            f"GridGenerator,warp,{shape}",
            mx.sym.GridGenerator(flow, transform_type="warp", name="grid"),
            {"flow": normal(*shape)},
            dynamic={"flow": ("batch", 2, "height", "width")},
        )
    theta = mx.sym.Variable("theta")
    for target in ((4, 5), (2, 2), (1, 3), (3, 1), (7, 3)):
        yield Case(
            f"GridGenerator,affine,{target}",
            mx.sym.GridGenerator(theta, transform_type="affine", target_shape=target, name="grid"),
            {"theta": normal(2, 6)},
            dynamic={"theta": ("batch", 6)},
        )
        for dtype in ("float32", "float64"):
            yield Case(
                f"SpatialTransformer,{dtype},{target}",
                mx.sym.SpatialTransformer(
                    variable(mx, "data", dtype),
                    variable(mx, "theta", dtype),
                    transform_type="affine",
                    sampler_type="bilinear",
                    target_shape=target,
                    name="st",
                ),
                {"data": normal(3, 2, 6, 5, dtype=dtype), "theta": normal(3, 6, scale=0.7, dtype=dtype)},
                dynamic={"data": ("batch", 2, "height", "width"), "theta": ("batch", 6)},
            )
    for kind, shape in (("affine", (2, 6)), ("affine", (2, 5)), ("affine", (2, 2, 3)), ("warp", (2, 3, 4, 4))):
        target = (3, 3) if shape != (2, 6) else (0, 0)
        yield Case(
            f"GridGenerator,{kind},{shape},{target}",
            mx.sym.GridGenerator(theta, transform_type=kind, target_shape=target),
            {"theta": normal(*shape)},
        )
    located = mx.sym.FullyConnected(x, num_hidden=6, name="fc")
    yield Case(
        "network,spatial transformer",
        mx.sym.BilinearSampler(x, mx.sym.GridGenerator(located, transform_type="affine", target_shape=(5, 4), name="grid"), name="s"),
        {"data": normal(2, 3, 6, 6)},
        {"fc_weight": normal(6, 108, scale=0.05), "fc_bias": given([1.0, 0, 0, 0, 1, 0])},
        dynamic={"data": ("batch", 3, 6, 6)},
    )


def deformable(mx):
    x, offset, mask = (mx.sym.Variable(name) for name in ("data", "offset", "mask"))
    settings = product(((3, 3), (1, 1), (2, 3)), ((1, 1), (2, 1)), ((1, 1), (1, 2)), ((0, 0), (1, 2)), (1, 2), (1, 2), (True, False))
    for number, (kernel, stride, dilate, pad, group, moved, bias) in enumerate(settings):
        if number % 3 and (stride, dilate, pad) != ((2, 1), (1, 2), (1, 2)):
            continue
        size = tuple((s + 2 * p - d * (k - 1) - 1) // t + 1 for s, p, d, k, t in zip((6, 7), pad, dilate, kernel, stride, strict=True))
        taps = moved * kernel[0] * kernel[1]
        label = f"{kernel},stride={stride},dilate={dilate},pad={pad},group={group},moved={moved},bias={bias}"
        common = {
            "kernel": kernel, "stride": stride, "dilate": dilate, "pad": pad, "num_group": group, "num_deformable_group": moved,
            "num_filter": 4, "no_bias": not bias, "name": "c",
        }  # fmt: skip
        params = {"c_weight": normal(4, 4 // group, *kernel), **({"c_bias": normal(4)} if bias else {})}
        inputs = {"data": normal(2, 4, 6, 7), "offset": normal(2, 2 * taps, *size, scale=2.0)}
        dynamic = {"data": ("batch", 4, "height", "width"), "offset": ("batch", 2 * taps, "h", "w")}
        yield Case(
            f"DeformableConvolution,{label}", mx.sym.contrib.DeformableConvolution(x, offset, **common), inputs, params, dynamic
        )
        yield Case(
            f"ModulatedDeformableConvolution,{label}",
            mx.sym.contrib.ModulatedDeformableConvolution(x, offset, mask, im2col_step=1, **common),
            {**inputs, "mask": uniform(0, 1, 2, taps, *size)},
            params,
            {**dynamic, "mask": ("batch", taps, "h", "w")},
        )
    for value in (-1.0, -0.5, 0.0, 0.5, 1.0, 2.0):
        yield Case(
            f"DeformableConvolution,border,{value}",
            mx.sym.contrib.DeformableConvolution(x, offset, kernel=(1, 1), num_filter=1, name="c", no_bias=True),
            {"data": normal(1, 1, 3, 3), "offset": given([value] * 18, (1, 2, 3, 3))},
            {"c_weight": given([[[[1.0]]]])},
        )
    yield Case(
        "DeformableConvolution,float64",
        mx.sym.contrib.DeformableConvolution(
            variable(mx, "data", "float64"), variable(mx, "offset", "float64"), kernel=(3, 3), num_filter=2, name="c", layout="NCHW"
        ),
        {"data": normal(1, 2, 5, 5, dtype="float64"), "offset": normal(1, 18, 3, 3, dtype="float64")},
        {"c_weight": normal(2, 2, 3, 3, dtype="float64"), "c_bias": normal(2, dtype="float64")},
    )
    yield Case(
        "DeformableConvolution,too few offsets",
        mx.sym.contrib.DeformableConvolution(x, offset, kernel=(3, 3), num_filter=2, name="c", no_bias=True),
        {"data": normal(1, 2, 5, 5), "offset": normal(1, 9, 3, 3)},
        {"c_weight": normal(2, 2, 3, 3)},
    )


def correlation(mx):
    a, b = mx.sym.Variable("a"), mx.sym.Variable("b")
    for kernel, reach, stride1, stride2, pad, multiply in product((1, 3), (1, 3, 4), (1, 2), (1, 2), (0, 3), (True, False)):
        if (kernel, reach, pad) == (3, 4, 0):
            continue
        yield Case(
            f"Correlation,kernel={kernel},reach={reach},strides={stride1},{stride2},pad={pad},multiply={multiply}",
            mx.sym.Correlation(
                a, b, kernel_size=kernel, max_displacement=reach, stride1=stride1, stride2=stride2, pad_size=pad, is_multiply=multiply,
                name="c",
            ),
            {"a": normal(1, 2, 9, 10), "b": normal(1, 2, 9, 10)},
            dynamic={"a": ("batch", 2, "height", "width"), "b": ("batch", 2, "height", "width")},
        )  # fmt: skip
    for dtype in ("float64", "float16"):
        yield Case(
            f"Correlation,{dtype}",
            mx.sym.Correlation(variable(mx, "a", dtype), variable(mx, "b", dtype), kernel_size=3, pad_size=2, stride1=2, name="c"),
            {"a": normal(1, 4, 6, 6, dtype=dtype), "b": normal(1, 4, 6, 6, dtype=dtype)},
            tolerance=1e-2 if dtype == "float16" else 1e-5,  # MXNet sums halves in halves
        )
    yield Case("Correlation,defaults", mx.sym.Correlation(a, b), {"a": normal(1, 2, 5, 5), "b": normal(1, 2, 5, 5)})
    for settings in ({"kernel_size": 2}, {"max_displacement": 3}):
        yield Case(f"Correlation,{settings}", mx.sym.Correlation(a, b, **settings), {"a": normal(1, 2, 5, 5), "b": normal(1, 2, 5, 5)})
