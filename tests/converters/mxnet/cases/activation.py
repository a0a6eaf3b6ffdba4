"""Activations."""

from .case import Case, distinct, given, normal, several, single, uniform

KINDS = ("relu", "sigmoid", "tanh", "softrelu", "softsign")
nan, inf = float("nan"), float("inf")
EDGES = (-100, -20, -3, -1, -1e-3, 0, 1e-3, 0.5, 1, 4, 20, 100)


def sweep(mx):
    """Every kind, on every rank and type."""
    x = mx.sym.Variable("data")
    for kind in KINDS:
        for shape in ((5,), (2, 3), (2, 3, 4), (1, 2, 3, 4), (2, 1, 2, 2, 3)):
            yield Case(
                f"Activation,{kind},{len(shape)}-D",
                mx.sym.Activation(x, act_type=kind, name="act"),
                {"data": normal(*shape, scale=3.0)},
                dynamic={"data": ("batch", *shape[1:])},
            )
        edges = [("Activation", {"x": given(EDGES, dtype=dtype)}, {"act_type": kind}) for dtype in ("float32", "float16", "float64")]
        yield several(mx, f"Activation,{kind},edges", edges)
        yield single(mx, "Activation", {"data": given((1, 2), dtype="int32")}, act_type=kind)
        yield single(mx, "_npx_activation", {"data": normal()}, act_type=kind, numpy=True)
    for kind in ("leaky", "elu", "selu", "gelu", "rrelu"):
        for settings in ({}, {"slope": 0.1}, {"slope": "0.0"}, {"lower_bound": 0.2, "upper_bound": "3e-1"}):
            edges = [
                ("LeakyReLU", {"x": given(EDGES, dtype=dtype)}, {"act_type": kind, **settings})
                for dtype in ("float32", "float16", "float64")
            ]
            yield several(mx, f"LeakyReLU,{kind},{settings}", edges)
        for shape in ((5,), (2, 3, 2), (2, 3, 2, 2)):
            data = {"data": normal(*shape)}
            yield single(mx, "LeakyReLU", data, act_type=kind, dynamic={"data": ("batch", *shape[1:])})
        yield single(mx, "LeakyReLU", {"data": given((1, 2), dtype="int32")}, act_type=kind)
    yield single(mx, "LeakyReLU", {"data": normal(2, 3)})
    for dtype in ("float32", "float16", "float64"):
        for slope in (0, 0.5):
            infinite = {"data": given((-inf, inf, nan if slope else 0, -1, 1), dtype=dtype)}
            yield single(mx, "LeakyReLU", infinite, act_type="leaky", slope=slope)
    for shape, gammas in {
        (4,): ((1,), (4,), (3,)),
        (2, 4): ((4,), (1,), (2, 4), (1, 4), (2, 1), (2,)),
        (2, 3, 2): ((3,), (1,), (2,), (2, 3), (1, 3, 1), (4,)),
        (2, 3, 2, 2): ((3,), (1,), (2,), (2, 3), (1, 3)),
        (2, 3, 1, 2, 2): ((3,), (1,)),
    }.items():
        for gamma in gammas:
            inputs = {"data": distinct(*shape), "gamma": uniform(0.1, 0.9, *gamma)}
            dynamic = {"data": ("batch", *shape[1:])} if gamma in ((3,), (1,)) and len(shape) > 1 else None
            yield single(mx, "LeakyReLU", inputs, act_type="prelu", dynamic=dynamic)
            if gamma == (3,) and len(shape) > 1:
                variables = [mx.sym.Variable("data"), mx.sym.Variable("gamma")]
                symbol = mx.sym.LeakyReLU(*variables, act_type="prelu", name="y")
                yield Case(f"LeakyReLU,{shape},gamma a weight", symbol, {"data": inputs["data"]}, {"gamma": inputs["gamma"]})
    for dtype in ("float16", "float64", "int32"):
        inputs = {"data": normal(2, 3, 2, dtype=dtype), "gamma": normal(3, dtype=dtype)}
        yield single(mx, "LeakyReLU", inputs, act_type="prelu")
