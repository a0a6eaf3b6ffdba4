"""Tensors that come from settings and shapes alone."""

from .case import normal, single

KINDS = ("float32", "float16", "float64", "int32", "int64", "int8", "uint8", "bool")


def sweep(mx):
    """Shapes and types, ranges, windows; likenesses of tensors of dynamic shape."""
    for op in ("_zeros", "_ones", "_npi_zeros", "_npi_ones"):
        for dtype in KINDS:
            yield single(mx, op, {}, shape="(2, 3)", dtype=dtype, ctx="cpu(0)")
        for shape in ("(2,)", "[2, 1, 3]", "5", "(300, 300)"):
            yield single(mx, op, {}, shape=shape)
        for shape in ("()", "(0, 3)") if op.startswith("_npi") else ():  # 0 is a size to infer in the older interface
            yield single(mx, op, {}, shape=shape, numpy=True)
    for dtype in (None, *KINDS):
        yield single(mx, "_full", {}, shape="(2, 3)", value=2.5, **({} if dtype is None else {"dtype": dtype}))
    yield single(mx, "_full", {}, shape="(2,)", value="-inf")
    for op in ("zeros_like", "ones_like"):
        for dtype in KINDS:
            yield single(mx, op, {"data": normal(2, 3, dtype=dtype)}, dynamic={"data": ("batch", 3)})
        for shape in ((), (0, 3)):
            yield single(mx, op, {"data": normal(*shape)}, numpy=True)
        yield single(mx, op, {"data": normal(2, 3)}, dtype="int64")  # passed over, as all that isn't a setting of theirs
    for dtype in ("None", *KINDS):
        yield single(mx, "_npi_full_like", {"a": normal(2, 3)}, fill_value=2.5, dtype=dtype, dynamic={"a": ("batch", 3)})
    yield single(mx, "_npi_full_like", {"a": normal(2, 3, dtype="int32")}, fill_value=-2.5)
    for settings in ({"N": 3}, {"N": 3, "M": 4}, {"N": 3, "M": 0, "k": 1}, {"N": 4, "M": 2, "k": -2}, {"N": 2, "k": 9, "dtype": "int32"}):
        yield single(mx, "_eye", {}, **settings)
        yield single(mx, "_npi_eye", {}, **{**settings, "M": settings.get("M") or "None"})
    yield single(mx, "_npi_identity", {}, shape="(3, 3)", dtype="int64")
    for op in ("_arange", "_npi_arange"):
        for settings in (
            {"start": 5}, {"start": "2.5"}, {"start": 1, "stop": 5}, {"start": 0, "stop": "None", "step": 1},
            {"start": 0, "stop": 5, "step": 2}, {"start": 5, "stop": 0, "step": -1.5}, {"start": 0, "stop": 1, "step": 0.1},
            {"start": 0, "stop": 3, "repeat": 3}, {"start": 0.5, "stop": 5, "dtype": "int32"},
            {"start": 0.5, "stop": 5, "step": 1.5, "dtype": "int64"}, {"start": -2, "stop": 3, "dtype": "int8"},
            {"start": 0, "stop": 4, "step": 0.25, "dtype": "float16"}, {"start": 0, "stop": 3, "dtype": "uint8", "infer_range": True},
            {"start": 0, "stop": 2, "step": 0.3, "dtype": "float64"}, {"start": 5, "stop": 0}, {"start": 0, "stop": 5, "step": 0},
        ):  # fmt: skip
            yield single(mx, op, {}, numpy=op == "_npi_arange", **settings)
    for op in ("_linspace", "_npi_linspace"):
        kinds = [{"num": 4, "dtype": "float64"}, {"num": 6, "dtype": "int32"}, {"num": 6, "dtype": "float16"}]
        for settings in ({"num": 5}, {"num": 5, "endpoint": False}, {"num": 1}, *kinds):
            yield single(mx, op, {}, start=-1, stop=4.5, **settings)
    for settings in ({"num": 5}, {"num": 5, "base": 2}, {"num": 4, "endpoint": False, "dtype": "float64"}):
        yield single(mx, "_npi_logspace", {}, start=0, stop=2, **settings)
    for dtype in ("int32", "int64", "float32"):
        yield single(mx, "_npi_indices", {}, dimensions="(2, 3)", dtype=dtype)
    for op in ("_npi_blackman", "_npi_hamming", "_npi_hanning"):
        for size in (1, 5, 8):
            yield single(mx, op, {}, M=size)
    for dtype in ("float32", "float16", "float64", "int32", "int64"):
        for settings in ({}, {"axis": 1}, {"axis": -2, "start": 1.5, "step": 2}, {"start": -1, "step": 0.5}, {"axis": 0, "step": -1}):
            dynamic = {"data": ("batch", 4)}
            yield single(mx, "_contrib_arange_like", {"data": normal(3, 4, dtype=dtype)}, dynamic=dynamic, **settings)
    for settings in ({"repeat": 2}, {"repeat": 3, "axis": -1}, {"repeat": 4, "axis": 1, "start": 1}):
        for shape in ((2, 6), (2, 4)):
            yield single(mx, "_contrib_arange_like", {"data": normal(*shape)}, dynamic={"data": ("batch", "time")}, **settings)
    yield single(mx, "_contrib_arange_like", {"data": normal(2, 3, 4)}, dynamic={"data": ("batch", 3, "time")})
