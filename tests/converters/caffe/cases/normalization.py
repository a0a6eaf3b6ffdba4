"""BatchNorm, Scale, Bias, LRN and MVN."""

from itertools import product

from .case import Case, data, given, label, layer, normal, one, uniform


def batch_norm():
    """Stored statistics over a scale factor (0 means zero statistics), or the batch's own."""
    for shape, factor, eps in product(
        ((2, 3, 4, 5), (3, 4), (2, 3, 5), (1, 2, 2, 3, 2)), (1, 0, 999.98, 0.5, -2), (None, 0.001)
    ):
        if factor == -2 and len(shape) != 4:
            continue
        variance = uniform(0.3, 2) if factor in (0, 1, 0.5) else uniform(300, 2000) if factor > 1 else uniform(-2, -0.3)
        weights = (normal(0, abs(factor) or 1), variance, given(factor))
        form = {} if eps is None else {"batch_norm_param": {"eps": eps}}
        yield one(f"BatchNorm,{label(shape=shape, factor=factor, eps=eps)}", "BatchNorm", shape, weights=weights, **form)
    for name, form in {
        "global-stats": {"use_global_stats": True},
        "global-stats-eps": {"use_global_stats": True, "eps": 0.1},
        "moving-average": {"moving_average_fraction": 0.9},
        "large-eps": {"eps": 2},
    }.items():
        yield one(f"BatchNorm,{name}", "BatchNorm", (2, 3, 3, 4), batch_norm_param=form)
    for shape, eps in product(((2, 3, 4, 5), (4, 3), (3, 2, 7), (1, 3, 4, 4)), (1e-5, 0.01)):
        yield one(
            f"BatchNorm,batch-stats,{label(shape=shape, eps=eps)}",
            "BatchNorm",
            shape,
            values=normal(2, 3),
            batch_norm_param={"use_global_stats": False, "eps": eps},
        )
    yield one("BatchNorm,refused,1-axis", "BatchNorm", (4,), refused=True)
    yield Case(
        "BatchNorm,in-place-then-scale",
        data(data=(2, 3, 4, 4))
        + layer("Convolution", "data", "c", convolution_param={"num_output": 4, "kernel_size": 3, "bias_term": False})
        + layer("BatchNorm", "c", "c", name="bn")
        + layer("Scale", "c", "c", name="scale", scale_param={"bias_term": True})
        + layer("ReLU", "c", "c", name="relu"),
    )
    yield Case(
        "BatchNorm,shared-statistics",
        data(data=(2, 3, 2, 2))
        + "".join(layer("BatchNorm", "data", top, param=[{"name": n, "lr_mult": 0} for n in "mvf"]) for top in ("a", "b")),
    )
    yield one("BatchNorm,lr_mult=0", "BatchNorm", (2, 3, 2, 2), param=[{"lr_mult": 0}] * 3)
    yield Case(
        "BatchNorm,zero-statistics-unstored",
        data(data=(2, 3, 2, 2)) + layer("BatchNorm", "data", "out"),
        unstored=["out"],
        tolerance=1e-4,
    )


def scale_and_bias():
    """A learned or a second bottom, over axis and num_axes."""
    for layer_type, key in (("Scale", "scale_param"), ("Bias", "bias_param")):
        for axis, count in (
            (1, 1),
            (1, 2),
            (1, 3),
            (0, 1),
            (0, 2),
            (0, -1),
            (1, -1),
            (2, -1),
            (2, 2),
            (-1, 1),
            (-2, 2),
            (-3, 1),
            (3, 1),
            (0, 0),
            (2, 0),
            (0, 4),
        ):
            yield one(
                f"{layer_type},{label(axis=axis, num_axes=count)}",
                layer_type,
                (2, 3, 4, 5),
                **{key: {"axis": axis, "num_axes": count}},
            )
        for axis, shape in (
            (1, (3,)),
            (0, (2,)),
            (0, (2, 3)),
            (1, (3, 4, 5)),
            (-1, (5,)),
            (-2, (4, 5)),
            (0, (2, 3, 4, 5)),
            (2, (4,)),
            (0, ()),
            (2, ()),
        ):
            yield one(
                f"{layer_type},two-bottoms,{label(axis=axis, shape=shape)}",
                layer_type,
                (2, 3, 4, 5),
                extra={"by": shape},
                **{key: {"axis": axis}},
            )
        for shape in ((4, 3), (2, 3, 5), (3,), (1, 2, 2, 2, 2)):
            form = {"axis": 0} if len(shape) == 1 else {}
            yield one(f"{layer_type},{label(shape=shape)}", layer_type, shape, **{key: form})
        yield Case(
            f"{layer_type},in-place",
            data(data=(2, 3, 4)) + layer("Power", "data", "x") + layer(layer_type, "x", "x", name="in-place"),
        )
        yield Case(
            f"{layer_type},filler",
            data(data=(2, 3, 4)) + layer(layer_type, "data", "out", **{key: {"filler": {"type": "constant", "value": 2.5}}}),
            unstored=["out"],
        )
        yield Case(f"{layer_type},default-filler", data(data=(2, 3, 4)) + layer(layer_type, "data", "out"), unstored=["out"])
        yield one(f"{layer_type},refused,axis=4", layer_type, (2, 3, 4, 5), refused=True, **{key: {"axis": 4}})
        yield one(f"{layer_type},refused,num_axes=4", layer_type, (2, 3, 4, 5), refused=True, **{key: {"num_axes": 4}})
        yield one(
            f"{layer_type},refused,shape", layer_type, (2, 3, 4, 5), extra={"by": (4,)}, refused=True, **{key: {"axis": 1}}
        )
    for axis, count in ((1, 1), (0, 2), (1, -1), (-1, 1), (0, 0), (2, 1)):
        yield one(
            f"Scale,bias,{label(axis=axis, num_axes=count)}",
            "Scale",
            (2, 3, 4, 5),
            scale_param={"axis": axis, "num_axes": count, "bias_term": True},
        )
    for axis, shape in ((0, (2, 3)), (1, (3,)), (2, (4, 5))):
        yield one(
            f"Scale,two-bottoms-bias,{label(axis=axis, shape=shape)}",
            "Scale",
            (2, 3, 4, 5),
            extra={"by": shape},
            scale_param={"axis": axis, "bias_term": True},
        )
    yield Case(
        "Scale,bias-filler",
        data(data=(2, 3, 4))
        + layer("Scale", "data", "out", scale_param={"filler": {"value": 0.5}, "bias_term": True, "bias_filler": {"value": 3}}),
        unstored=["out"],
    )
    yield Case("Scale,by-itself", data(data=(2, 3, 4)) + layer("Scale", ["data", "data"], "out", scale_param={"axis": 0}))


