"""Random numbers: of each case the distribution is compared."""

from .case import Case, given, normal, uniform, variable


def sweep(mx):
    """Every distribution, in every type; parameters as numbers and as tensors."""
    r = mx.sym.random
    size = (20, 50)
    for dtype in ("float16", "float32", "float64", None):
        for name, low, high in (("default", 0, 1), ("wide", -3, 5), ("equal", 2, 2.5)):
            symbol = r.uniform(low, high, shape=size, name="n", **({"dtype": dtype} if dtype else {}))
            yield Case(f"random_uniform,{dtype},{name}", symbol, {}, random=True)
            symbol = r.normal(low, high, shape=size, name="n", **({"dtype": dtype} if dtype else {}))
            yield Case(f"random_normal,{dtype},{name}", symbol, {}, random=True)
    for name, symbol in {
        "random_uniform,one axis": r.uniform(shape=700),
        "random_uniform,four axes": r.uniform(shape=(3, 5, 7, 9)),
        "random_exponential": r.exponential(0.5, shape=size),
        "random_exponential,float64": r.exponential(4, shape=size, dtype="float64"),
        "random_poisson": r.poisson(3.5, shape=size),
        "random_poisson,many": r.poisson(80, shape=size, dtype="float64"),
        "random_negative_binomial": r.negative_binomial(3, 0.4, shape=size),
        "random_negative_binomial,certain": r.negative_binomial(3, 1.0, shape=size),
        "random_generalized_negative_binomial": r.generalized_negative_binomial(4, 0.3, shape=size),
        "random_gamma": r.gamma(2.5, 3, shape=size),
        "random_gamma,below 1": r.gamma(0.4, 0.5, shape=size, dtype="float64"),
        "random_gamma,large": r.gamma(60, 0.1, shape=size),
        "random_randint": r.randint(-3, 9, shape=size),
        "random_randint,int64": r.randint(2, 5, shape=size, dtype="int64"),
        "random_uniform,no shape": r.uniform(),
    }.items():
        yield Case(name, symbol, {}, random=True)
    for dtype in ("float32", "float64", "float16"):
        data = variable(mx, "data", dtype)
        inputs, dynamic = {"data": normal(20, 50, dtype=dtype)}, {"data": ("batch", 50)}
        for kind, setting in (("uniform", {"low": -1, "high": 3}), ("normal", {"loc": 2, "scale": 0.5}), ("exponential", {"lam": 3})):
            symbol = getattr(mx.sym, f"random_{kind}_like", None) or getattr(r, f"{kind}_like", None)
            yield Case(f"random_{kind}_like,{dtype}", symbol(data, name="n", **setting), inputs, {}, dynamic, random=True)
    a, b = variable(mx, "a"), variable(mx, "b")
    pair, dynamic = {"a": given([[1, 1, 1]]), "b": given([[4, 4, 4]])}, {"a": ("batch", 3), "b": ("batch", 3)}
    for kind in ("uniform", "normal"):
        yield Case(f"sample_{kind}", getattr(r, kind)(a, b, shape=(10, 40), name="n"), pair, {}, dynamic, random=True)
        yield Case(f"sample_{kind},no shape", getattr(r, kind)(a, b), {"a": normal(900), "b": uniform(5, 6, 900)}, random=True)
    wide = (variable(mx, name, "float64") for name in ("a", "b"))
    wanted = {"a": given([1, 1], dtype="float64"), "b": given([2, 2], dtype="float64")}
    yield Case("sample_normal,float64", r.normal(*wide, shape=400), wanted, random=True)
    rates = mx.sym.sample_exponential(a, shape=(400,), name="n")
    yield Case("sample_exponential", rates, {"a": given([2, 2])}, {}, {"a": ("batch",)}, random=True)
    gammas = mx.sym.sample_gamma(a, b, shape=(400,), name="n")
    yield Case("sample_gamma", gammas, {"a": given([0.7, 0.7]), "b": given([2, 2])}, {}, {"a": ("batch",), "b": ("batch",)}, random=True)
    data, shares = variable(mx, "data"), [0.1, 0.4, 0, 0.5]
    for label, shape, values in (
        ("rows", 500, [shares] * 2), ("axes", (20, 30), [shares]), ("vector", (30, 20), shares), ("none", None, [shares] * 900),
    ):  # fmt: skip
        setting = {} if shape is None else {"shape": shape}
        for get_prob in (False, True):
            symbol = mx.sym.sample_multinomial(data, get_prob=get_prob, name="n", **setting)
            yield Case(f"sample_multinomial,{label},{get_prob}", symbol, {"data": given(values)}, random=True)
    yield Case("sample_multinomial,one", mx.sym.sample_multinomial(data, name="n"), {"data": given([0, 0, 1])}, random=True)
    for dtype in ("float16", "float32", "float64", "uint8"):
        symbol = mx.sym.sample_multinomial(data, shape=(500,), dtype=dtype, get_prob=True, name="n")
        yield Case(f"sample_multinomial,{dtype}", symbol, {"data": given([shares])}, {}, {"data": ("batch", 4)}, random=True)
    yield Case("shuffle", mx.sym.random.shuffle(data), {"data": normal(40, 3)}, {}, {"data": ("batch", 3)}, random=True)
    yield Case("shuffle,vector", mx.sym.random.shuffle(data), {"data": normal(600)}, random=True)
    yield from numpy(mx)


def numpy(mx):
    """numpy's names, whose samplers give their noise too."""
    r, size = mx.sym.numpy.random, (20, 50)
    for name, symbol in {
        "uniform": r.uniform(-1, 2, size=size), "uniform,float64": r.uniform(size=size, dtype="float64"),
        "normal": r.normal(1, 3, size=size),
        "normal,float16": r.normal(size=size, dtype="float16"), "exponential": r.exponential(2.0, size=size),
        "gumbel": r.gumbel(1, 2, size=size), "logistic": r.logistic(-1, 0.5, size=size), "weibull": r.weibull(2.5, size=size),
        "pareto": r.pareto(3.0, size=size), "rayleigh": r.rayleigh(2.0, size=size), "randint": r.randint(2, 7, size=size),
        "rand": r.rand(*size),
    }.items():  # fmt: skip
        yield Case(f"np.random.{name}", symbol, {}, random=True)
