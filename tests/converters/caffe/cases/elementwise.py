"""Eltwise, Concat, Split and the composition of CReLU."""

from itertools import product

from .case import Case, data, integers, label, layer, normal


def eltwise():
    """PROD, SUM with and without coefficients, MAX; two to four bottoms; no broadcasting."""
    for operation, count, shape in product(
        ("PROD", "SUM", "MAX", None), (2, 3, 4), ((2, 3, 4, 5), (3, 4), (5,), (1, 2, 2, 3, 2))
    ):
        names = [f"in{i}" for i in range(count)]
        form = {"eltwise_param": {"operation": operation}} if operation else {}
        yield Case(
            f"Eltwise,{label(operation=operation, bottoms=count, shape=shape)}",
            data(**dict.fromkeys(names, shape)) + layer("Eltwise", names, "out", **form),
        )
    for coefficients in ((1, -1), (0.5, 2), (0, 1), (1, 1), (-1, -1), (1, 0.25, -3), (2, 2, 2, 2)):
        names = [f"in{i}" for i in range(len(coefficients))]
        form = {"operation": "SUM", "coeff": list(coefficients)}
        yield Case(
            f"Eltwise,{label(coeff=coefficients)}",
            data(**dict.fromkeys(names, (2, 3, 4))) + layer("Eltwise", names, "out", eltwise_param=form),
        )
    two = data(a=(2, 3), b=(2, 3))
    yield Case("Eltwise,coeff-default-operation", two + layer("Eltwise", ["a", "b"], "out", eltwise_param={"coeff": [1, -1]}))
    yield Case(
        "Eltwise,same-bottom-twice",
        data(data=(2, 3)) + layer("Eltwise", ["data", "data"], "out", eltwise_param={"operation": "PROD"}),
    )
    yield Case(
        "Eltwise,unstable-product",
        two + layer("Eltwise", ["a", "b"], "out", eltwise_param={"operation": "PROD", "stable_prod_grad": False}),
    )
    yield Case(
        "Eltwise,max-of-equals",
        two + layer("Eltwise", ["a", "b"], "out", eltwise_param={"operation": "MAX"}),
        {"a": integers(0, 3), "b": integers(0, 3)},
    )
    for operation in ("MAX", "PROD"):
        yield Case(
            f"Eltwise,{operation},in-place",
            two
            + layer("Power", "a", "x", power_param={"scale": 2})
            + layer("Eltwise", ["x", "b", "a"], "x", name="in-place", eltwise_param={"operation": operation}),
        )
    yield Case(
        "Eltwise,in-place",
        two + layer("Power", "a", "x", power_param={"scale": 2}) + layer("Eltwise", ["x", "b"], "x", name="in-place"),
    )
    yield Case(
        "Eltwise,residual",
        data(data=(2, 3, 4))
        + layer("ReLU", "data", "x")
        + layer("Eltwise", ["data", "x"], "out")
        + layer("ReLU", "out", "out", name="relu"),
    )
    for name, text in {
        "shapes": data(a=(2, 3), b=(2, 1)) + layer("Eltwise", ["a", "b"], "out"),
        "coeff-count": two + layer("Eltwise", ["a", "b"], "out", eltwise_param={"coeff": [1]}),
        "coeff-of-PROD": two + layer("Eltwise", ["a", "b"], "out", eltwise_param={"operation": "PROD", "coeff": [1, 2]}),
        "one-bottom": two + layer("Eltwise", ["a"], "out"),
    }.items():
        yield Case(f"Eltwise,refused,{name}", text, refused=True)


