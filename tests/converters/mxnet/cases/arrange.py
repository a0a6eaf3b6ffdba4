"""The same elements in another order."""

from .case import unary

DTYPES = ("float64", "float16", "int32", "int64", "int8", "uint8")


def sweep(mx):
    """Every order of axes, positive and negative; turns and shifts by more than there is; blocks."""
    for axes in ("()", "(1,0,2)", "(-1,0,1)", "(0,1)", "(2,1,0)", "(2,0,1)"):
        for op in ("transpose", "_np_transpose"):
            yield unary(mx, op, (2, 3, 4), dynamic=("batch", 3, "length"), numpy=op[0] == "_", axes=axes)
    for shape in ((4,), (2, 3), (1, 2, 3, 2, 2)):
        yield unary(mx, "transpose", shape, dynamic=("batch", *shape[1:]))
    for axes in ("None", "(0,0,1)"):
        yield unary(mx, "_np_transpose", (2, 3, 4), numpy=True, axes=axes)
    yield unary(mx, "_np_transpose", (), numpy=True)
    yield unary(mx, "transpose", (0, 3), numpy=True)
    for dtype in DTYPES:
        yield unary(mx, "transpose", (2, 3), dtype=dtype)
        yield unary(mx, "SwapAxis", (2, 3, 2), dtype=dtype, dim1=0, dim2=2)
        yield unary(mx, "reverse", (2, 3), dtype=dtype, axis=1)
        yield unary(mx, "_np_roll", (2, 3), dtype=dtype, numpy=True, shift=1, axis=1)
        for op in ("depth_to_space", "space_to_depth"):
            yield unary(mx, op, (1, 4, 2, 2), dtype=dtype, block_size=2)
    for one, two in ((0, 1), (-1, 0), (1, 1), (3, 0)):
        yield unary(mx, "SwapAxis", (2, 3, 4), dynamic=("batch", 3, 4), dim1=one, dim2=two)
    yield unary(mx, "SwapAxis", (2, 1, 1, 3, 1, 2, 1), dim1=0, dim2=3)
    yield unary(mx, "SwapAxis", (2, 3))
    for axis in ("0", "(0,2)", "-1", "(1,-1)", "()", "(0,0)", "3", "(2,0,1)"):
        yield unary(mx, "reverse", (2, 3, 4), dynamic=("batch", 3, "length"), axis=axis)
        yield unary(mx, "_npi_flip", (2, 3, 4), numpy=True, axis=axis)
    yield unary(mx, "_npi_flip", (), numpy=True, axis="()")
    yield unary(mx, "_npi_flip", (2, 3), numpy=True, axis="None")
    for source, destination in (("0", "2"), ("(0,1)", "(-1,-2)"), ("-1", "0"), ("(0,0)", "(1,2)"), ("0", "5"), ("(2,0)", "(0,1)")):
        yield unary(mx, "_np_moveaxis", (2, 3, 4), numpy=True, source=source, destination=destination)
    for k in (0, 1, 2, 3, -1, 5):
        for axes in ("(0,1)", "(1,0)", "(-1,0)"):
            yield unary(mx, "_npi_rot90", (2, 3, 4), numpy=True, k=k, axes=axes)
    for axes in ("None", "(0,0)"):
        yield unary(mx, "_npi_rot90", (2, 3, 4), numpy=True, axes=axes)
    rolls = (
        ("1", "None"), ("2", "0"), ("(1,2)", "(0,1)"), ("-1", "1"), ("(1,2)", "0"), ("1", "(0,1)"), ("None", "0"), ("7", "-1"), ("0", "1"),
    )  # fmt: skip
    for shift, axis in rolls:
        yield unary(mx, "_np_roll", (2, 3, 4), numpy=True, dynamic=("batch", 3, "length"), shift=shift, axis=axis)
    for block in (1, 2, 0, 3):
        yield unary(mx, "depth_to_space", (2, 8, 2, 3), dynamic=("batch", 8, "height", "width"), block_size=block)
        yield unary(mx, "space_to_depth", (2, 2, 4, 6), dynamic=("batch", 2, 4, 6), block_size=block)
    for op in ("depth_to_space", "space_to_depth"):
        yield unary(mx, op, (2, 8, 4, 6), dtype="int32", dynamic=("batch", "channels", "height", "width"), block_size=2)
        yield unary(mx, op, (4, 2, 2), block_size=2)
