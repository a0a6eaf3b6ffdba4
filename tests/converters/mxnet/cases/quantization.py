"""Quantised numbers and the layers of them."""

from itertools import product

from .case import Case, given, integers, normal, uniform, variable


def sweep(mx):
    """Every type, calibrated or not, values on halves and beyond the range; layers with and without bias."""
    yield from conversions(mx)
    yield from layers(mx)
    yield from elementwise(mx)
    yield network(mx)


VALUES = [-300.0, -127.5, -3, -2.5, -1.5, -1, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 126.5, 127, 127.5, 128, 254.5, 255, 300]


def conversions(mx):
    data, low, high = (variable(mx, name) for name in ("data", "low", "high"))
    for out_type in ("int8", "uint8", None):
        setting = {"out_type": out_type} if out_type else {}
        for ends in ((-1, 2), (0, 255), (-127, 127), (-3.3, 0.7), (0.5, 2)):
            for name, values in (("given", given([VALUES])), ("random", normal(3, 5, 4, scale=2.0))):
                yield Case(
                    f"quantize,{out_type},{ends},{name}",
                    mx.sym.contrib.quantize(data, low, high, name="q", **setting),
                    {"data": values, "low": given([ends[0]]), "high": given([ends[1]])},
                    dynamic={"data": ("batch", *values.shape[1:])},
                )
    for out_type, ends in product(("int8", "uint8", "auto", None), (None, (-1, 2), (0, 255), (-127, 127), (-3.3, 0.7), (0.5, 2))):
        setting = {"out_type": out_type} if out_type else {}
        if ends is not None:
            setting |= {"min_calib_range": ends[0], "max_calib_range": ends[1]}
        for name, values in (("given", given([VALUES])), ("random", normal(2, 3, 4, 5, scale=2.0)), ("zeros", given([[0, 0, 0]]))):
            yield Case(
                f"quantize_v2,{out_type},{ends},{name}",
                mx.sym.contrib.quantize_v2(data, name="q", **setting),
                {"data": values},
                dynamic={"data": ("batch", *values.shape[1:])},
            )
    for dtype, out_type, ends in product(("int8", "uint8"), ("int8", "uint8", "auto"), (None, (-1, 2))):
        setting = {} if ends is None else {"min_calib_range": ends[0], "max_calib_range": ends[1]}
        yield Case(
            f"quantize_v2,of {dtype},{out_type},{ends}",
            mx.sym.contrib.quantize_v2(variable(mx, "data", dtype), out_type=out_type, name="q", **setting),
            {"data": numbers(dtype, 4, 5)},
        )
    for dtype, ends in product(("int8", "uint8"), ((-1, 2), (0, 255), (-3.3, 0.7))):
        yield Case(
            f"dequantize,{dtype},{ends}",
            mx.sym.contrib.dequantize(variable(mx, "data", dtype), low, high, out_type="float32", name="q"),
            {"data": numbers(dtype, 3, 2, 7), "low": given([ends[0]]), "high": given([ends[1]])},
            dynamic={"data": ("batch", 2, 7)},
        )
    data = variable(mx, "data", "int32")
    for out_type, ends in product(("int8", "uint8", "auto", None), (None, (-1, 1), (0, 0.5), (-40, 33))):
        setting = {"out_type": out_type} if out_type else {}
        if ends is not None:
            setting |= {"min_calib_range": ends[0], "max_calib_range": ends[1]}
        yield Case(
            f"requantize,{out_type},{ends}",
            mx.sym.contrib.requantize(data, low, high, name="q", **setting),
            {"data": integers(-2000000, 30000000, 3, 40, dtype="int32"), "low": given([-3000]), "high": given([2000])},
            dynamic={"data": ("batch", 40)},
        )


def ranged(mx, *names):
    """The variables of the ends of ranges, and values for them."""
    ends = (-1.0, 1.5, -0.5, 0.6, -0.3, 0.2)
    return [variable(mx, name) for name in names], {name: given([end]) for name, end in zip(names, ends, strict=False)}


