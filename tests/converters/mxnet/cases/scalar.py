"""A tensor and a number."""

from .case import given, normal, several, single

ARITHMETIC = (
    "_plus", "_minus", "_rminus", "_mul", "_div", "_rdiv", "_mod", "_rmod", "_power", "_rpower", "_maximum", "_minimum", "_hypot",
    "_npi_add", "_npi_subtract", "_npi_rsubtract", "_npi_multiply", "_npi_mod", "_npi_rmod", "_npi_power", "_npi_rpower",
    "_npi_maximum", "_npi_minimum", "_npi_hypot", "_npi_arctan2", "_npi_rarctan2", "_npi_copysign", "_npi_rcopysign", "_npi_ldexp",
    "_npi_rldexp", "_npi_true_divide", "_npi_rtrue_divide", "_scatter_plus", "_scatter_minus",
)  # fmt: skip
LOGIC = (
    "_equal", "_not_equal", "_greater", "_greater_equal", "_lesser", "_lesser_equal", "_logical_and", "_logical_or", "_logical_xor",
    "_npi_equal", "_npi_not_equal", "_npi_greater", "_npi_greater_equal", "_npi_less", "_npi_less_equal",
)  # fmt: skip
BITS = ("_npi_bitwise_and", "_npi_bitwise_or", "_npi_bitwise_xor")
SCALARS = (("2", None), ("2.5", "False"), ("-2.5", None), ("-3.0", "True"), ("1e-01", 0))
nan, inf = float("nan"), float("inf")


def calls(op):
    """Every type with whole scalars and others; what divides by zero on integers, or overflows, left out."""
    for dtype in ("float32", "float16", "float64", "int32", "int64", "int8", "uint8", "bool"):
        whole = dtype[0] in "iub"
        values = (-7, -3, -2, -1, 1, 2, 3, 5, 7) if whole else (-7, -2.5, -1, -0.5, -0.0, 0, 0.3, 1, 2.5, 7, nan, inf, -inf)
        if dtype in ("uint8", "bool"):
            values = (0, 1) if dtype == "bool" else (1, 2, 3, 5, 7)
        for scalar, is_int in SCALARS:
            negative = dtype == "uint8" and str(scalar)[0] == "-"
            if (negative and ("pow" in op or "ldexp" in op)) or (BITS.count(op) and not whole):
                continue  # a byte of a negative number is nobody's business
            if dtype == "bool" and str(is_int) in ("None", "True", "1") and ("pow" in op or "rdiv" in op or "rmod" in op):
                values = (1, 1)
            if whole and str(is_int) == "None" and scalar == "-2.5" and dtype == "int8" and "rpower" in op:
                continue
            yield f"{op}_scalar", {"data": given(values, dtype=dtype)}, {"scalar": scalar, "is_int": is_int}


def sweep(mx):
    """Every operation on every type, with scalars written in every way."""
    for op in (*ARITHMETIC, *LOGIC, *BITS):
        yield several(mx, op, list(calls(op)))
    for op in ("_plus_scalar", "_rminus_scalar", "_div_scalar", "_maximum_scalar", "_lesser_scalar", "_npi_add_scalar"):
        yield single(mx, op, {"data": normal(2, 3)})
        for shape in ((5,), (1, 2, 3, 4), (2, 1, 2, 2, 3)):
            yield single(mx, op, {"data": normal(*shape)}, scalar=0.5, dynamic={"data": ("batch", *shape[1:])})
        for shape in ((), (0, 3)):
            yield single(mx, op, {"data": normal(*shape)}, scalar=0.5, numpy=True)
    for op in ("_mod_scalar", "_rmod_scalar", "_power_scalar", "_rpower_scalar", "_div_scalar", "_rdiv_scalar", "_maximum_scalar"):
        for scalar in (0, "nan", "inf", "-inf"):
            yield single(mx, op, {"data": given((-2.0, -0.5, 0.0, 1.0, 2.5, nan, inf, -inf))}, scalar=scalar)
    for op in ("_mod_scalar", "_npi_mod_scalar"):
        yield single(mx, op, {"data": given((-2, 0, 5), dtype="int32")}, scalar=0)
    for op in ("_mul_scalar", "_rdiv_scalar", "_power_scalar", "_maximum_scalar", "_hypot_scalar"):
        for dtype in ("int32", "int64"):
            values = (1, 3, 7, 16777217, 123456789) if op != "_power_scalar" else (2, 3, 5, 7)
            yield single(mx, op, {"data": given(values, dtype=dtype)}, scalar=9)
    for op in BITS:
        yield single(mx, f"{op}_scalar", {"data": normal(3)}, scalar=1)
