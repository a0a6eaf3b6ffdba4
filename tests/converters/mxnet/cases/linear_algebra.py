"""Matrices, by LAPACK's names."""

from itertools import product

import numpy as np

from .case import given, normal, single

TYPES = ("float32", "float64")


def positive(*batch, size=3, dtype="float32"):
    """Symmetric positive definite matrices."""
    random = np.random.RandomState(size)
    factor = random.standard_normal((*batch, size, size))
    return given((factor @ np.swapaxes(factor, -1, -2) + size * np.eye(size)).astype(dtype), dtype=dtype)


def triangular(*batch, size=3, dtype="float32"):
    """Matrices of which either triangle has a safe inverse."""
    random = np.random.RandomState(size)
    return given((random.uniform(-1, 1, (*batch, size, size)) + 3 * np.eye(size)).astype(dtype), dtype=dtype)


def sweep(mx):
    """Every flag and axis, batches, both widths."""
    shapes = (((2, 3), (3, 4)), ((2, 2, 3), (2, 3, 4)), ((2, 1, 2, 3), (2, 1, 3, 4)), ((2, 3), (4, 3)), ((3,), (3,)), ((2, 2, 3), (3, 4)))
    for (a, b), ta, tb in product(shapes, (False, True), (False, True)):
        left, right = (turn(shape, flag) for shape, flag in ((a, ta), (b, tb)))
        flags = {"transpose_a": ta, "transpose_b": tb, "alpha": 2.5}
        dynamic = {"A": ("batch", *left[1:]), "B": ("batch", *right[1:])} if len(a) > 2 else None
        yield single(mx, "_linalg_gemm2", {"A": normal(*left), "B": normal(*right)}, dynamic=dynamic, **flags)
        inputs = {"A": normal(*left), "B": normal(*right), "C": normal(*a[:-1], b[-1])}
        yield single(mx, "_linalg_gemm", inputs, beta=-0.5, **flags)
    yield single(mx, "_linalg_gemm2", {"A": normal(2, 3), "B": normal(3, 4)})
    yield single(mx, "_linalg_gemm", {"A": normal(2, 3), "B": normal(3, 4), "C": normal(2, 4)})
    yield single(mx, "_linalg_gemm", {"A": normal(2, 3), "B": normal(3, 4), "C": normal(1, 4)})
    for axis in (-2, -1, 0, 1, 2, 3, -3, -4):
        four = {name: normal(2, 3, 4, 3) for name in "AB"}
        yield single(mx, "_linalg_gemm2", four, axis=axis, transpose_b=True)
        three = {"A": normal(4, 2, 3), "B": normal(3, 2, 5), "C": normal(4, 2, 5)}
        yield single(mx, "_linalg_gemm", three, axis=axis)
    for dtype in (*TYPES, "float16"):
        yield single(mx, "_linalg_gemm2", {"A": normal(2, 3, dtype=dtype), "B": normal(3, 4, dtype=dtype)}, label="types")
    for transpose, shape, dtype in product((False, True), ((2, 3), (2, 3, 2), (2, 2, 1, 3)), TYPES):
        yield single(mx, "_linalg_syrk", {"A": normal(*shape, dtype=dtype)}, transpose=transpose, alpha=0.5)
    yield from triangles(mx)
    yield from factors(mx)


def turn(shape, yes):
    """The last two sizes swapped, if there are two."""
    return (*shape[:-2], shape[-1], shape[-2]) if yes and len(shape) > 1 else shape


def triangles(mx):
    """trmm and trsm."""
    for op, transpose, right, lower in product(("trmm", "trsm"), *((False, True),) * 3):
        flags = {"transpose": transpose, "rightside": right, "lower": lower}
        for batch, dtype in (((), "float32"), ((2,), "float32"), ((2, 1), "float64")):
            other = normal(*batch, 2, 3, dtype=dtype) if right else normal(*batch, 3, 2, dtype=dtype)
            inputs = {"A": triangular(*batch, dtype=dtype), "B": other}
            dynamic = {name: ("batch", *a.shape[1:]) for name, a in inputs.items()} if len(batch) == 1 else None
            yield single(mx, f"_linalg_{op}", inputs, dynamic=dynamic, alpha=1.5, **flags)
    for op in ("trmm", "trsm"):
        yield single(mx, f"_linalg_{op}", {"A": triangular(), "B": normal(3, 3)})
        yield single(mx, f"_linalg_{op}", {"A": triangular(2), "B": normal(1, 3, 2)})
        yield single(mx, f"_linalg_{op}", {"A": normal(2, 3), "B": normal(3, 2)})


def factors(mx):
    """Factorisations, inverses, determinants."""
    for batch, size, dtype in product(((), (2,), (2, 1)), (1, 3, 6), TYPES):
        matrix = {"A": positive(*batch, size=size, dtype=dtype)}
        dynamic = {"A": ("batch", size, size)} if len(batch) == 1 else None
        for op in ("potrf", "inverse", "det", "slogdet", "sumlogdiag"):
            yield single(mx, f"_linalg_{op}", matrix, dynamic=dynamic if op != "det" else None)
        yield single(mx, "_linalg_potri", {"A": triangular(*batch, size=size, dtype=dtype)}, dynamic=dynamic)
    for values in ([[4, 99, 99], [1, 5, 99], [2, 3, 6]], [[2, 0, 0], [0, 3, 0], [0, 0, 1]]):
        yield single(mx, "_linalg_potrf", {"A": given(values)}, label=str(values))
    for op, batch in product(("potrf", "potri"), ((), (2,))):
        matrix = {"A": positive(*batch) if op == "potrf" else triangular(*batch)}
        yield single(mx, f"_linalg_{op}", matrix, lower=False)
    yield single(mx, "_linalg_potrf", {"A": given([[4, 1, 2], [99, 5, 3], [99, 99, 6]])}, lower=False, label="the other triangle unread")
    for values in ([[0, 1], [1, 0]], [[0, 2, 1], [3, 0, 1], [1, 1, 0]], [[1, 5, 2], [7, 1, 3], [2, 9, 1]]):
        for op in ("inverse", "det", "slogdet"):
            yield single(mx, f"_linalg_{op}", {"A": given(values)}, label=str(values))
    for op in ("potrf", "potri", "inverse", "det", "slogdet", "sumlogdiag"):
        yield single(mx, f"_linalg_{op}", {"A": normal(2, 3)})
    for batch in ((), (2,)):
        yield single(mx, "_npi_det", {"A": positive(*batch)}, numpy=True)
        for rest in ((), (2,)):
            inputs = {"A": positive(*batch), "B": normal(*batch, 3, *rest)}
            yield single(mx, "_npi_solve", inputs, numpy=True)
    yield single(mx, "_npi_cholesky", {"A": positive()}, numpy=True)
