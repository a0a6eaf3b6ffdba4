"""Other shapes for the same elements."""

from math import prod

from .case import distinct, single, unary

CODES = (
    "(0,-1)", "(-2,1)", "(-3,0)", "(-4,2,-1,-2)", "(-4,-1,2,-2)", "(-4,1,2,-2)", "(0,-4,-1,3,-2)", "(0,-3)", "(0,0,-1)", "(0,0,0,0)",
    "(6,-1,2)", "(24,)", "24", "(-1,)", "(-1,-1)", "(-1,-2)", "(-3,-3)", "(-2,)", "(-1,3,0)", "(0,-4,-1,2,-1)", "(2, 3, 4, 1, 1)",
    "[2,12]", "(3,-1,8)", "(-1,-4,2,2)", "(2L, 12L)", "(0,0,-4,2,2)",
)  # fmt: skip
DYNAMIC_CODES = (
    "(0,-1)", "(-2,1)", "(-3,0)", "(0,-4,-1,3,-2)", "(0,-3)", "(0,0,-1)", "(-1,)", "(-1,-2)", "(-2,)", "(-1,3,0)", "(0,0,-4,2,2)",
    "(-4,-1,2,-2)", "(-4,2,-1,-2)",
)  # fmt: skip
NUMPY_CODES = (
    "(-1,)", "(-2,-1)", "(-4,)", "(-2,-4)", "(-5,-2)", "(-5,-4)", "(-3,-4)", "(-6,1,2,-4)", "(-6,-1,2,-4)", "(-2,-6,3,-1,-4)",
    "(-6,-1,-1,-4)", "(2,-5)", "(0,-1)", "(-3,)", "(-4,4)", "()", "(24,)", "(5,-1)", "(-7,)", "(-1,-5)", "(-4,-5)", "(-5,-6,2,-1)",
    "(-5,-6,2,2)", "(-6,2,1,-2,-2)", "(6,-1,2)", "(-4,1,1)", "(-1,2,-2)",
)  # fmt: skip


def is_whole(case):
    """Whether the new shape holds the old one's elements, which MXNet's Reshape doesn't check: it overwrites what lies behind."""
    shape = case.inputs["data"].shape
    try:
        return prod(case.symbol.infer_shape(data=shape)[1][0]) == prod(shape)
    except Exception:  # MXNet says what it likes; the case is recorded as refused
        return True


