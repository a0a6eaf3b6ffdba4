"""Sums, means, extremes, products and norms."""

from .case import distinct, given, integers, single, unary, uniform

DTYPES = ("float64", "float16", "int32", "int64", "int8", "uint8", "bool")
NAN = float("nan")


def sweep(mx):
    """Every reduction over each kind of axes and every type; nothing to reduce, all and none; sums that wrap."""
    yield from classic(mx)
    yield from norms(mx)
    yield from numpy_reductions(mx)
    yield from types(mx)


def classic(mx):
    """Reductions that leave an axis."""
    for op in ("sum", "mean", "max", "min", "prod", "nansum", "nanprod"):
        for dtype in DTYPES:
            data = integers(0, 3, 3, 4, dtype=dtype) if dtype != "bool" else given([[1, 0, 1], [1, 1, 1], [0, 0, 0]], dtype="bool")
            yield single(mx, op, {"data": data}, axis=1)
        for axis in ("None", "()", "1", "(0,)", "(1,0)", "(0,2)", "(-1,)", "(0,0)", "-4", "3", "(0,1,2)"):
            for keep in (False, True):
                for exclude in (False, True):
                    attrs = {"axis": axis, "keepdims": keep, "exclude": exclude}
                    dynamic = ("batch", 3, "length") if not exclude else None
                    yield unary(mx, op, (2, 3, 4), dynamic=dynamic, **attrs)
        yield unary(mx, op, (3,))
        yield unary(mx, op, (2, 1, 2, 2, 2), axis="(1,3)")
        yield unary(mx, op, (), numpy=True)
        for axis in ("None", "0", "1"):
            yield unary(mx, op, (0, 3), numpy=True, axis=axis)
        if op in ("max", "min"):
            continue  # MXNet gives what isn't a number, ONNX Runtime passes over it
        yield single(mx, op, {"data": given([[1, NAN, 2], [3, 2, 1], [NAN, NAN, NAN]])}, axis=1, label="nan")
    for op in ("sum", "prod", "mean"):
        for dtype in ("int8", "uint8"):
            yield single(mx, op, {"data": given([[100, 100, 100], [3, 5, 120]], dtype=dtype)}, axis=1, label="wraps")
    yield single(mx, "mean", {"data": given([[7, 8, 8], [-7, -8, -8]], dtype="int32")}, axis=1, dynamic={"data": ("batch", "length")})
    yield single(mx, "sum", {"data": given([1] * 4096, dtype="float16")}, axis=0)


def norms(mx):
    """norm, moments, L2Normalization."""
    for order in (1, 2, 0, 3):
        for axis in ("None", "0", "(0,2)", "(-1,)", "()", "(0,1,2)"):
            for keep in (False, True):
                yield unary(mx, "norm", (2, 3, 4), dynamic=("batch", 3, "length"), ord=order, axis=axis, keepdims=keep)
        for dtype in ("float64", "float16"):
            yield unary(mx, "norm", (2, 3), dtype=dtype, ord=order, axis=1)
    yield unary(mx, "norm", (2, 3))
    for dtype in ("int32", "int8", "int64"):
        yield single(mx, "norm", {"data": given([[-100, 100, -27], [1, 2, -3]], dtype=dtype)}, axis=1, ord=1)
    for dtype in ("float32", "float16", "float64"):
        yield unary(mx, "norm", (2, 3), axis=1, label=dtype, out_dtype=dtype)
    for axes in ("None", "(0,)", "(0,1)", "-1", "()", "(1,2)", "(0,1,2)"):
        for keep in (False, True):
            yield unary(mx, "moments", (2, 3, 4), dynamic=("batch", 3, "length"), axes=axes, keepdims=keep)
    for dtype in ("float64", "float16", "int32"):
        yield unary(mx, "moments", (2, 3), dtype=dtype, axes=1)
    for mode in ("instance", "channel", "spatial"):
        for shape in ((3,), (2, 3), (2, 3, 4), (2, 3, 2, 2), (1, 2, 2, 2, 3)):
            yield unary(mx, "L2Normalization", shape, dynamic=("batch", *shape[1:]), mode=mode)
        yield unary(mx, "L2Normalization", (2, 3, 4), mode=mode, eps=0.5)
        for dtype in ("float64", "float16"):
            yield unary(mx, "L2Normalization", (2, 3, 4), dtype=dtype, mode=mode)
    yield unary(mx, "L2Normalization", (2, 3), eps="1e-05")
    for axis in ("None", 0, 1, -1, 2):
        yield unary(mx, "_np_cumsum", (2, 3), numpy=True, dynamic=("batch", "length"), axis=axis)
        yield unary(mx, "_np_cumsum", (2, 3), axis=axis)
    for dtype in ("float64", "float16", "int32", "int64", "int8", "uint8"):
        yield unary(mx, "_np_cumsum", (2, 3), dtype=dtype, numpy=True, axis=1)
        if dtype != "uint8":
            for own in ("float32", "int32"):
                inputs = {"data": uniform(-3, 3, 2, 3, dtype=own)}
                yield single(mx, "_np_cumsum", inputs, numpy=True, axis=1, dtype=dtype)


