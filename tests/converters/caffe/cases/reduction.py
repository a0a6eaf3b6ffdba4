"""Softmax, Reduction and ArgMax."""

from itertools import product

from .case import Case, data, given, integers, label, layer, normal, one


def softmax():
    """Over one axis, 1 by default."""
    for axis, shape in product((None, 0, 1, 2, 3, -1, -2), ((2, 3, 4, 5), (3, 4), (5, 2, 3))):
        if axis is not None and not -len(shape) <= axis < len(shape):
            continue
        form = {} if axis is None else {"softmax_param": {"axis": axis}}
        yield one(f"Softmax,{label(axis=axis, shape=shape)}", "Softmax", shape, values=normal(0, 3), **form)
    yield one("Softmax,1-axis", "Softmax", (6,), softmax_param={"axis": 0})
    yield one("Softmax,5-axes", "Softmax", (1, 3, 2, 2, 2))
    yield one("Softmax,large-values", "Softmax", (2, 4), values=given(1000, 999, 0, -1000))
    yield one("Softmax,engine", "Softmax", (2, 4), softmax_param={"engine": "CAFFE"})
    yield one("Softmax,one-class", "Softmax", (3, 1))
    yield Case(
        "Softmax,in-place", data(data=(2, 3)) + layer("Power", "data", "x") + layer("Softmax", "x", "x", name="in-place")
    )
    yield one("Softmax,refused,axis=2", "Softmax", (2, 3), refused=True, softmax_param={"axis": 2})


def reduction():
    """All axes from axis on go; what is left may be a scalar."""
    for operation, axis, coeff in product(("SUM", "ASUM", "SUMSQ", "MEAN", None), (None, 0, 1, 2, 3, -1, -2), (None, 0.5, -2)):
        if coeff is not None and axis in (None, 2, -2):
            continue
        form = {k: v for k, v in (("operation", operation), ("axis", axis), ("coeff", coeff)) if v is not None}
        yield one(
            f"Reduction,{label(**form) or 'defaults'}", "Reduction", (2, 3, 4, 5), values=normal(0.5, 1), reduction_param=form
        )
    for operation, shape in product(("SUM", "MEAN"), ((6,), (3, 4), (1, 2, 2, 3, 2))):
        yield one(
            f"Reduction,{label(operation=operation, shape=shape)}",
            "Reduction",
            shape,
            reduction_param={"operation": operation, "axis": len(shape) - 1},
        )
    yield one("Reduction,coeff=0", "Reduction", (2, 3), reduction_param={"coeff": 0, "axis": 1})
    yield one("Reduction,refused,axis=4", "Reduction", (2, 3, 4, 5), refused=True, reduction_param={"axis": 4})


def argmax():
    """Indices, or values, of the top_k; without an axis both; the last of equals."""
    for axis, values, top_k, shape in product(
        (None, 0, 1, 2, 3, -1), (None, True, False), (None, 1, 2), ((2, 4, 3, 3), (3, 5))
    ):
        if axis is not None and axis >= len(shape):
            continue
        if values is False and top_k is not None:
            continue
        form = {k: v for k, v in (("axis", axis), ("out_max_val", values), ("top_k", top_k)) if v is not None}
        yield one(f"ArgMax,{label(**form, shape=shape)}", "ArgMax", shape, argmax_param=form)
    for axis, top_k in product((None, 1, -1), (1, 3)):
        form = {"top_k": top_k, **({} if axis is None else {"axis": axis})}
        yield one(f"ArgMax,ties,{label(**form)}", "ArgMax", (2, 6), values=integers(0, 3), argmax_param=form)
        yield one(f"ArgMax,ties-4-axes,{label(**form)}", "ArgMax", (2, 4, 2, 3), values=integers(0, 2), argmax_param=form)
    yield one("ArgMax,3-axes", "ArgMax", (2, 3, 4))
    yield one("ArgMax,5-axes", "ArgMax", (2, 3, 1, 2, 2), argmax_param={"out_max_val": True, "top_k": 4})
    yield one("ArgMax,every-class", "ArgMax", (2, 4), argmax_param={"top_k": 4, "axis": 1})
    yield one("ArgMax,refused,top_k-over-classes", "ArgMax", (2, 4), refused=True, argmax_param={"top_k": 5})
    yield one("ArgMax,refused,top_k=0", "ArgMax", (2, 4), refused=True, argmax_param={"top_k": 0})


CASES = [*softmax(), *reduction(), *argmax()]
