"""Tensors made larger, and how large they are."""

from .case import distinct, single, unary

DTYPES = ("float64", "float16", "int32", "int64", "int8", "uint8")


def sweep(mx):
    """Every mode of padding, by less and more than there is; repetitions and broadcasts along each axis."""
    for mode in ("constant", "edge", "reflect"):
        dynamic = ("batch", "channels", "height", "width")
        for shape, width in (
            ((2, 1, 3, 4), "(0,0,0,0,1,2,3,0)"),
            ((2, 1, 3, 4), "(0, 0, 0, 0, 0, 0, 0, 0)"),
            ((1, 2, 3, 4, 3), "(0,0,0,0,1,1,2,0,0,2)"),
            ((2, 1, 3, 4), "(0,0,1,0,1,1,1,1)"),
            ((2, 1, 3, 4), "(0,0,0,0,1,1)"),
            ((2, 3), "(0,0,1,1)"),
        ):
            names = dynamic if len(shape) == 4 else None
            yield unary(mx, "Pad", shape, dynamic=names, mode=mode, pad_width=width, constant_value=-1.5)
        for dtype in ("float64", "float16"):
            yield unary(mx, "Pad", (1, 1, 2, 3), dtype=dtype, mode=mode, pad_width="(0,0,0,0,1,1,1,1)", constant_value=2)
    yield unary(mx, "Pad", (1, 1, 2, 3), mode="constant", pad_width="(0,0,0,0,1,1,1,1)")
    yield unary(mx, "Pad", (1, 1, 2, 3), mode="constant", pad_width="(0,0,0,0,-1,1,1,1)")
    yield unary(mx, "Pad", (1, 1, 2, 3), mode="reflect", pad_width="(0,0,0,0,2,1,1,1)")
    for mode in ("constant", "edge", "reflect", "symmetric", "maximum", "minimum"):
        for width in ("((0,0),(1,2))", "((2, 1), (0, 3))", "((3,4),(5,7))", "((1,1),)", "((0,0),(0,0))", "[[1,0],[0,1]]"):
            yield unary(mx, "_npi_pad", (2, 3), numpy=True, mode=mode, pad_width=width)
        yield unary(mx, "_npi_pad", (2, 1, 2, 2, 1), numpy=True, mode=mode, pad_width="((1,0),(0,0),(0,1),(1,1),(0,0))")
    for dtype in (*DTYPES, "bool"):
        yield unary(mx, "_npi_pad", (2, 3), dtype=dtype, numpy=True, pad_width="((1,1),(1,1))", constant_value=2.5)
        yield unary(mx, "_npi_pad", (2, 3), dtype=dtype, numpy=True, mode="symmetric", pad_width="((1,1),(1,1))")

    for reps in ("(2,)", "2", "(2,3)", "(1,2,2)", "()", "(2, 1)", "(2,-1)", "(1,1)"):
        yield unary(mx, "tile", (2, 3), dynamic=("batch", 3), reps=reps)
    for shape, reps in (((), "(2,)"), ((), "()"), ((2, 3), "(2,0)"), ((0, 2), "(2,2)")):
        yield unary(mx, "tile", shape, numpy=True, reps=reps)
    for axis in ("None", 0, 1, -1, -2, 2):
        for repeats in (1, 3, -1):
            yield unary(mx, "repeat", (2, 3), dynamic=("batch", 3), repeats=repeats, axis=axis)
    yield unary(mx, "repeat", (2, 3, 2, 1, 2), dynamic=("batch", "length", 2, 1, 2), repeats=2, axis=2)
    yield unary(mx, "repeat", (), numpy=True, repeats=2)
    yield unary(mx, "repeat", (0, 2), numpy=True, repeats=2)
    yield unary(mx, "repeat", (2, 2), numpy=True, repeats=0, axis=1)

    for axis, size in (
        ("0", "2"), ("(0,1)", "(2,3)"), ("()", "()"), ("-1", "2"), ("(0,2)", "(2,3)"), ("(1,)", "(2,3)"), ("(1,0)", "(2,3)"),
        ("(0,0)", "(2,3)"), ("1", "(4,)"),
    ):  # fmt: skip
        yield unary(mx, "broadcast_axis", (1, 1, 3), dynamic=(1, 1, "length"), axis=axis, size=size)
    for shape in ("(2,3)", "(0,3)", "(0,0)", "(2,0)", "(2,2,3)", "(1,3)", "(2,-1)", "()", "(2,4)"):
        yield unary(mx, "broadcast_to", (1, 3), dynamic=(1, "length") if shape == "(2,0)" else None, shape_=shape)
        yield unary(mx, "_npi_broadcast_to", (1, 3), numpy=True, shape_=shape)
    for shape, target in (
        ((), "(2,3)"), ((3,), "(2,3)"), ((1, 3), "(-2,3)"), ((1, 3), "(2,-2)"), ((1, 3), "(4,2,-2)"), ((2, 1, 3), "(4,-2,5,3)"),
    ):  # fmt: skip
        yield unary(mx, "_npi_broadcast_to", shape, numpy=True, shape_=target)
    yield unary(mx, "broadcast_to", (2, 1, 1, 3, 1), shape_="(2,3,0,3,2)")
    whole = {"lhs": (1, "length"), "rhs": ("batch", "length")}
    for a, b, dynamic, axes in (
        ((1, 3), (2, 3), whole, {}),
        ((1, 1), (2, 3), {"lhs": (1, 1), "rhs": ("batch", "length")}, {}),
        ((1, 3), (4, 5, 3), {}, {}),
        ((1, 2), (2, 3), {}, {}),
        ((1, 3), (2, 4), {"lhs": (1, "width"), "rhs": ("batch", "length")}, {"lhs_axes": "(0,)", "rhs_axes": "(1,)"}),
        ((1, 1), (2, 3), {}, {"lhs_axes": "(0,1)", "rhs_axes": "(1,0)"}),
        ((1, 3), (2, 3), {}, {"lhs_axes": "(0,1)", "rhs_axes": "(1,0)"}),
        ((1, 3), (4, 5, 3), {}, {"lhs_axes": "(-2,)", "rhs_axes": "(-1,)"}),
        ((1, 3), (2, 3), {}, {"lhs_axes": "(0,)"}),
        ((1, 3), (2, 3), {}, {"lhs_axes": "()", "rhs_axes": "()"}),
    ):
        yield single(mx, "broadcast_like", {"lhs": distinct(*a), "rhs": distinct(*b)}, dynamic=dynamic, **axes)
    for dtype in DTYPES:
        yield unary(mx, "tile", (2, 3), dtype=dtype, reps="(2,2)")
        yield unary(mx, "repeat", (2, 3), dtype=dtype, repeats=2, axis=1)
        yield unary(mx, "broadcast_to", (2, 1), dtype=dtype, shape_="(2,3)")
    for shape in ((2, 3), (4,), (1, 2, 3, 4, 5)):
        yield unary(mx, "shape_array", shape, dynamic=("batch", *shape[1:]))
        yield unary(mx, "size_array", shape, dynamic=("batch", *shape[1:]))
    for op in ("shape_array", "size_array"):
        yield unary(mx, op, (), numpy=True)
        yield unary(mx, op, (0, 2), numpy=True)
        yield unary(mx, op, (2,), dtype="int8")