def concat():
    """Along each axis; the legacy concat_dim counts in the same way."""
    for axis in (None, 0, 1, 2, 3, -1, -2, -4):
        for count in (2, 3):
            names = [f"in{i}" for i in range(count)]
            sizes = [[2, 3, 2, 4] for _ in names]
            for extent, size in enumerate(sizes):
                size[1 if axis is None else axis] = extent + 1
            form = {} if axis is None else {"concat_param": {"axis": axis}}
            yield Case(
                f"Concat,{label(axis=axis, bottoms=count)}",
                data(**{name: sizes[i] for i, name in enumerate(names)}) + layer("Concat", names, "out", **form),
            )
    for dim in (0, 1, 2, 3):
        sizes = [[2, 3, 2, 2], [2, 3, 2, 2]]
        sizes[1][dim] = 4
        yield Case(
            f"Concat,{label(concat_dim=dim)}",
            data(a=sizes[0], b=sizes[1]) + layer("Concat", ["a", "b"], "out", concat_param={"concat_dim": dim}),
        )
    for shape, axis in (((4,), 0), ((2, 3), 1), ((2, 3), -1), ((2, 3, 4), 2), ((1, 2, 2, 1, 3), 3)):
        yield Case(
            f"Concat,{label(shape=shape, axis=axis)}",
            data(a=shape, b=shape) + layer("Concat", ["a", "b"], "out", concat_param={"axis": axis}),
        )
    yield Case("Concat,one-bottom", data(a=(2, 3)) + layer("Concat", ["a"], "out"))
    yield Case("Concat,same-bottom-twice", data(a=(2, 3)) + layer("Concat", ["a", "a"], "out"))
    for name, text in {
        "axis=4": data(a=(2, 3), b=(2, 3)) + layer("Concat", ["a", "b"], "out", concat_param={"axis": 4}),
        "other-axis": data(a=(2, 3), b=(1, 3)) + layer("Concat", ["a", "b"], "out"),
        "axis-and-concat_dim": data(a=(2, 3), b=(2, 3))
        + layer("Concat", ["a", "b"], "out", concat_param={"axis": 1, "concat_dim": 1}),
        "axis-count": data(a=(2, 3), b=(2, 3, 1)) + layer("Concat", ["a", "b"], "out"),
    }.items():
        yield Case(f"Concat,refused,{name}", text, refused=True)


def compositions():
    """Split, CReLU by composition, Silence."""
    for shape in ((2, 3), (2, 3, 4, 5)):
        yield Case(f"Split,{label(shape=shape)}", data(data=shape) + layer("Split", "data", ["a", "b", "c"]))
    yield Case(
        "Split,one-top", data(data=(2, 3)) + layer("Split", "data", "a") + layer("Power", "a", "out", power_param={"shift": 2})
    )
    yield Case(
        "Split,then-in-place",
        data(data=(2, 3))
        + layer("Split", "data", ["a", "b"])
        + layer("ReLU", "a", "a", name="relu")
        + layer("Eltwise", ["a", "b"], "out"),
    )
    yield Case(
        "in-place,on-shared-memory",
        data(data=(2, 3, 4, 5))
        + layer("TanH", "data", "x")
        + layer("Flatten", "x", "flat")
        + layer("Power", "flat", "flat", name="in-place", power_param={"scale": 2, "shift": 1})
        + layer("Sigmoid", "x", "out"),
    )
    yield Case(
        "CReLU",
        data(data=(2, 3, 4, 4))
        + layer("Power", "data", "negated", power_param={"power": 1, "scale": -1, "shift": 0})
        + layer("Concat", ["data", "negated"], "both")
        + layer("Scale", "both", "both", name="scale", scale_param={"bias_term": True})
        + layer("ReLU", "both", "both", name="relu"),
    )
    yield Case(
        "Silence,one",
        data(data=(2, 3))
        + layer("Split", "data", ["a", "b"])
        + layer("Silence", "a", [])
        + layer("Power", "b", "out", power_param={"shift": 1}),
    )
    yield Case("Silence,two", data(data=(2, 6)) + layer("Slice", "data", ["a", "b", "c"]) + layer("Silence", ["a", "c"], []))
    yield Case(
        "Silence,an-input",
        data(data=(2, 3), unused=(4,))
        + layer("Silence", "unused", [])
        + layer("Power", "data", "out", power_param={"shift": 1}),
    )
    yield Case(
        "outputs,in-alphabetical-order",
        data(data=(2, 3))
        + "".join(
            layer("Power", "data", top, power_param={"shift": i}) for i, top in enumerate(("zeta", "alpha", "mid", "Beta"))
        ),
        {"data": normal()},
    )


CASES = [*eltwise(), *concat(), *compositions()]
