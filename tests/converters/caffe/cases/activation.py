"""Layers that map each value alone: ReLU and its kin, Exp, Log, Power, Threshold, Dropout; PReLU by channel."""

from itertools import product

from .case import Case, data, given, label, layer, normal, one, uniform

SHAPES = ((2, 3, 4, 5), (3, 4), (7,), (2, 3, 5), (1, 2, 2, 3, 2))
WIDE = normal(0, 4)
LARGE = given(-300, -100, -89, -30, -3, -1e-4, 0, 1e-4, 3, 30, 89, 100, 300)


def plain():
    """Each layer with its parameters, on one to five axes, in place, and at the ends of its range."""
    forms = {
        "AbsVal": [{}],
        "BNLL": [{}],
        "Sigmoid": [{}, {"sigmoid_param": {"engine": "CAFFE"}}],
        "TanH": [{}, {"tanh_param": {"engine": "CAFFE"}}],
        "ReLU": [
            {},
            *({"relu_param": {"negative_slope": slope}} for slope in (0, 0.1, 1, 1.5, -0.5)),
            {"relu_param": {"engine": "CAFFE"}},
        ],
        "ELU": [{}, *({"elu_param": {"alpha": alpha}} for alpha in (1, 0.3, 2, 0, -0.5))],
        "Swish": [{}, *({"swish_param": {"beta": beta}} for beta in (1, 0.5, 2, 0, -1))],
        "Clip": [{"clip_param": {"min": low, "max": high}} for low, high in ((-1, 1), (0, 6), (-0.5, 2.25), (1, 1), (2, -2))],
        "Threshold": [{}, *({"threshold_param": {"threshold": value}} for value in (0, 0.5, -1.25))],
        "Dropout": [{}, {"dropout_param": {"dropout_ratio": 0.9}}],
    }
    for layer_type, variants in forms.items():
        for index, form in enumerate(variants):
            name = ",".join([layer_type, *(label(**inner) for inner in form.values())])
            for shape in SHAPES if index == 0 else (SHAPES[index % 4],):
                yield one(f"{name},{label(shape=shape)}", layer_type, shape, values=WIDE, **form)
            yield one(f"{name},range", layer_type, (13,), values=LARGE, **form)
        if layer_type == "AbsVal":
            yield one("AbsVal,refused,in-place", layer_type, (2, 3), top="data", refused=True)
            continue
        yield Case(
            f"{layer_type},in-place",
            data(data=(2, 3, 4))
            + layer("Power", "data", "x", power_param={"scale": 3})
            + layer(layer_type, "x", "x", name="in-place", **variants[0]),
        )
    yield Case(
        "ReLU,in-place-on-the-input",
        data(data=(2, 3))
        + layer("ReLU", "data", "data", name="relu")
        + layer("Power", "data", "out", power_param={"scale": 2}),
    )
    yield Case(
        "ReLU,in-place-chain",
        data(data=(2, 3))
        + layer("ReLU", "data", "data", name="relu")
        + layer("Sigmoid", "data", "data", name="s")
        + layer("TanH", "data", "out"),
    )
    yield Case(
        "Dropout,in-place-between",
        data(data=(2, 3))
        + layer("ReLU", "data", "x")
        + layer("Dropout", "x", "x", name="drop", dropout_param={"dropout_ratio": 0.3})
        + layer("Power", "x", "out", power_param={"power": 2}),
    )
    yield one("Clip,refused,no-maximum", "Clip", (2, 3), refused=True, clip_param={"min": 0})


def exponentials():
    """Exp, Log and Power over base (-1 means e), scale, shift and power; NaN and infinity where Caffe gives them."""
    for base, scale, shift in product((None, -1, 2, 10, 0.5), (None, 0.5, -2), (None, 0.25)):
        attributes = {k: v for k, v in (("base", base), ("scale", scale), ("shift", shift)) if v is not None}
        name = label(**attributes) or "defaults"
        yield one(f"Exp,{name}", "Exp", (2, 3, 4), exp_param=attributes)
        positive = uniform(0.2, 5) if (scale or 1) > 0 else uniform(-5, -0.2)
        yield one(f"Log,{name}", "Log", (2, 3, 4), values=positive, log_param=attributes)
    yield one("Log,zero-and-negative", "Log", (5,), values=given(0, -1, 1, 2, 4))
    yield one("Log,shift=1", "Log", (2, 3), values=uniform(0, 3), log_param={"shift": 1, "base": 2})
    yield one("Exp,overflow", "Exp", (4,), values=given(-200, -50, 50, 200))
    yield one("Exp,scale=0", "Exp", (2, 3), exp_param={"scale": 0, "shift": 1})
    for power, scale, shift in product((None, 0, 1, 2, 3, 0.5, -1, -0.5), (None, 0, 0.5), (None, 3)):
        attributes = {k: v for k, v in (("power", power), ("scale", scale), ("shift", shift)) if v is not None}
        base = uniform(0.3, 2) if power not in (None, 0, 1, 2, 3) else normal()
        if scale == 0 and not shift and power is not None and power < 0:
            continue
        yield one(f"Power,{label(**attributes) or 'defaults'}", "Power", (2, 3, 4), values=base, power_param=attributes)
    yield one("Power,root-of-negative", "Power", (4,), values=given(-2, 0, 1, 4), power_param={"power": 0.5})
    yield one("Power,inverse-of-zero", "Power", (4,), values=given(-2, 0, 1, 4), power_param={"power": -1})
    yield one("Power,inverse-of-nothing", "Power", (2, 3), power_param={"power": -1, "scale": 0})
    yield one("Power,cube-of-negative", "Power", (4,), values=given(-2, -0.5, 1, 4), power_param={"power": 3})
    for layer_type in ("Exp", "Log", "Power"):
        yield Case(
            f"{layer_type},in-place",
            data(data=(2, 3)) + layer("AbsVal", "data", "x") + layer(layer_type, "x", "x", name="in-place"),
        )
        yield one(f"{layer_type},4-axes", layer_type, (2, 2, 3, 2), values=uniform(0.5, 2))
    yield one("Exp,refused,base=0", "Exp", (2, 3), refused=True, exp_param={"base": 0})


def prelu():
    """A slope for each channel (axis 1), or one for all."""
    for shared, shape in product((False, True), ((2, 3, 4, 5), (3, 4), (2, 3, 5), (3, 1, 2, 2))):
        yield one(f"PReLU,{label(channel_shared=shared, shape=shape)}", "PReLU", shape, prelu_param={"channel_shared": shared})
    yield one("PReLU,negative-slopes", "PReLU", (2, 3, 4), weights=(normal(0, 2),))
    yield Case("PReLU,filler", data(data=(2, 3, 4)) + layer("PReLU", "data", "out"), unstored=["out"])
    yield Case(
        "PReLU,constant-filler",
        data(data=(2, 3, 4)) + layer("PReLU", "data", "out", prelu_param={"filler": {"type": "constant", "value": 0.6}}),
        unstored=["out"],
    )
    yield one("PReLU,refused,5-axes", "PReLU", (2, 3, 1, 2, 2), refused=True)
    yield Case("PReLU,in-place", data(data=(2, 3, 4)) + layer("Power", "data", "x") + layer("PReLU", "x", "x", name="in-place"))
    yield Case(
        "PReLU,shared-by-name",
        data(data=(2, 3, 4)) + "".join(layer("PReLU", "data", top, param={"name": "slope"}) for top in ("a", "b")),
    )


CASES = [*plain(), *exponentials(), *prelu()]
