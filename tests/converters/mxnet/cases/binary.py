"""Two tensors, element by element."""

from .case import given, integers, normal, several, single, uniform

ARITHMETIC = ("add", "sub", "mul", "div", "mod", "power", "maximum", "minimum", "hypot")
LOGIC = (
    "equal", "not_equal", "greater", "greater_equal", "lesser", "lesser_equal", "logical_and", "logical_or", "logical_xor"
)  # fmt: skip
ALIKE = {"add": "elemwise_add", "sub": "elemwise_sub", "mul": "elemwise_mul", "div": "elemwise_div"}
NUMPY = ("maximum", "minimum", "hypot", "arctan2", "copysign", "ldexp")
NUMPY_LOGIC = ("equal", "not_equal", "greater", "greater_equal", "less", "less_equal")
BITS = ("bitwise_and", "bitwise_or", "bitwise_xor")
FLOATS = ("float32", "float16", "float64")
INTEGERS = ("int32", "int64", "int8", "uint8")
nan, inf = float("nan"), float("inf")
LEFT = (nan, inf, -inf, 1, 1, -0.0, 0, 2.5, -2.5, 7, -7, -7, 3, 1.5, -1.5, inf, 0.5)
RIGHT = (1, nan, 2, nan, inf, 0, -0.0, -1.5, 1.5, 2, 2, -2, 3, -inf, inf, inf, -3)


def pairs(op, floats=FLOATS, integers_=INTEGERS):
    """The same operator on every type: edges of floats, integers of both signs."""
    for dtype in floats:
        a, b = LEFT, RIGHT
        if "arctan2" in op or "hypot" in op:  # where both are infinite, or one is NaN, or an angle of zeros
            a = (1, -1, 0, 0, -0.0, -0.0, -2.5, 2.5, -3, 3, inf, 1, -1)
            b = (0, 0, 2, -2, -2, 2, 1.5, -1.5, -3, 3, 2, -inf, -inf)
        yield op, {"a": given(a, dtype=dtype), "b": given(b[: len(a)], dtype=dtype)}, {}
        yield op, {"a": uniform(0.5, 3, 2, 3, dtype=dtype), "b": uniform(-2, 2, 2, 3, dtype=dtype)}, {}
    for dtype in integers_:
        left, right = (7, -7, 7, -7, 0, 1, -1, 6), (2, 2, -2, -2, 3, 1, 2, 3)
        if dtype == "uint8":
            left, right = map(abs, left), map(abs, right)
        if "power" in op:
            left, right = (2, 3, 1, 2, 1, 0), (3, 2, 7, 0, 5, 2)
        yield op, {"a": given(list(left), dtype=dtype), "b": given(list(right), dtype=dtype)}, {}


def mixed(op):
    """numpy's operators on two types."""
    kinds = (*FLOATS, *INTEGERS, "bool")
    for left in kinds:
        for right in kinds:
            if {left, right} == {"int8", "uint8"} or (op == "true_divide" and left != right and {left, right} <= set(FLOATS)):
                continue
            if op == "true_divide" and left != right and not {left, right} & set(FLOATS):
                continue
            if op in ("subtract", "mod") and left == right == "bool":
                continue
            a = integers(0, 1, 2, 3, dtype=left) if left == "bool" else integers(1, 4, 2, 3, dtype=left)
            b = integers(0, 1, 3, dtype=right) if right == "bool" else integers(1, 3, 3, dtype=right)
            yield f"_npi_{op}", {"a": a, "b": b}, {}


