"""Functions of each element."""

from .case import distinct, given, normal, several, single

REAL = (
    "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "cbrt", "cos", "cosh", "degrees", "erf", "erfinv", "exp", "expm1",
    "gamma", "gammaln", "log", "log10", "log1p", "log2", "radians", "rcbrt", "reciprocal", "rsqrt", "sigmoid", "sin", "sinh",
    "softsign", "sqrt", "tan", "tanh",
)  # fmt: skip
OTHERS = ("abs", "ceil", "fix", "floor", "logical_not", "negative", "relu", "rint", "round", "sign", "square", "trunc")
NUMPY = (
    *("_npi_absolute", "_npx_relu", "_npx_sigmoid", "_npi_rint", "_npi_sign", "_npi_fix", "_npi_trunc", "_npi_ceil", "_npi_floor"),
    *("_npi_negative", "_npi_square", "_npi_logical_not", "_npi_isnan", "_npi_isinf", "_npi_isfinite", "_npi_isposinf"),
    *("_npi_isneginf", *(f"_npi_{name}" for name in REAL if name not in (
        "erf", "erfinv", "gamma", "gammaln", "rcbrt", "rsqrt", "sigmoid", "softsign"))),
)  # fmt: skip
LOWEST = {"arccosh": 1, "log": 1, "log10": 1, "log2": 1, "log1p": 0, "gamma": 1, "gammaln": 1, "rsqrt": 1, "sqrt": 0}
"""The least integer that a function takes."""
HIGHEST = {"exp": 20, "expm1": 20, "cosh": 20, "sinh": 20, "gamma": 13}
"""And the greatest, whose value its type holds, or float64 has exactly."""

nan, inf = float("nan"), float("inf")
EDGES = (-2.5, -1.5, -1.0, -0.7, -0.5, -0.0, 0.0, 1e-4, 0.3, 0.5, 0.7, 1.0, 1.5, 2.5, 3.0, 4.0, 8.0, nan, inf, -inf)
WHOLE = {
    "arccos": (-1, 0, 1),
    "arcsin": (-1, 0, 1),
    "arctanh": (0,),
    "erfinv": (-5, -2, 0, 2, 3),
    "rcbrt": (-8, -2, -1, 1, 2, 8),
    "reciprocal": (-8, -2, -1, 1, 2, 8),
}


def calls(op):
    """One operator on every type: edges of floating-point numbers, integers that it is defined for."""
    name = op.replace("_npi_", "").replace("_npx_", "")
    for dtype in ("float32", "float16", "float64"):
        yield op, {"x": given(EDGES, dtype=dtype)}, {}
        yield op, {"x": normal(2, 3, 4, dtype=dtype)}, {}
    for dtype in ("int32", "int64", "int8", "uint8"):
        values = WHOLE.get(name, (*range(-5, 8), 10, 16, 20, 30, 100, 125))
        values = [v for v in values if LOWEST.get(name, -9) <= v <= HIGHEST.get(name, 999)]
        yield op, {"x": given([v for v in values if v >= 0 or dtype != "uint8"], dtype=dtype)}, {}


def sweep(mx):
    """Every function on every type that MXNet has it for, and on tensors of many ranks."""
    for op in (*REAL, *OTHERS, *NUMPY):
        yield several(mx, op, list(calls(op)))
    for op in ("_contrib_round_ste", "_contrib_sign_ste", "_npx_erf", "_npx_erfinv", "_npx_gamma", "_npx_gammaln"):
        yield single(mx, op, {"data": normal(2, 3)})
    yield single(mx, "_npx_smooth_l1", {"data": normal(2, 3)}, scalar=0.5)
    for op in ("degrees", "radians", "square", "_npi_square", "tan", "sqrt", "log2", "abs", "sign", "negative"):
        for dtype in ("int32", "int64"):
            yield single(mx, op, {"data": given((16777217, 36190559, 30000001), dtype=dtype)}, label="large")
    for op in ("_npi_logical_not", "_npi_isnan", "_npi_isfinite", "_npi_bitwise_not", "exp", "relu", "logical_not", "ceil"):
        yield single(mx, op, {"x": given((True, False, True), dtype="bool")})
    for dtype in ("int32", "int64", "int8", "uint8", "float32"):
        yield single(mx, "_npi_bitwise_not", {"x": given((0, 1, 5, 100, 127), dtype=dtype)})
    for op in ("exp", "round", "log1p", "gamma", "erfinv", "sign", "cbrt", "hard_sigmoid"):
        for shape in ((5,), (2, 3), (1, 2, 3, 4), (2, 1, 2, 2, 3)):
            yield single(mx, op, {"x": distinct(*shape, scale=0.013)}, dynamic={"x": ("batch", *shape[1:])})
        for shape in ((), (0, 3)):
            yield single(mx, op, {"x": normal(*shape)}, numpy=True)
    for dtype in ("float32", "float16", "float64", "int32"):
        x = {"x": given(EDGES, dtype=dtype) if dtype != "int32" else given((-3, 0, 2, 5), dtype=dtype)}
        for settings in ({}, {"alpha": 0.3, "beta": 0.4}, {"alpha": "1e-01", "beta": 0}):
            yield single(mx, "hard_sigmoid", x, **settings)
        whole = dtype == "int32"  # MXNet crashes on integers and a scalar that isn't whole
        for settings in ({}, {"scalar": 2}, {"scalar": "0.3", "is_int": whole}, {"scalar": -2.5}, {"scalar": "0.0"}):
            if whole and settings.get("scalar") == "0.0":
                continue
            yield single(mx, "smooth_l1", x, **settings)
    for dtype in ("float32", "float64", "int32", "int64", "float16"):
        for decimals in (0, 1, 2, -1):
            values = (1.25, 1.35, -15.5, 125, 15, -25, 35, 0.5, 1.5, 2.5, -0.5, 0.125)
            yield single(mx, "_npi_around", {"x": given(values, dtype=dtype)}, decimals=decimals)
    for dtype in ("float32", "float16", "float64", "int32"):
        x = {"data": given((nan, inf, -inf, 1.5) if dtype != "int32" else (1, 2), dtype=dtype)}
        for settings in ({}, {"nan": 5}, {"posinf": 2.5, "neginf": -3}, {"posinf": None, "copy": False}):
            yield single(mx, "_npi_nan_to_num", x, **settings)
        yield single(mx, "_contrib_quadratic", {"data": normal(2, 3, dtype=dtype)}, a=0.5, b=-2, c="3e-1")
        yield single(mx, "_contrib_div_sqrt_dim", {"data": normal(2, 3, 5, dtype=dtype, scale=9.0)}, dynamic={"data": ("b", 3, "d")})
