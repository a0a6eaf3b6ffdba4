"""Where the greatest are, and elements by their order."""

from .case import given, single, unary

DTYPES = ("float64", "float16", "int32", "int64", "int8", "uint8")


def sweep(mx):
    """Every type and axis, equals, all and one; every form of topk's answer."""
    for op in ("argmax", "argmin", "_npi_argmax", "_npi_argmin"):
        numpy = op[0] == "_"
        for dtype in DTYPES:
            yield unary(mx, op, (2, 3), dtype=dtype, numpy=numpy, axis=1)
            yield unary(mx, op, (2, 3), dtype=dtype, numpy=numpy)
        for axis in ("None", 0, 1, -2, 3):
            for keep in (False, True):
                yield unary(mx, op, (2, 3, 4), numpy=numpy, dynamic=("batch", 3, "length"), axis=axis, keepdims=keep)
        for keep in (False, True):
            yield unary(mx, op, (3,), numpy=numpy, axis=0, keepdims=keep, dynamic=("length",))
        yield single(mx, op, {"data": given([[1, 3, 3], [2, 2, 1], [1, 1, 2]])}, numpy=numpy, axis=1)
        yield single(mx, op, {"data": given([[2, 1, 2], [1, 2, 1]], dtype="int64")}, numpy=numpy, axis=1, label="equals")
        yield unary(mx, op, (), numpy=True)
        yield unary(mx, op, (2, 3, 2, 1, 2), numpy=numpy, axis=2)
    for shape in ((2, 3), (2, 3, 4), (3,)):
        yield unary(mx, "argmax_channel", shape, dynamic=("batch", *shape[1:]))
    yield unary(mx, "argmax_channel", (2, 3), dtype="float64")

    for op in ("sort", "argsort"):
        for dtype in DTYPES:
            if dtype != "float16":
                yield unary(mx, op, (2, 5), dtype=dtype)
                yield unary(mx, op, (2, 5), dtype=dtype, is_ascend=False)
        for axis in (0, 1, -1, -3, "None", 3):
            for ascending in (0, 1):
                yield unary(mx, op, (2, 3, 4), dynamic=("batch", "length", 4), axis=axis, is_ascend=ascending)
        for ascending in (False, True):
            yield single(mx, op, {"data": given([1, 0, 1, 0, 1, 0, 1, 0, 2])}, is_ascend=ascending, label="equals")
        for shape in ((0, 3), (2, 0)):
            yield unary(mx, op, shape, numpy=True)
        yield unary(mx, op, (3,), numpy=True)
    for dtype in ("float16", "float64", "int32", "int64", "uint8", "float32"):
        yield unary(mx, "argsort", (2, 5), label=dtype, dtype_=dtype)

    for form in ("value", "indices", "mask", "both"):
        for dtype in DTYPES:
            yield unary(mx, "topk", (2, 5), dtype=dtype, k=2, ret_typ=form)
        for axis in (0, 1, -1, -3, "None", 3):
            for ascending in (False, True):
                yield unary(mx, "topk", (3, 4, 3), dynamic=("batch", 4, "length"), axis=axis, k=2, ret_typ=form, is_ascend=ascending)
        for k in (0, 1, 5, 6, -1):
            yield unary(mx, "topk", (2, 5), dynamic=("batch", "length"), k=k, ret_typ=form)
        yield unary(mx, "topk", (2, 5), ret_typ=form, axis="None", k=0)
        for dtype in ("float16", "float64", "int32", "int64", "uint8"):
            yield unary(mx, "topk", (2, 5), label=dtype, dtype_=dtype, ret_typ=form)
        yield single(mx, "topk", {"data": given([1, 0, 1, 0, 1, 0, 1, 0])}, k=5, ret_typ=form)
        yield single(mx, "topk", {"data": given([[1, 0, 1, 0], [0, 0, 0, 0]])}, k=3, ret_typ=form, is_ascend=1)
    yield unary(mx, "topk", (2, 5))
    yield unary(mx, "topk", (7,), k=3)