def sweep(mx):
    """Every code in every place, read from both sides; axes that go and come; parts of another's shape."""
    for codes in CODES:
        for reverse in (False, True):
            dynamic = ("batch", 3, 4) if codes in DYNAMIC_CODES else None
            case = unary(mx, "Reshape", (2, 3, 4), dynamic=dynamic, shape_=codes, reverse=reverse)
            if is_whole(case):
                yield case
    for shape, codes, dynamic in (
        ((6, 2, 3), "(-4,-1,2,-3)", ("batch", "length", 3)),
        ((6, 2, 3), "(-3,-1)", ("batch", "length", "width")),
        ((2, 3, 4, 5), "(-3,-3)", ("batch", "length", "height", "width")),
        ((2, 4, 3, 5), "(0,-4,-1,2,-3)", ("batch", "length", "height", "width")),
        ((2, 3, 4), "(-1,0,0)", ("batch", "length", "width")),
        ((2, 3, 4), "(0,0,2,2)", ("batch", "length", 4)),
        ((7,), "(1,-1)", ("batch",)),
        ((2, 3, 1, 4, 1), "(0,-3,-2)", ("batch", 3, "length", 4, 1)),
    ):
        yield unary(mx, "Reshape", shape, dynamic=dynamic, shape_=codes)
    for target in ("(0,4)", "(2,0)", "(24,)", "(6,4)"):
        for keep in (False, True):
            case = unary(mx, "Reshape", (2, 3, 4), target_shape=target, keep_highest=keep)
            if is_whole(case):
                yield case
    yield unary(mx, "Reshape", (2, 3), shape_="()")
    for dtype in ("float64", "float16", "int32", "int64", "int8", "uint8", "bool"):
        yield unary(mx, "Reshape", (2, 3), dtype=dtype, shape_="(-1,)")
    for codes in ("(-1,)", "(0,)", "(0,0)", "(0,3)", "(-2,)"):
        yield unary(mx, "Reshape", (0, 3, 4), numpy=True, shape_=codes)

    for codes in NUMPY_CODES:
        for reverse in (False, True):
            yield unary(mx, "_npx_reshape", (2, 3, 4), numpy=True, newshape=codes, reverse=reverse)
    for shape, codes in (((1, 3, 1), "(-3,-2,-3)"), ((1, 1, 3), "(-3,-4)"), ((1,), "()"), ((1,), "(-3,)"), ((), "(1,-1)")):
        yield unary(mx, "_npx_reshape", shape, numpy=True, newshape=codes)
    for shape, codes in (((0, 3), "(-1,3)"), ((0, 3), "(3,0)"), ((0, 3), "(-2,-1)"), ((0, 3), "(-5,)"), ((0, 3), "(-4,)")):
        yield unary(mx, "_npx_reshape", shape, numpy=True, newshape=codes)
    for shape, codes, dynamic in (
        ((2, 3, 5), "(-2,-1)", ("batch", "length", 5)),
        ((2, 3, 5), "(-5,-4)", ("batch", "length", 5)),
        ((2, 4, 6), "(-2,-6,-1,2,-6,2,3)", ("batch", "length", 6)),
        ((2, 4, 6), "(-2,-2,2,-1)", ("batch", "length", "width")),
    ):
        yield unary(mx, "_npx_reshape", shape, numpy=True, dynamic=dynamic, newshape=codes)
    for codes in ("(-1,)", "(6,4)", "(2,-1,3)", "(0,-1)", "()", "(5,5)", "24", "(-2,4)", "(-1,-1)", "(5,-1)"):
        dynamic = ("batch", 3, 4) if codes == "(-1,)" else None
        yield unary(mx, "_np_reshape", (2, 3, 4), numpy=True, dynamic=dynamic, newshape=codes)
    for shape, codes in (((1, 1), "()"), ((), "(1,1)"), ((0, 2), "(-1,2)"), ((0, 2), "(2,-1)"), ((0, 2), "(5,0)"), ((0, 2), "(-1,)")):
        yield unary(mx, "_np_reshape", shape, numpy=True, newshape=codes)

    whole = {"lhs": ("batch", 3, 4), "rhs": ("batch", 12)}
    for a, b, dynamic, limits in (
        ((2, 3, 4), (2, 12), whole, {}),
        ((2, 3, 4), (6, 4), {}, {}),
        ((2, 3, 4), (6, 5), {}, {}),
        ((2, 3), (2, 3), {"lhs": ("batch", 3), "rhs": ("other", 3)}, {}),
        ((30, 7), (15, 2, 4), {"lhs": ("n", 7), "rhs": ("one", "two", 4)}, {"lhs_begin": 0, "lhs_end": 1, "rhs_begin": 0, "rhs_end": 2}),
        ((2, 3, 4), (6, 4), {}, {"lhs_end": -1, "rhs_end": -1}),
        ((2, 3, 4), (4, 3, 2), {}, {"lhs_begin": 1, "lhs_end": None, "rhs_begin": 0, "rhs_end": -1}),
        ((2, 3, 4), (6, 4), {}, {"lhs_begin": 0, "lhs_end": 0}),
        ((2, 12), (5, 3, 4), {"lhs": ("batch", 12), "rhs": (5, 3, 4)}, {"lhs_begin": -1, "rhs_begin": -2}),
        ((2, 3, 4), (6, 4), {}, {"lhs_begin": 1, "lhs_end": 4}),
    ):  # fmt: skip
        inputs = {"lhs": distinct(*a), "rhs": distinct(*b)}
        yield single(mx, "reshape_like", inputs, dynamic=dynamic, **limits)
    for dtype in ("int32", "float64"):
        inputs = {"lhs": distinct(2, 3), "rhs": distinct(6, dtype=dtype)}
        yield single(mx, "reshape_like", inputs)

    for shape in ((2,), (2, 3), (2, 3, 4), (2, 3, 4, 2)):
        yield unary(mx, "Flatten", shape, dynamic=("batch", *shape[1:]))
    for shape in ((0, 3, 4), (3, 0, 4), ()):
        yield unary(mx, "Flatten", shape, numpy=True)
    yield unary(mx, "Flatten", (2, 3, 4), dtype="int8")
    for axis in (-5, -4, -1, 0, 2, 3, 4):
        yield unary(mx, "expand_dims", (2, 3, 4), dynamic=("batch", 3, "length"), axis=axis)
    yield unary(mx, "expand_dims", (), numpy=True, axis=0)
    yield unary(mx, "expand_dims", (2,), dtype="bool", axis=-1)
    for axis in ("None", "()", "0", "(0,)", "(0,2)", "(2,0)", "-2", "(-2,0)", "1", "(0,0)", "(0,1,2,3)"):
        dynamic = None if axis in ("None", "1") else (1, "length", 1, 2)
        yield unary(mx, "squeeze", (1, 3, 1, 2), dynamic=dynamic, axis=axis)
        if axis != "(0,0)":
            yield unary(mx, "_np_squeeze", (1, 3, 1, 2), numpy=True, dynamic=dynamic, axis=axis)
    for shape in ((1,), (1, 1), (2,)):
        for axis in ("None", "0", "(0,1)"):
            yield unary(mx, "squeeze", shape, axis=axis)
            yield unary(mx, "_np_squeeze", shape, numpy=True, axis=axis)
    yield unary(mx, "_np_squeeze", (), numpy=True, axis=0)
    yield unary(mx, "squeeze", (1, 2))
    arrays = {"a": distinct(), "b": distinct(3), "c": distinct(2, 3), "d": distinct(2, 3, 2)}
    for least in (1, 2, 3):
        yield single(mx, f"_np_atleast_{least}d", arrays, numpy=True, num_args=4)
        yield single(mx, f"_np_atleast_{least}d", {"a": distinct(2)}, numpy=True, num_args=1)