def types(mx):
    """Sums, products and means to other types, of what these don't hold; lengths beyond a float's squares."""
    fractions = [[1.7, 2.7, -0.6], [0.5, 0.6, 0.7], [1, -1, 0], [100.7, 100.7, 2.5], [-1.7, -2.7, 0]]
    whole = [[100, 100, 100], [0, 1, 2], [1, -1, 0], [-100, -100, 127], [5, 5, 5]]
    for op in ("_np_sum", "_np_prod", "_npi_mean"):
        for dtype in ("int32", "int64", "int8", "bool", "float64", "float32"):
            for own, values in (("float32", fractions), ("float64", fractions), ("int8", whole), ("int32", whole), ("bool", whole)):
                if own != "bool" or dtype not in ("int8", "bool"):
                    yield single(mx, op, {"a": given(values, dtype=own)}, numpy=True, axis=1, dtype=dtype, label="types")
    for own, values in (("float32", fractions), ("int8", whole)):
        for dtype in ("int32", "int8", "float64"):
            yield single(mx, "_np_cumsum", {"a": given(values, dtype=own)}, numpy=True, axis=1, dtype=dtype, label="types")
    for values in ([[1e30, 1e30], [3e38, 1]], [[1e-30, 1e-30], [0, 1e-38]]):
        yield single(mx, "norm", {"a": given(values)}, axis=1, label=str(values))
        yield single(mx, "_npi_norm", {"a": given(values)}, numpy=True, axis="(1,)", flag=1, label=str(values))
    for op in ("mean", "sum", "prod", "_np_sum", "_np_prod", "_np_cumsum"):
        yield single(mx, op, {"a": given([[2000000000, 2000000000]], dtype="int32")}, numpy=op[0] == "_", axis=1, label="wraps")
    for dtype in ("int32", "int64"):
        for op in ("argmax", "argmin", "max", "min"):
            yield single(mx, op, {"a": given([[16777216, 16777217], [16777217, 16777216]], dtype=dtype)}, axis=1, label="large")


def numpy_reductions(mx):
    """Reductions that may leave a scalar; differences."""
    for n, axis in ((0, 0), (1, -1), (1, 0), (2, 1), (3, 1), (3, 0), (1, 2)):
        yield unary(mx, "_npi_diff", (3, 4), numpy=True, dynamic=("batch", "length") if n < 3 else None, n=n, axis=axis)
    for dtype in ("float64", "float16", "int32", "int64", "int8", "uint8"):
        yield unary(mx, "_npi_diff", (3, 4), dtype=dtype, numpy=True)
    for op in ("_np_sum", "_np_max", "_np_min", "_np_prod", "_npi_mean", "_npi_std", "_npi_var", "_np_all", "_np_any"):
        for dtype in DTYPES:
            if dtype != "bool" or op not in ("_npi_std", "_npi_var"):
                yield single(mx, op, {"data": given([[1, 2, 0], [3, 1, 3]], dtype=dtype)}, numpy=True, axis=1)
        for axis in ("None", "()", "1", "(0,)", "(1,0)", "(0,2)", "(-1,)", "(0,0)", "-4", "(0,1,2)"):
            for keep in (False, True):
                yield unary(mx, op, (2, 3, 4), numpy=True, dynamic=("batch", 3, "length"), axis=axis, keepdims=keep)
        yield unary(mx, op, (), numpy=True)
        for axis in ("None", "0", "1"):
            yield unary(mx, op, (0, 3), numpy=True, axis=axis)
        if op in ("_np_sum", "_np_prod", "_npi_mean", "_npi_std", "_npi_var"):
            for dtype in ("float16", "float64", "int32", "int64", "int8", *(("bool",) if op[-3:] not in ("std", "var") else ())):
                for own in ("float32", "int32"):
                    data = given([[1, 2, 0], [3, 1, 3]], dtype=own)
                    yield single(mx, op, {"data": data}, numpy=True, axis=1, dtype=dtype)
        if op in ("_np_sum", "_np_max"):
            yield unary(mx, op, (2, 3), numpy=True, initial=2.5)
    for flag, order, axis in (
        (-2, 2, "None"), (1, 2, "(1,)"), (-1, 1, "(1,)"), (1, 3, "(1,)"), (1, 0, "(1,)"), (1, 2.5, "(-1,)"), (1, "inf", "(1,)"),
        (1, 2, "(0,1)"), (-2, 2, "(0,1)"),
    ):  # fmt: skip
        for keep in (False, True):
            yield unary(mx, "_npi_norm", (2, 3), numpy=True, flag=flag, ord=order, axis=axis, keepdims=keep)
    for axis in ("None", "(0,)", "1", "(0,1)", "(-1,)"):
        for returned in (False, True):
            attrs = {"axis": axis, "returned": returned}
            yield unary(mx, "_npi_average", (2, 3), numpy=True, weighted=False, **attrs)
            for shape in ((2, 3), (3,), (2,)):
                inputs = {"a": distinct(2, 3), "weights": uniform(1, 2, *shape)}
                yield single(mx, "_npi_average", inputs, numpy=True, **attrs)
    for degrees in (1, 2, 3):
        for op in ("_npi_std", "_npi_var"):
            yield single(mx, op, {"data": distinct(2, 3)}, numpy=True, axis=1, ddof=degrees)
