"""Parts of a tensor."""

from .case import distinct, single, unary

DTYPES = ("float64", "float16", "int32", "int64", "int8", "uint8")


def sweep(mx):
    """Limits inside, outside and from the end, steps both ways; sizes of another tensor; crops."""
    for begin in ("None", "-8", "-5", "0", "3", "5", "7"):
        for end in ("None", "-7", "-1", "0", "3", "6", "8"):
            for step in ("-2", "-1", "2"):
                dynamic = ("length",) if begin != "-8" else None
                limits = {"begin": f"({begin},)", "end": f"({end},)", "step": f"({step},)"}
                yield unary(mx, "slice", (6,), numpy=True, dtype="float64", dynamic=dynamic, **limits)
    for begin, end, step in (
        ("(0,1)", "(2,3)", "()"), ("(None,1)", "(None,None)", "()"), ("(1,)", "(2,)", "()"), ("(0,1,2)", "(2,3,4)", "(1,2,1)"),
        ("(None,None,None)", "(None,None,None)", "(None,-1,2)"), ("(0,-2,-1)", "(2,None,None)", "()"), ("(0,1)", "(2,)", "()"),
        ("(0,0,0,0)", "(1,1,1,1)", "()"), ("(None,0)", "(None,2)", "(None,1)"), ("1", "2", "1"), ("(0,2)", "(2,0)", "(1,-1)"),
        ("(0,1)", "(2,3)", "(1,0)"),
    ):  # fmt: skip
        limits = {"begin": begin, "end": end, **({} if step == "()" else {"step": step})}
        yield unary(mx, "slice", (2, 3, 4), dynamic=("batch", 3, "length"), **limits)
    for dtype in DTYPES:
        yield unary(mx, "slice", (3, 4), dtype=dtype, begin="(1,None)", end="(3,None)", step="(None,-2)")
        yield unary(mx, "slice_axis", (3, 4), dtype=dtype, axis=1, begin=1, end=3)
    yield unary(mx, "slice", (1, 2, 3, 2, 4), begin="(0,0,1,0,1)", end="(1,2,3,2,-1)")
    for axis in (0, 1, -1, 3):
        yield unary(mx, "slice_axis", (2, 3, 4), dynamic=("batch", 3, "length"), axis=axis, begin=1, end="None")
    limits = ((0, 2), (-3, -1), (1, "None"), (2, 2), (3, 1), (-9, 2), (0, 7), (0, 6), (-6, 6), (5, 6), (6, 7), (0, -6))
    for begin, end in limits:
        yield unary(mx, "slice_axis", (2, 6), axis=1, begin=begin, end=end)
    for axes in ("()", "(0,)", "(1,2)", "(-1,)", "(-1,0)", "(3,)", "0"):
        for other in ((1, 2, 3), (2, 3, 4), (2, 2), (3, 1, 1), (2, 3, 5)):
            inputs = {"data": distinct(2, 3, 4), "shape_like": distinct(*other)}
            dynamic = {"data": ("batch", "height", 4), "shape_like": ("other", *other[1:])}
            yield single(mx, "slice_like", inputs, dynamic=dynamic, axes=axes)
    yield single(mx, "slice_like", {"data": distinct(3, 4, dtype="int32"), "shape_like": distinct(2, 3)})
    for attrs in (
        {"h_w": "(2,3)"}, {"h_w": "(2,3)", "offset": "(1,2)"}, {"h_w": "(2,3)", "center_crop": True}, {"h_w": "(5,6)"}, {"h_w": "(6,6)"},
        {"h_w": "(3,3)", "offset": "(3,0)"}, {}, {"h_w": "(5,6)", "center_crop": 1}, {"h_w": "(2,2)", "center_crop": 1, "offset": "(1,1)"},
    ):  # fmt: skip
        yield unary(mx, "Crop", (2, 3, 5, 6), dynamic=("batch", 3, 5, 6), num_args=1, **attrs)
    for attrs in ({}, {"offset": "(1,2)"}, {"center_crop": True}, {"offset": "(4,0)"}, {"h_w": "(1,1)"}):
        inputs = {"data": distinct(2, 3, 5, 6), "crop_like": distinct(1, 1, 2, 3)}
        dynamic = {"data": ("batch", 3, "height", "width"), "crop_like": (1, 1, "h", "w")}
        yield single(mx, "Crop", inputs, num_args=2, dynamic=dynamic, **attrs)
    yield from replaced(mx)


def replaced(mx):
    """Parts that another tensor or a number takes the place of."""
    for shape, size, limits in (
        ((2, 4), (2, 2), {"begin": "(0,1)", "end": "(2,3)"}),
        ((2, 4), (2, 2), {"begin": "(None,3)", "end": "(None,None)", "step": "(None,-2)"}),
        ((2, 4), (2, 2), {"begin": "(None,3)", "end": "(None,0)", "step": "(None,-2)"}),
        ((2, 4), (1, 4), {"begin": "(1,)", "end": "(2,)"}),
        ((2, 4), (1, 2), {"begin": "(0,1)", "end": "(2,3)"}),
        ((2, 3, 2), (2, 2, 2), {"begin": "(0,-2)", "end": "(2,None)"}),
        ((5,), (3,), {"begin": "(0,)", "end": "(5,)", "step": "(2,)"}),
    ):
        for dtype in ("float32", "int32", "float64"):
            inputs = {"lhs": distinct(*shape, dtype=dtype), "rhs": distinct(*size, dtype=dtype)}
            yield single(mx, "_slice_assign", inputs, **limits)
            yield unary(mx, "_slice_assign_scalar", shape, dtype=dtype, scalar=9.5, label=str(size), **limits)
