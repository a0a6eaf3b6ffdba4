"""Softmax and its relatives, alone and in losses."""

from .case import Case, given, integers, node, normal, single

FLOATS = ("float32", "float16", "float64")
inf = float("inf")


def sweep(mx):
    """Axes, temperatures, types and lengths; every shape of a SoftmaxOutput."""
    for op in ("softmax", "log_softmax", "softmin"):
        yield single(mx, op, {"data": normal(2, 3)})
        for shape in ((4,), (2, 3), (2, 3, 4), (2, 3, 2, 2), (2, 1, 2, 3, 2)):
            for axis in range(-len(shape), len(shape)):
                dynamic = {"data": ("batch", *shape[1:])}
                yield single(mx, op, {"data": normal(*shape, scale=3.0)}, axis=axis, dynamic=dynamic)
        yield single(mx, op, {"data": normal(2, 3)}, axis=2)
        for dtype in (*FLOATS, "int32", "bool"):
            for out in (None, "None", *FLOATS):
                settings = {} if out is None else {"dtype": out}
                # MXNet rounds to halves before it widens them, ONNX Runtime doesn't
                tolerance = 1e-3 if dtype == "float16" else 1e-5
                yield single(mx, op, {"data": normal(2, 5, dtype=dtype)}, tolerance=tolerance, **settings)
            for temperature in ("None", 1, 0.5, "1e+01", 3):
                yield single(mx, op, {"data": normal(2, 5, dtype=dtype)}, temperature=temperature, use_length=False)
        yield single(mx, op, {"data": normal(0, 3)}, numpy=True)
        yield single(mx, op, {"data": given((1.0, -inf, 2.0, 100.0))})
    for dtype in FLOATS:
        for axis, length in ((1, [[1, 2, 3, 0], [3, 3, 1, 2]]), (-1, [[1, 2, 4], [4, 0, 3]]), (0, [[0, 1, 2, 1]] * 3)):
            for kind in ("int32", "int64", "float32", "uint8") if dtype == "float32" else ("int32",):
                inputs = {"data": normal(2, 3, 4, dtype=dtype), "length": given(length, dtype=kind)}
                yield single(mx, "softmax", inputs, axis=axis, use_length=True, dynamic={"data": (2, 3, "time")} if axis == -1 else None)
            yield single(mx, "softmax", inputs, axis=axis, use_length=True, temperature=2, label="t")
    batch = {"data": ("batch", 3, "time"), "length": ("batch", 3)}
    yield single(mx, "softmax", {"data": normal(2, 3, 4), "length": integers(0, 4, 2, 3, dtype="int32")}, use_length=True, dynamic=batch)
    yield single(mx, "softmax", {"data": normal(2, 3), "length": given((1, 2, 3), dtype="int32")}, use_length=True)
    yield single(mx, "_npx_softmax", {"data": normal(2, 3)}, axis=0)
    yield single(mx, "_npx_log_softmax", {"data": normal(2, 3)}, axis=0)
    for shape in ((2, 3), (2, 3, 2), (2, 3, 2, 2), (2, 3, 1, 2, 2)):
        for mode in ("instance", "channel"):
            yield single(mx, "SoftmaxActivation", {"data": normal(*shape)}, mode=mode, dynamic={"data": ("batch", *shape[1:])})
    yield single(mx, "SoftmaxActivation", {"data": normal(2, 3)})
    yield single(mx, "SoftmaxActivation", {"data": normal(2, 3, dtype="float64")})
    for op in ("SoftmaxOutput", "Softmax"):
        for shape, label, settings in (
            ((2, 3), (2,), {}), ((4,), (4,), {}), ((2, 3, 4), (2, 3, 4), {}), ((2, 3, 2, 2), (2, 3, 2, 2), {}),
            ((2, 3, 4), (2, 4), {"multi_output": True}), ((2, 3, 2, 2), (2, 2, 2), {"multi_output": "1"}),
            ((2, 3, 4), (2, 3), {"preserve_shape": True}), ((2, 3, 2, 2), (2, 3, 2), {"preserve_shape": True}),
            ((2, 3, 4), (2, 4), {"multi_output": True, "preserve_shape": True}),
            ((2, 3), (2,), {"grad_scale": 0.5, "ignore_label": 0, "use_ignore": True, "normalization": "valid", "out_grad": True,
                            "smooth_alpha": 0.1}),
        ):  # fmt: skip
            dynamic = {"data": ("batch", *shape[1:])}
            yield labelled(mx, op, shape, label, settings, dynamic)
    for dtype in ("float16", "float64"):
        yield labelled(mx, "SoftmaxOutput", (2, 3), (2,), {}, {}, dtype)
        yield labelled(mx, "SoftmaxOutput", (3,), (3,), {}, {}, dtype)
        yield labelled(mx, "SoftmaxOutput", (2, 3, 2, 2), (2, 3, 2, 2), {}, {}, dtype)
        yield labelled(mx, "SoftmaxOutput", (2, 3, 2, 2), (2, 2, 2), {"multi_output": True}, {}, dtype)
    for op in ("LinearRegressionOutput", "LogisticRegressionOutput", "MAERegressionOutput", "SVMOutput"):
        for shape in ((4,), (2, 3), (2, 3, 2)):
            if op == "SVMOutput" and len(shape) != 2:
                continue
            label = shape if op != "SVMOutput" else shape[:1]
            for dtype in FLOATS:
                yield labelled(mx, op, shape, label, {}, {"data": ("batch", *shape[1:])}, dtype)
        settings = {"grad_scale": 0.5} if op != "SVMOutput" else {"margin": 0.5, "regularization_coefficient": "1e-01", "use_linear": True}
        yield labelled(mx, op, (2, 3), (2, 3) if op != "SVMOutput" else (2,), settings, {})
    for dtype in FLOATS:
        inputs = {"data": normal(3, 4, dtype=dtype), "label": given((0, 3, 1), dtype=dtype)}
        dynamic = {"data": ("batch", 4), "label": ("batch",)}
        yield single(mx, "softmax_cross_entropy", inputs, dynamic=dynamic)
    yield single(mx, "softmax_cross_entropy", {"data": given(((100.0, 0.0, -50.0),)), "label": given((2,))})
    yield single(mx, "softmax_cross_entropy", {"data": normal(3, 4), "label": given((0, 3, 1), dtype="int32")})


def labelled(mx, op, shape, label, settings, dynamic, dtype="float32"):
    """An output with a label, which only training reads; it is fed all the same."""
    made = node(mx, op, {"data": normal(*shape, dtype=dtype), "label": normal(*label, dtype=dtype)}, **settings)
    name = ",".join([op, str(shape), str(label), dtype, *(f"{key}={value}" for key, value in settings.items())])
    inputs = {"data": normal(*shape, dtype=dtype), "label": integers(0, 1, *label, dtype=dtype)}
    return Case(name, made, inputs, dynamic={**dynamic} if dynamic else {})