def by_name(names, ends):
    """Keyword arguments: an operator without bias has fewer of them, but not other positions."""
    return dict(zip(names, ends, strict=False))


def numbers(dtype, *shape):
    """All of int8 or of uint8."""
    return integers(*((-128, 127) if dtype == "int8" else (0, 255)), *shape, dtype=dtype)


def layers(mx):
    names = ("min_data", "max_data", "min_weight", "max_weight", "min_bias", "max_bias")
    for dtype, bias, shape, flatten in product(("int8", "uint8"), (True, False), ((3, 8), (2, 2, 4), (1, 600)), (True, False)):
        ends, fed = ranged(mx, *names[: 6 if bias else 4])
        data, weight = variable(mx, "data", dtype), variable(mx, "weight", "int8")
        given_bias = {"bias": variable(mx, "bias", "int8")} if bias else {}
        width = shape[-1] * (shape[1] if flatten and len(shape) == 3 else 1)
        yield Case(
            f"quantized_fully_connected,{dtype},{bias},{shape},{flatten}",
            mx.sym.contrib.quantized_fully_connected(
                data=data,
                weight=weight,
                **by_name(names, ends),
                **given_bias,
                num_hidden=5,
                no_bias=not bias,
                flatten=flatten,
                name="fc",
            ),
            {"data": numbers(dtype, *shape), **fed},
            {"weight": numbers("int8", 5, width), **({"bias": numbers("int8", 5)} if bias else {})},
            dynamic={"data": ("batch", *shape[1:])},
        )
    for dtype, bias, stride, pad, dilate in product(("uint8", "int8"), (True, False), ((), (2, 1)), ((), (1, 2)), ((), (2, 2))):
        ends, fed = ranged(mx, *names[: 6 if bias else 4])
        data, weight = variable(mx, "data", dtype), variable(mx, "weight", "int8")
        given_bias = {"bias": variable(mx, "bias", "int8")} if bias else {}
        setting = {key: value for key, value in (("stride", stride), ("pad", pad), ("dilate", dilate)) if value}
        if dtype == "int8" and setting:
            continue
        yield Case(
            f"quantized_conv,{dtype},{bias},{setting}",
            mx.sym.contrib.quantized_conv(
                data=data,
                weight=weight,
                **by_name(names, ends),
                **given_bias,
                kernel=(3, 3),
                num_filter=4,
                no_bias=not bias,
                name="c",
                **setting,
            ),
            {"data": numbers(dtype, 2, 4, 7, 6), **fed},
            {"weight": numbers("int8", 4, 4, 3, 3), **({"bias": numbers("int8", 4)} if bias else {})},
            dynamic={"data": ("batch", 4, "height", "width")},
        )
    for setting, shape in (
        ({"num_group": 2, "kernel": (3, 3), "num_filter": 4}, (2, 4, 5, 5)), ({"kernel": (1, 1), "num_filter": 3}, (1, 3, 4, 4)),
        ({"kernel": (2, 2, 2), "num_filter": 4}, (1, 4, 4, 4, 3)), ({"kernel": (3, 3), "num_filter": 4, "layout": "NCHW"}, (1, 4, 5, 5)),
        ({"kernel": (3,), "num_filter": 4}, (1, 4, 9)),
    ):  # fmt: skip
        ends, fed = ranged(mx, *names[:4])
        data, weight = variable(mx, "data", "uint8"), variable(mx, "weight", "int8")
        symbol = mx.sym.contrib.quantized_conv(data=data, weight=weight, **by_name(names, ends), no_bias=True, name="c", **setting)
        weight = numbers("int8", setting["num_filter"], shape[1] // setting.get("num_group", 1), *setting["kernel"])
        yield Case(f"quantized_conv,{setting}", symbol, {"data": numbers("uint8", *shape), **fed}, {"weight": weight})
    for dtype in ("int8", "uint8"):
        ends, fed = ranged(mx, "low", "high")
        data = variable(mx, "data", dtype)
        for shape in ((2, 3, 4), (2, 3, 2, 2), (5, 3)):
            inputs, dynamic = {"data": numbers(dtype, *shape), **fed}, {"data": ("batch", *shape[1:])}
            yield Case(f"quantized_flatten,{dtype},{shape}", mx.sym.contrib.quantized_flatten(data, *ends, name="f"), inputs, {}, dynamic)
            for kind in ("relu", "tanh"):
                symbol = mx.sym.contrib.quantized_act(data, *ends, act_type=kind, name="a")
                yield Case(f"quantized_act,{dtype},{kind},{shape}", symbol, inputs, {}, dynamic)
        for kind, setting in product(
            ("max", "avg", "sum"),
            (
                {"kernel": (2, 2)}, {"kernel": (3, 2), "stride": (2, 1), "pad": (1, 0)}, {"global_pool": True, "kernel": (1, 1)},
                {"kernel": (3, 3), "stride": (2, 2), "pooling_convention": "full"}, {"kernel": (2, 2), "stride": (2, 2), "pad": (1, 1)},
                {"kernel": (3, 3), "stride": (2, 2), "pad": (1, 1), "count_include_pad": False}, {"kernel": (2, 2, 2)},
            ),
        ):  # fmt: skip
            shape = (2, 4, 4, 3, 5) if len(setting["kernel"]) == 3 else (2, 4, 6, 7)
            yield Case(
                f"quantized_pooling,{dtype},{kind},{setting}",
                mx.sym.contrib.quantized_pooling(data, *ends, pool_type=kind, name="p", **setting),
                {"data": numbers(dtype, *shape), **fed},
                dynamic={"data": ("batch", *shape[1:])},
            )
        parameters = [variable(mx, name) for name in ("gamma", "beta", "mean", "var")]
        for eps, calib, fix, axis in product((1e-3, 0.5), ((-1.5, 1.0), None), (True, False), (1, 3)):
            if axis == 3 and (eps != 1e-3 or calib is None):
                continue
            setting = {} if calib is None else {"min_calib_range": calib[0], "max_calib_range": calib[1]}
            yield Case(
                f"quantized_batch_norm,{dtype},{eps},{calib},{fix},{axis}",
                mx.sym.contrib.quantized_batch_norm(data, *parameters, *ends, eps=eps, fix_gamma=fix, axis=axis, name="bn", **setting),
                {"data": numbers(dtype, 2, 4, 3, 4), **fed},
                {"gamma": normal(4), "beta": normal(4), "mean": normal(4), "var": uniform(0.5, 2, 4)},
            )
    ends, fed = ranged(mx, *names)
    symbol = mx.sym.contrib.quantized_fully_connected(
        variable(mx, "data", "uint8"), variable(mx, "weight"), variable(mx, "bias"), *ends, num_hidden=5, name="fc"
    )
    parameters = {"weight": numbers("int8", 5, 4), "bias": numbers("int8", 5)}
    yield Case("quantized_fully_connected,types unsaid", symbol, {"data": numbers("uint8", 2, 4), **parameters, **fed})
    ends, fed = ranged(mx, "low", "high")
    rows = variable(mx, "weight", "int8")
    yield Case(
        "quantized_embedding",
        mx.sym.contrib.quantized_embedding(variable(mx, "data"), rows, *ends, input_dim=6, output_dim=3, name="e"),
        {"data": integers(-2, 8, 2, 5), **fed},
        {"weight": numbers("int8", 6, 3)},
        dynamic={"data": ("batch", 5)},
    )


def elementwise(mx):
    names = ("a_min", "a_max", "b_min", "b_max")
    for left, right, calib in product(("int8", "uint8"), ("int8", "uint8"), (None, (-2.0, 1.0), (0.0, 1.0))):
        ends, fed = ranged(mx, *names)
        a, b = variable(mx, "a", left), variable(mx, "b", right)
        setting = {} if calib is None else {"min_calib_range": calib[0], "max_calib_range": calib[1]}
        inputs = {"a": numbers(left, 3, 4, 2), "b": numbers(right, 3, 4, 2), **fed}
        dynamic = {"a": ("batch", 4, 2), "b": ("batch", 4, 2)}
        symbol = mx.sym.contrib.quantized_elemwise_add(a, b, *ends, name="add", **setting)
        yield Case(f"quantized_elemwise_add,{left},{right},{calib}", symbol, inputs, {}, dynamic)
        for real in (False, True):
            symbol = mx.sym.contrib.quantized_elemwise_mul(a, b, *ends, enable_float_output=real, name="mul", **setting)
            if (left, right) == ("int8", "int8"):
                yield Case(f"quantized_elemwise_mul,{calib},{real}", symbol, inputs, {}, dynamic)
    for kinds, axis in product((("int8", "int8"), ("uint8", "uint8"), ("int8", "uint8", "int8"), ("uint8", "int8"), ("int8",)), (1, 2, 0)):
        data = [variable(mx, f"x{i}", kind) for i, kind in enumerate(kinds)]
        ends, fed = ranged(mx, *(f"{end}{i}" for i in range(len(kinds)) for end in ("low", "high")))
        yield Case(
            f"quantized_concat,{kinds},{axis}",
            mx.sym.contrib.quantized_concat(*data, *ends, num_args=len(kinds), dim=axis, name="cat"),
            {**{f"x{i}": numbers(kind, 2, 3, 2) for i, kind in enumerate(kinds)}, **fed},
        )


def network(mx):
    """A small network of int8, as quantize_model makes them: ranges calibrated, and those of weights beside them."""
    c, data = mx.sym.contrib, variable(mx, "data")
    ends = {name: variable(mx, name) for name in ("c_low", "c_high", "f_low", "f_high", "b_low", "b_high")}
    whole, low, high = c.quantize_v2(data, out_type="uint8", min_calib_range=0.0, max_calib_range=2.5, name="quantize")
    wide = c.quantized_conv(
        data=whole,
        weight=variable(mx, "c_weight", "int8"),
        min_data=low,
        max_data=high,
        min_weight=ends["c_low"],
        max_weight=ends["c_high"],
        kernel=(3, 3),
        pad=(1, 1),
        num_filter=8,
        no_bias=True,
        name="c",
    )
    narrow = c.requantize(*wide, min_calib_range=-3.0, max_calib_range=3.5, name="r")
    positive = c.quantized_act(*narrow, act_type="relu", name="a")
    pooled = c.quantized_pooling(*positive, kernel=(2, 2), stride=(2, 2), pool_type="max", name="p")
    whole, low, high = c.quantized_flatten(*pooled, name="flat")
    wide = c.quantized_fully_connected(
        data=whole,
        weight=variable(mx, "f_weight", "int8"),
        bias=variable(mx, "f_bias", "int8"),
        min_data=low,
        max_data=high,
        min_weight=ends["f_low"],
        max_weight=ends["f_high"],
        min_bias=ends["b_low"],
        max_bias=ends["b_high"],
        num_hidden=5,
        name="f",
    )
    parameters = {name: given([-0.4 if name.endswith("low") else 0.5]) for name in ends}
    parameters |= {"c_weight": numbers("int8", 8, 4, 3, 3), "f_weight": numbers("int8", 5, 72), "f_bias": numbers("int8", 5)}
    symbol = c.dequantize(*c.requantize(*wide, name="r2"), name="dequantize")
    return Case("network,int8", symbol, {"data": uniform(0, 2.5, 2, 4, 6, 6)}, parameters, dynamic={"data": ("batch", 4, 6, 6)})