def sweep(mx):
    """Every operation on every type, and on shapes that broadcast."""
    for name in (*ARITHMETIC, *LOGIC):
        yield several(mx, ALIKE.get(name, f"_{name}"), list(pairs(ALIKE.get(name, f"_{name}"))))
        yield several(mx, f"broadcast_{name}", list(pairs(f"broadcast_{name}")))
    for name in NUMPY:
        floats_only = name in ("hypot", "arctan2")
        yield several(mx, f"_npi_{name}", list(pairs(f"_npi_{name}", integers_=() if floats_only else INTEGERS)))
        if floats_only:
            yield single(mx, f"_npi_{name}", {"a": given((1, 2), dtype="int32"), "b": given((1, 2), dtype="int32")})
    truths = {"a": given((True, True, False, False), dtype="bool"), "b": given((True, False, True, False), dtype="bool")}
    for name in NUMPY_LOGIC:
        yield several(mx, f"_npi_{name}", [*pairs(f"_npi_{name}"), (f"_npi_{name}", truths, {})])
    for name in BITS:
        yield several(mx, f"_npi_{name}", [*pairs(f"_npi_{name}", floats=()), (f"_npi_{name}", truths, {})])
        yield single(mx, f"_npi_{name}", {"a": normal(2), "b": normal(2)})
    for name in ("add", "subtract", "multiply", "mod", "power", "true_divide"):
        yield several(mx, f"_npi_{name}", list(mixed(name)))
    for name, *types in (
        ("_npi_add", "int8", "uint8"), ("_npi_mod", "bool", "bool"),
        ("elemwise_add", "float32", "int32"), ("broadcast_mul", "float16", "float32"), ("_npi_true_divide", "float32", "float16"),
        ("_npi_maximum", "int32", "float32"), ("_npi_equal", "int32", "int64"), ("_plus", "bool", "bool"),
        ("broadcast_equal", "bool", "bool"), ("_npi_subtract", "bool", "bool"),
    ):  # fmt: skip
        a, b = (given((1, 0), dtype=dtype) for dtype in types)
        yield single(mx, name, {"a": a, "b": b})
    for name in ("broadcast_add", "broadcast_div", "broadcast_mod", "broadcast_maximum", "broadcast_lesser", "_npi_add", "_npi_greater"):
        for left, right in (
            ((2, 3), (3,)), ((2, 3), (1, 3)), ((2, 1), (1, 3)), ((3,), (2, 1)), ((1,), (2, 3, 4)), ((2, 3, 1, 2), (3, 4, 1)),
            ((2, 1, 2, 1, 3), (2, 1, 2, 2, 1)), ((2, 3), (2, 3)),
        ):  # fmt: skip
            dynamic = {"a": ("batch", *left[1:])} if left[0] == 2 else {"b": ("batch", *right[1:])}
            if left[0] == right[0] and len(left) == len(right):
                dynamic = {"a": ("batch", *left[1:]), "b": ("batch", *right[1:])}
            yield single(mx, name, {"a": normal(*left), "b": normal(*right)}, dynamic=dynamic)
        for left, right in (((), (2, 3)), ((0, 3), (1, 3)), ((), ())):
            yield single(mx, name, {"a": normal(*left), "b": normal(*right)}, numpy=True)
        yield single(mx, name, {"a": normal(2, 3), "b": normal(2)})
    for name in ("elemwise_mul", "_maximum", "_equal"):
        for shape in ((5,), (2, 3), (1, 2, 3, 4), (2, 1, 2, 2, 3)):
            dynamic = {"a": ("batch", *shape[1:]), "b": ("batch", *shape[1:])}
            yield single(mx, name, {"a": normal(*shape), "b": normal(*shape)}, dynamic=dynamic)
        yield single(mx, name, {"a": normal(2, 3), "b": normal(3)})
        yield single(mx, name, {"a": normal(2, 3), "b": normal(1, 3)})
    for dtype in (*FLOATS, *INTEGERS):
        tensors = {key: integers(1, 100, 2, 3, dtype=dtype) for key in "abcd"}
        for count in (1, 2, 4):
            yield single(mx, "add_n", dict(list(tensors.items())[:count]), num_args=count)
    yield single(mx, "add_n", {"a": normal(2, 3), "b": normal(3)}, num_args=2)
    for dtype in ("int32", "int64"):
        three = given((1, 3, 7), dtype=dtype)
        big = {"a": given((16777217, 123456789, 2000000011), dtype=dtype), "b": three}
        for op in ("elemwise_add", "elemwise_div", "_mod", "_maximum", "_hypot", "_npi_multiply", "broadcast_sub"):
            inputs = {"a": given((16777217, 5, 12), dtype=dtype), "b": three} if op == "_hypot" else big
            yield single(mx, op, inputs, label="big")
        for op in ("_mod", "broadcast_mod", "_npi_mod"):
            yield single(mx, op, {"a": given((1, -2, 3), dtype=dtype), "b": given((0, 3, 0), dtype=dtype)}, label="by 0")
