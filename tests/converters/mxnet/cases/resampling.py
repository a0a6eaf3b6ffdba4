"""Enlarging and resizing images."""

from itertools import product

from .case import Case, normal


def sweep(mx):
    """Scales, several inputs, types; every way to say a size."""
    yield from _upsampling(mx)
    yield from _resize(mx)


def _upsampling(mx):
    for scale, dtype in product((1, 2, 3), ("float32", "float16", "float64", "int32")):
        x = mx.sym.Variable("data", dtype=dtype)
        yield Case(
            f"UpSampling,nearest,{scale},{dtype}",
            mx.sym.UpSampling(x, scale=scale, sample_type="nearest", num_args=1, name="u"),
            {"data": normal(2, 3, 3, 4, dtype=dtype)},
            dynamic={"data": ("batch", 3, "height", "width")},
        )
        if dtype in ("float32", "float64"):
            size = 2 * scale - scale % 2
            yield Case(
                f"UpSampling,bilinear,{scale},{dtype}",
                mx.sym.UpSampling(x, scale=scale, sample_type="bilinear", num_filter=3, num_args=2, name="u"),
                {"data": normal(2, 3, 3, 4, dtype=dtype)},
                {"u_weight": normal(3, 1, size, size, dtype=dtype)},
                dynamic={"data": ("batch", 3, "height", "width")},
            )
    x, y, z = (mx.sym.Variable(name) for name in ("data", "other", "third"))
    for mode, (scale, second, third) in product(("concat", "sum"), ((2, (4, 6), (2, 3)), (4, (4, 6), (8, 12)), (3, (2, 3), (3, 3)))):
        yield Case(
            f"UpSampling,several,{mode},{scale},{second},{third}",
            mx.sym.UpSampling(x, y, z, scale=scale, sample_type="nearest", num_args=3, multi_input_mode=mode, name="u"),
            {"data": normal(2, 2, 2, 3), "other": normal(2, 2, *second), "third": normal(2, 2, *third)},
            dynamic={"data": ("batch", 2, 2, 3), "other": ("batch", 2, *second), "third": ("batch", 2, *third)},
        )
    for shape in ((2, 3, 4), (1, 2, 2, 2, 2)):
        yield Case(
            f"UpSampling,{shape}",
            mx.sym.UpSampling(x, scale=2, sample_type="nearest", num_args=1, name="u"),
            {"data": normal(*shape)},
        )
    free = {"data": normal(2, 3, 3, 4), "other": normal(3, 1, 4, 4)}
    bilinear = mx.sym.UpSampling(x, y, scale=2, sample_type="bilinear", num_filter=3, num_args=2, name="u")
    yield Case("UpSampling,bilinear,its weight is an input", bilinear, free)


SIZES = (
    {"height": 3, "width": 4},
    {"height": 10, "width": 1},
    {"height": 5, "width": 6},
    {"height": 11, "width": 13},
    {},
    {"scale_height": 2.0, "scale_width": 1.5},
    {"scale_height": 1.3, "scale_width": 0.7},
    {"scale_height": 0.25, "scale_width": 0.7},
    {"scale_height": 2.0},
    {"mode": "odd_scale", "scale_height": 2.0, "scale_width": 2.0},
    {"mode": "odd_scale", "scale_height": 1.3, "scale_width": 0.7},
    {"mode": "odd_scale", "height": 3, "width": 3},
    {"mode": "to_even_down"},
    {"mode": "to_even_up"},
    {"mode": "to_odd_down"},
    {"mode": "to_odd_up"},
)


def _resize(mx):
    resize = mx.sym.contrib.BilinearResize2D
    for settings, aligned in product(SIZES, (None, True, False)):
        chosen = {**settings, **({} if aligned is None else {"align_corners": aligned})}
        for shape in ((2, 3, 5, 6), (1, 2, 8, 7)):
            yield Case(
                f"BilinearResize2D,{','.join(f'{k}={v}' for k, v in chosen.items())},{shape}",
                resize(mx.sym.Variable("data"), name="r", **chosen),
                {"data": normal(*shape)},
                dynamic={"data": ("batch", shape[1], "height", "width")},
            )
    for dtype in ("float16", "float64", "int32"):
        for settings in (SIZES[0], SIZES[5], {**SIZES[3], "align_corners": False}):
            yield Case(
                f"BilinearResize2D,{','.join(f'{k}={v}' for k, v in settings.items())},{dtype}",
                resize(mx.sym.Variable("data", dtype=dtype), name="r", **settings),
                {"data": normal(2, 3, 5, 6, dtype=dtype)},
                dynamic={"data": ("batch", 3, "height", "width")},
            )
    for shape, aligned in product(((2, 3, 7, 5), (1, 1, 2, 3)), (True, False)):
        yield Case(
            f"BilinearResize2D,like,{shape},{aligned}",
            resize(mx.sym.Variable("data"), mx.sym.Variable("other"), mode="like", align_corners=aligned, name="r"),
            {"data": normal(2, 3, 5, 6), "other": normal(*shape)},
            dynamic={"data": ("batch", 3, "height", "width"), "other": ("n", "c", "h", "w")},
        )
    for shape in ((2, 3, 4), (1, 1, 1, 1), (1, 2, 1, 5)):
        symbol = resize(mx.sym.Variable("data"), height=3, width=4, name="r")
        yield Case(f"BilinearResize2D,{shape}", symbol, {"data": normal(*shape)})
