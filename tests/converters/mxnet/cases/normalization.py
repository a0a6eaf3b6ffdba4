"""Normalisation by stored statistics, layers, groups, instances and neighbours."""

from itertools import product

from .case import Case, normal, uniform

SHAPES = ((3, 4), (2, 4, 3), (2, 4, 3, 5), (1, 4, 2, 3, 2))


def sweep(mx):
    """Axes, settings, ranks, types, statistics that are asked for."""
    yield from _stored(mx)
    yield from _own(mx)
    yield from _neighbours(mx)


def _label(settings):
    return ",".join(f"{key}={value}" for key, value in settings.items())


def _case(op, label, symbol, shape, weights, dtype="float32", weight_dtype=None, tolerance=1e-5):
    params = {f"n_{name}": array for name, array in weights.items()}
    for name, array in params.items():
        params[name] = type(array)(**{**vars(array), "dtype": weight_dtype or dtype})
    return Case(
        f"{op},{label},{shape},{dtype}",
        symbol,
        {"data": normal(*shape, mean=0.5, scale=2.0, dtype=dtype)},
        params,
        dynamic={"data": ("batch", *shape[1:])},
        tolerance=tolerance,
    )


def _statistics(size):
    return {"gamma": normal(size), "beta": normal(size), "moving_mean": normal(size), "moving_var": uniform(0.2, 3.0, size)}


def _stored(mx):
    kinds = {
        "BatchNorm": mx.sym.BatchNorm,
        "BatchNorm_v1": mx.sym.BatchNorm_v1,
        "SyncBatchNorm": lambda *args, **kwargs: mx.sym.contrib.SyncBatchNorm(*args, key="k", **kwargs),
    }
    x = mx.sym.Variable("data")
    changes = (
        {},
        {"fix_gamma": False},
        {"use_global_stats": True, "fix_gamma": False},
        {"eps": 0.1, "momentum": 0.5},
        {"eps": 1e-9, "fix_gamma": False},
    )
    for (name, kind), settings, shape in product(kinds.items(), changes, ((4,), *SHAPES)):
        yield _case(name, _label(settings), kind(x, name="n", **settings), shape, _statistics(shape[min(1, len(shape) - 1)]))
    for name in ("BatchNorm", "BatchNorm_v1"):
        settings = {"output_mean_var": True, "fix_gamma": False, "eps": 2e-3}
        yield _case(name, _label(settings), kinds[name](x, name="n", **settings), (2, 4, 3, 3), _statistics(4))
    relu = mx.sym.contrib.BatchNormWithReLU
    for name, kind in (("SyncBatchNorm", kinds["SyncBatchNorm"]), ("BatchNormWithReLU", relu)):
        settings = {"output_mean_var": True, "fix_gamma": False}
        yield _case(name, _label(settings), kind(x, name="n", **settings)[0], (2, 4, 3, 3), _statistics(4))
    for settings, shape in product(({}, {"fix_gamma": False, "eps": 0.1}, {"axis": 3}, {"axis": -1}), ((3, 4), (2, 4, 3, 5), (2, 4, 3))):
        size = shape[settings.get("axis", 1)] if settings.get("axis", 1) < len(shape) else 1
        yield _case("BatchNormWithReLU", _label(settings), relu(x, name="n", **settings), shape, _statistics(size))
    for shape in ((4,), *SHAPES):
        for axis in sorted({-1, 0, 2, 3, -2, -3, len(shape) - 1, 5, -6}):
            size = shape[axis] if -len(shape) <= axis < len(shape) else 1
            settings = {"axis": axis, "fix_gamma": False}
            case = _case("BatchNorm", _label(settings), mx.sym.BatchNorm(x, name="n", **settings), shape, _statistics(size))
            if axis % len(shape) == 0:
                case.dynamic = {}
            yield case
    for (name, kind), dtype in product(kinds.items(), ("float16", "float64", "int32")):
        typed = mx.sym.Variable("data", dtype=dtype)
        own = "float32" if dtype == "float16" else dtype
        for settings in ({}, {"fix_gamma": False}):
            yield _case(name, _label(settings), kind(typed, name="n", **settings), (2, 4, 3, 3), _statistics(4), dtype, own)
    for dtype in ("float16", "float64"):
        typed = mx.sym.Variable("data", dtype=dtype)
        settings = {"axis": 3, "output_mean_var": True, "fix_gamma": False}
        own = "float32" if dtype == "float16" else dtype
        made = mx.sym.BatchNorm(typed, name="n", **settings)
        if dtype == "float16":  # MXNet rounds the variance that it gives, but not the one that it uses
            made = mx.sym.Group([made[0], made[1]])
        yield _case("BatchNorm", _label(settings), made, (2, 3, 3, 4), _statistics(4), dtype, own)
    read = mx.sym.BatchNorm(x, name="n", output_mean_var=True)
    read = mx.sym.Group([read[2], mx.sym.Activation(read[0], act_type="relu", name="r")])
    yield _case("BatchNorm", "read in part", read, (2, 4, 3), _statistics(4))
    free = {"data": normal(2, 3, 4), **{f"n_{name}": array for name, array in _statistics(3).items()}}
    yield Case("BatchNorm,its parameters are inputs", mx.sym.BatchNorm(x, name="n", fix_gamma=False), free)
    yield Case("BatchNorm,its parameters are inputs, gamma isn't read", mx.sym.BatchNorm(x, name="n"), free)