def lrn():
    """Across channels: alpha is divided by the size; within a channel: by the window's area, padding counted."""
    for region, size in product(("ACROSS_CHANNELS", "WITHIN_CHANNEL"), (1, 3, 5, 7)):
        for alpha, beta, k in ((1, 0.75, 1), (0.0001, 0.75, 1), (2, 0.5, 1), (0.5, 1.5, 2), (3, 1, 1.5)):
            if region == "WITHIN_CHANNEL" and k != 1:
                continue  # of its own, below
            attributes = {"local_size": size, "alpha": alpha, "beta": beta, "k": k, "norm_region": region}
            yield one(f"LRN,{label(**attributes)}", "LRN", (2, 6, 5, 4), values=normal(0, 2), lrn_param=attributes)
    yield one("LRN,defaults", "LRN", (1, 4, 3, 3))
    yield one("LRN,defaults-few-channels", "LRN", (2, 2, 3, 3), values=normal(0, 3))
    yield one("LRN,within-defaults", "LRN", (1, 4, 6, 5), values=normal(0, 3), lrn_param={"norm_region": "WITHIN_CHANNEL"})
    yield one(
        "LRN,within-small-image",
        "LRN",
        (1, 2, 2, 3),
        values=normal(0, 3),
        lrn_param={"norm_region": "WITHIN_CHANNEL", "local_size": 5, "alpha": 2},
    )
    yield one("LRN,engine", "LRN", (1, 4, 3, 3), lrn_param={"engine": "CAFFE", "alpha": 2})
    yield one("LRN,k=2", "LRN", (1, 5, 3, 3), lrn_param={"k": 2, "alpha": 0.0005})
    yield one(
        "LRN,within-k=2",
        "LRN",
        (1, 3, 5, 5),
        values=normal(0, 2),
        lrn_param={"k": 2, "alpha": 0.5, "local_size": 3, "norm_region": "WITHIN_CHANNEL"},
    )
    yield Case(
        "LRN,of-a-parameter",
        data(data=(2, 5, 3, 3))
        + layer("Parameter", [], "constant", parameter_param={"shape": {"dim": [2, 5, 3, 3]}})
        + layer("LRN", "constant", "normalized", lrn_param={"alpha": 1.0, "local_size": 3})
        + layer("Eltwise", ["data", "normalized"], "out"),
    )
    yield one("LRN,refused,even-size", "LRN", (1, 4, 3, 3), refused=True, lrn_param={"local_size": 4})
    yield one("LRN,refused,3-axes", "LRN", (1, 4, 3), refused=True)


def mvn():
    """The mean, and optionally the deviation plus eps, over an image's channels one by one or together."""
    for variance, across, eps, shape in product(
        (True, False), (True, False), (None, 0.1), ((2, 3, 4, 5), (1, 2, 5, 3), (3, 1, 4, 4))
    ):
        attributes = {"normalize_variance": variance, "across_channels": across, **({} if eps is None else {"eps": eps})}
        yield one(f"MVN,{label(**attributes, shape=shape)}", "MVN", shape, values=normal(1, 2), mvn_param=attributes)
    yield one("MVN,defaults", "MVN", (2, 3, 4, 4))
    yield one("MVN,large-mean", "MVN", (1, 2, 4, 4), values=normal(50, 1), tolerance=1e-4)
    yield one("MVN,3-axes", "MVN", (2, 3, 4))
    yield one("MVN,2-axes-across", "MVN", (2, 5), mvn_param={"across_channels": True})


CASES = [*batch_norm(), *scale_and_bias(), *lrn(), *mvn()]
