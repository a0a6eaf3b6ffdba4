"""Choices between elements."""

from .case import given, integers, normal, several, single

FLOATS = ("float32", "float16", "float64")
INTEGERS = ("int32", "int64", "int8", "uint8")
nan, inf = float("nan"), float("inf")


def sweep(mx):
    """Limits of every kind; conditions of every type and shape."""
    limits = ((-1.5, 2.5), ("-1", "1e+00"), (0, 6), ("-inf", 2), (0.1, "inf"), (3, 1), (-2, -2), (0, "1e+30"), (0, 255), (1.5, 2.5))
    for dtype in (*FLOATS, *INTEGERS, "bool"):
        for low, high in limits:
            values = (-7, -3, -2, -1, 0, 1, 2, 3, 5, 7, 100) if dtype[0] != "f" else (nan, inf, -inf, -2.5, -1.5, -0.5, 0, 1, 2.5, 3, 9)
            values = values if dtype not in ("uint8", "bool") else (0, 1, 2, 3, 5, 7, 200) if dtype == "uint8" else (0, 1)
            if dtype[0] != "f" and ("inf" in (low, high) or high == "1e+30"):
                continue  # what a float too large for an integer becomes there is nobody's business
            if (dtype, high) in (("int8", 255), ("uint8", -2)):
                continue
            yield single(mx, "clip", {"data": given(values, dtype=dtype)}, a_min=low, a_max=high)
    for shape in ((), (0, 3)):
        yield single(mx, "clip", {"data": normal(*shape)}, a_min=-0.5, a_max=0.5, numpy=True)
    for shape in ((5,), (2, 3), (1, 2, 3, 4), (2, 1, 2, 2, 3)):
        yield single(mx, "clip", {"data": normal(*shape)}, a_min=-0.5, a_max=0.5, dynamic={"data": ("batch", *shape[1:])})
        same = {"condition": integers(0, 1, *shape), "x": normal(*shape), "y": normal(*shape)}
        yield single(mx, "where", same, dynamic=dict.fromkeys(same, ("batch", *shape[1:])))
        rows = {**same, "condition": integers(0, 1, shape[0])}
        if len(shape) > 1:
            yield single(mx, "where", rows, dynamic={"condition": ("batch",), "x": ("batch", *shape[1:]), "y": ("batch", *shape[1:])})
    condition = given((1.0, 0.0, -0.5, nan))
    for op in ("where", "_npi_where"):
        for dtype in (*FLOATS, *INTEGERS, "bool"):
            tensors = {"x": integers(0, 9, 4, dtype=dtype), "y": integers(0, 9, 4, dtype=dtype)}
            if dtype != "bool" or op != "where":
                yield single(mx, op, {"condition": condition, **tensors})
            if dtype != "bool":
                truths = given((1, 0, 2, 0), dtype=dtype)
                yield single(mx, op, {"condition": truths, "x": normal(4), "y": normal(4)}, label="condition")
        yield single(mx, op, {"condition": given((True, False), dtype="bool"), "x": normal(2), "y": normal(2)})
        yield single(mx, op, {"condition": given((1, 0)), "x": normal(2), "y": normal(2, dtype="float64")})
        for shapes in (((3,), (2, 3), (2, 3)), ((2, 3), (2, 3), (3,)), ((2, 3), (2, 3), (2, 3)), ((2, 1), (1, 3), (2, 3))):
            inputs = {key: integers(0, 1, *shape) for key, shape in zip(("condition", "x", "y"), shapes, strict=True)}
            yield single(mx, op, inputs, label="shapes")
    for shapes in (((), (2, 3), ()), ((0, 3), (0, 3), (0, 3)), ((), (), ())):
        inputs = {key: integers(0, 1, *shape) for key, shape in zip(("condition", "x", "y"), shapes, strict=True)}
        yield single(mx, "_npi_where", inputs, numpy=True)
    for dtype in (*FLOATS, *INTEGERS, "bool"):
        truths = given((True, False, True), dtype="bool")
        tensor = integers(0, 9, 2, 3, dtype=dtype)
        calls = [("_npi_where_lscalar", {"condition": truths, "x": tensor}, {"scalar": 2.5})]
        calls.append(("_npi_where_rscalar", {"condition": integers(0, 1, 2, 1), "y": tensor}, {"scalar": "3"}))
        yield several(mx, f"_npi_where_scalar,{dtype}", calls)
    yield single(mx, "_npi_where_scalar2", {"condition": given((True, False), dtype="bool")}, x_=2.5, y_=1)
    yield single(mx, "_npi_where_scalar2", {"condition": given((0, 2), dtype="int32")}, x_=2.5, y_="1e-03")