def _own(mx):
    for dtype in ("float32", "float16", "float64", "int32"):
        x = mx.sym.Variable("data", dtype=dtype)
        for shape in ((4,), *SHAPES) if dtype != "int32" else ((2, 4, 3),):
            for axis in range(-len(shape), len(shape) + 1) if dtype == "float32" else (-1, 0):
                for settings in ({"axis": axis}, {"axis": axis, "output_mean_var": True, "eps": 0.01}):
                    size = shape[axis] if axis < len(shape) else 1
                    weights = {"gamma": normal(size), "beta": normal(size)}
                    yield _case("LayerNorm", _label(settings), mx.sym.LayerNorm(x, name="n", **settings), shape, weights, dtype)
            for groups in (1, 2, 4, 3):
                for settings in ({"num_groups": groups}, {"num_groups": groups, "output_mean_var": True, "eps": 0.01}):
                    weights = {"gamma": normal(groups), "beta": normal(groups)}
                    yield _case("GroupNorm", _label(settings), mx.sym.GroupNorm(x, name="n", **settings), shape, weights, dtype)
            for settings in ({}, {"eps": 0.1}):
                weights = {"gamma": normal(4), "beta": normal(4)}
                yield _case("InstanceNorm", _label(settings), mx.sym.InstanceNorm(x, name="n", **settings), shape, weights, dtype)
    x = mx.sym.Variable("data")
    weights = {"gamma": normal(5), "beta": normal(5)}
    yield _case("LayerNorm", "defaults", mx.sym.LayerNorm(x, name="n"), (2, 3, 5), weights)
    yield _case("GroupNorm", "defaults", mx.sym.GroupNorm(x, name="n"), (2, 3, 5), {"gamma": normal(1), "beta": normal(1)})
    free = {"data": normal(2, 3, 4), "n_gamma": normal(3), "n_beta": normal(3)}
    yield Case("LayerNorm,its parameters are inputs", mx.sym.LayerNorm(x, name="n", axis=1), free)
    yield Case("GroupNorm,its parameters are inputs", mx.sym.GroupNorm(x, name="n", num_groups=3), free)
    yield Case("InstanceNorm,its parameters are inputs", mx.sym.InstanceNorm(x, name="n"), free)


def _neighbours(mx):
    x = mx.sym.Variable("data")
    changes = ({}, {"alpha": 0.1}, {"alpha": 0.5, "beta": 0.5, "knorm": 1.0}, {"alpha": 2.0, "knorm": 0.5}, {"alpha": 0.0}, {"beta": 0.0})
    for size, settings in product((1, 2, 3, 4, 5, 9), changes):
        yield _case("LRN", f"{size},{_label(settings)}", mx.sym.LRN(x, nsize=size, name="n", **settings), (2, 6, 2, 3), {})
    for shape in ((4,), (2, 6), (2, 6, 3), (2, 3, 2, 2, 2)):
        yield _case("LRN", "ranks", mx.sym.LRN(x, nsize=3, alpha=0.1, name="n"), shape, {})
    for dtype in ("float16", "float64"):
        yield _case("LRN", "types", mx.sym.LRN(mx.sym.Variable("data", dtype=dtype), nsize=3, name="n"), (2, 6, 2, 3), {}, dtype)
