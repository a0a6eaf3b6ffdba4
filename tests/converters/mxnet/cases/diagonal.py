"""Diagonals and triangles."""

from .case import unary

DTYPES = ("float64", "float16", "int32", "int64", "int8", "uint8")


def sweep(mx):
    """Diagonals on both sides, of wide and high matrices, along every pair of axes; triangles out of vectors and back."""
    for k in (-2, -1, 0, 1, 2):
        for shape in ((3,), (3, 3), (2, 4), (4, 2), (2, 3, 4)):
            yield unary(mx, "diag", shape, k=k)
            yield unary(mx, "_np_diag", shape, numpy=True, k=k)
            yield unary(mx, "_npi_tril", shape, numpy=True, k=k)
            if len(shape) > 1:
                yield unary(mx, "_np_diagonal", shape, numpy=True, offset=k)
                yield unary(mx, "_np_trace", shape, numpy=True, offset=k)
        yield unary(mx, "_np_diagflat", (2, 2), numpy=True, k=k)
    for one, two in ((0, 2), (-1, 0), (1, 2), (2, 1), (1, 1), (3, 0)):
        yield unary(mx, "diag", (2, 3, 4), axis1=one, axis2=two, k=1, dynamic=("batch", 3, 4) if 0 not in (one, two) else None)
        yield unary(mx, "_np_diagonal", (2, 3, 4), numpy=True, axis1=one, axis2=two, offset=-1)
        yield unary(mx, "_np_trace", (2, 3, 4), numpy=True, axis1=one, axis2=two)
    for k in (5, -5):
        yield unary(mx, "diag", (3, 3), k=k)
        yield unary(mx, "_np_diag", (3, 3), numpy=True, k=k)
    for dtype in DTYPES:
        yield unary(mx, "diag", (3,), dtype=dtype)
        yield unary(mx, "diag", (2, 3), dtype=dtype)
        yield unary(mx, "_np_trace", (2, 3), dtype=dtype, numpy=True)
        yield unary(mx, "_npi_tril", (2, 3), dtype=dtype, numpy=True)
    for offset in (-1, 0, 1, 2):
        squares = ((3, 3), (2, 3, 3), (2, 3))
        for op, shape in (("makediag", (3,)), ("makediag", (2, 3)), *(("extractdiag", square) for square in squares)):
            dynamic = ("batch", *shape[1:]) if len(shape) == (2 if op == "makediag" else 3) else None
            for dtype in ("float32", "float64"):
                yield unary(mx, f"_linalg_{op}", shape, dtype=dtype, offset=offset, dynamic=dynamic)
        for lower in (False, True):
            for shape in ((3, 3), (2, 3, 3), (2, 2, 4, 4)):
                yield unary(mx, "_linalg_extracttrian", shape, offset=offset, lower=lower)
            for shape in ((6,), (2, 3), (2, 2, 1), (4,)):
                yield unary(mx, "_linalg_maketrian", shape, offset=offset, lower=lower)
