"""Pooling of every kind, and what windows beyond the image give."""

from itertools import product

from .case import Case, normal

SIZES = {1: (9,), 2: (6, 7), 3: (4, 5, 6)}
NAMES = ("depth", "height", "width")
LAYOUTS = {1: "NWC", 2: "NHWC", 3: "NDHWC"}


def sweep(mx):
    """Kinds, conventions, kernels, strides and padding; whole images; layouts with channels last; types; adaptive pooling."""
    yield from _windows(mx)
    yield from _whole(mx)
    yield from _first_version(mx)
    yield from _adaptive(mx)


def _case(mx, label, settings, shape, dtype="float32", dynamic=True, op="Pooling"):
    x = mx.sym.Variable("data", dtype=dtype)
    last = settings.get("layout", "").endswith("C")
    names = NAMES[5 - len(shape) :]
    moving = ("batch", *names, shape[-1]) if last else ("batch", shape[1], *names)
    return Case(
        f"{op},{label},{shape},{dtype}",
        getattr(mx.sym, op)(x, name="p", **settings),
        {"data": normal(*shape, dtype=dtype)},
        dynamic={"data": moving} if dynamic else {},
    )


def _label(settings):
    return ",".join(f"{key}={value}" for key, value in settings.items())


KINDS = (
    {"pool_type": "max"},
    {"pool_type": "avg"},
    {"pool_type": "avg", "count_include_pad": False},
    {"pool_type": "sum"},
    {"pool_type": "lp", "p_value": 1},
    {"pool_type": "lp", "p_value": 2},
    {"pool_type": "lp", "p_value": 3},
)


def _windows(mx):
    for axes, kind, convention in product((1, 2, 3), KINDS, ("valid", "full")):
        for kernel, stride, pad in ((2, 1, 0), (2, 2, 1), (3, 2, 1), (1, 3, 0), (2, 4, 1)):
            behind = axes == 3 and kind["pool_type"] == "avg" and convention == "full" and pad + stride > kernel
            if axes == 3 and kernel == 1:
                continue
            if behind and stride in (4, kernel):
                continue  # MXNet divides 0 by 0
            settings = {**kind, "pooling_convention": convention}
            settings |= {"kernel": (kernel,) * axes, "stride": (stride,) * axes, "pad": (pad,) * axes}
            yield _case(mx, _label(settings), settings, (2, 2, *SIZES[axes]), dynamic=not behind)
    for kind, convention, axis in product(KINDS, ("valid", "full"), range(3)):  # as much padding as kernel: MXNet looks at two axes
        wide = {"kernel": (2, 2, 2), "pad": tuple(2 if i == axis else 0 for i in range(3)), "pooling_convention": convention}
        yield _case(mx, _label({**kind, **wide}), {**kind, **wide}, (1, 2, 4, 3, 4), dynamic=False)
    for kind, dtype in product(KINDS, ("float16", "float64")):
        behind = {"kernel": (1, 2), "stride": (3, 3), "pooling_convention": "full"}
        for settings in ({"kernel": (2, 3), "pad": (1, 1), "stride": (2, 2)}, behind):
            yield _case(mx, _label({**kind, **settings}), {**kind, **settings}, (2, 2, 5, 5), dtype)
    for kind, axes in product(KINDS, (1, 2, 3)):
        settings = {**kind, "kernel": (3, 2, 2)[:axes], "pad": (1, 0, 1)[:axes], "stride": (2, 1, 2)[:axes], "layout": LAYOUTS[axes]}
        yield _case(mx, _label(settings), settings, (2, *SIZES[axes], 3))
        moving = axes < 3 or kind["pool_type"] != "avg"
        yield _case(mx, f"{_label(settings)},full", {**settings, "pooling_convention": "full"}, (1, *SIZES[axes], 2), dynamic=moving)
    for settings in (
        {"kernel": (2, 3)},
        {"kernel": (2, 3), "stride": (3, 1), "pad": (0, 2), "pool_type": "avg", "pooling_convention": "full"},
        {"kernel": (6, 7), "pool_type": "avg", "count_include_pad": None},
        {"kernel": (3, 3), "pad": (4, 3), "pool_type": "sum", "stride": (2, 2)},
        {"kernel": (2, 2), "pad": (2, 2)},
        {"kernel": (9, 2)},
        {"kernel": (2,)},
        {"kernel": (2, 2), "stride": (2,)},
        {"kernel": (2, 2), "layout": "NCW"},
        {"kernel": (2, 2), "pool_type": "lp"},
        {"kernel": (2, 2), "pool_type": "lp", "p_value": 4},
        {"kernel": (2, 2), "pooling_convention": "same"},
        {"kernel": (2, 2), "cudnn_off": True, "layout": "NCHW"},
    ):
        yield _case(mx, _label(settings), settings, (2, 3, 6, 7))
    yield _case(mx, "same", {"kernel": (2,), "pooling_convention": "same"}, (1, 2, 5))
    for kind, dtype, convention in product(("max", "avg", "sum"), ("float32", "float64"), ("valid", "full")):
        settings = {"kernel": (2, 1), "pad": (2, 2), "stride": (2, 3), "pool_type": kind, "pooling_convention": convention}
        yield _case(mx, f"much padding,{_label(settings)}", settings, (1, 2, 5, 4), dtype)
        yield _case(mx, f"much padding,{_label(settings)},NHWC", {**settings, "layout": "NHWC"}, (1, 5, 4, 2), dtype)
    for dtype in ("int32", "int8"):
        yield _case(mx, "integers", {"kernel": (2, 2)}, (1, 2, 4, 4), dtype)


def _whole(mx):
    for axes, kind in product((1, 2, 3), KINDS):
        yield _case(mx, f"global,{_label(kind)}", {**kind, "global_pool": True}, (2, 3, *SIZES[axes]))
    for kind, dtype in product(KINDS, ("float16", "float64")):
        yield _case(mx, f"global,{_label(kind)}", {**kind, "global_pool": True}, (2, 3, 4, 4), dtype)
    given = {"global_pool": True, "kernel": (9, 9), "pad": (1, 1), "stride": (2, 2), "pool_type": "avg"}
    yield _case(mx, "global,its kernel isn't used", given, (2, 3, 5, 6))
    for axes, kind in product((1, 2, 3), ("max", "avg", "sum")):
        settings = {"pool_type": kind, "global_pool": True, "layout": LAYOUTS[axes]}
        yield _case(mx, f"global,{_label(settings)}", settings, (2, *SIZES[axes], 3))
    yield _case(mx, "global,full", {"global_pool": True, "pooling_convention": "full"}, (2, 3, 5, 6))
    yield _case(mx, "global,no spatial axes", {"global_pool": True}, (2, 3), dynamic=False)


def _first_version(mx):
    for kind, convention in product(("max", "avg", "sum"), ("valid", "full")):
        for kernel, stride, pad in ((2, 2, 0), (2, 2, 1), (3, 2, 1), (1, 3, 0), (2, 4, 1), (3, 2, 3)):
            settings = {"pool_type": kind, "pooling_convention": convention}
            settings |= {"kernel": (kernel,) * 2, "stride": (stride,) * 2, "pad": (pad,) * 2}
            yield _case(mx, _label(settings), settings, (2, 2, 5, 6), op="Pooling_v1")
        settings = {"pool_type": kind, "pooling_convention": convention, "global_pool": True}
        yield _case(mx, _label(settings), settings, (2, 2, 5, 6), op="Pooling_v1")
    for dtype in ("float16", "float64"):
        yield _case(mx, "types", {"kernel": (3, 2), "pool_type": "avg", "pad": (1, 0)}, (1, 2, 5, 5), dtype, op="Pooling_v1")
    yield _case(mx, "volumes", {"kernel": (2, 2, 2)}, (1, 1, 3, 3, 3), op="Pooling_v1")
    yield _case(mx, "lines", {"kernel": (2,)}, (1, 1, 3), op="Pooling_v1")


def _adaptive(mx):
    for size in (1, (1,), 2, (2, 3), (3,), (), (7, 7), (5, 6), (5, 3), (1, 2), (2, 3, 4)):
        for dtype in ("float32", "float16", "float64"):
            yield Case(
                f"AdaptiveAvgPooling2D,{size},{dtype}",
                mx.sym.contrib.AdaptiveAvgPooling2D(mx.sym.Variable("data", dtype=dtype), output_size=size, name="p"),
                {"data": normal(2, 3, 5, 6, dtype=dtype)},
                dynamic={"data": ("batch", 3, "height", "width")},
            )
    for shape, dtype in (((1, 2, 5), "float32"), ((2, 2, 3, 3, 3), "float32"), ((1, 2, 5, 5), "int32")):
        yield Case(
            f"AdaptiveAvgPooling2D,{shape},{dtype}",
            mx.sym.contrib.AdaptiveAvgPooling2D(mx.sym.Variable("data", dtype=dtype), output_size=2, name="p"),
            {"data": normal(*shape, dtype=dtype)},
        )
