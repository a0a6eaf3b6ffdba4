"""Products of tensors."""

from itertools import product

from .case import distinct, normal, single

FLAGS = list(product((False, True), repeat=2))


def pair(mx, op, a, b, *, dtype="float32", other=None, dynamic=None, **settings):
    """One operator on two tensors of these shapes."""
    inputs = {"lhs": distinct(*a, dtype=dtype), "rhs": distinct(*b, dtype=other or dtype)}
    named = None if dynamic is None else dict(zip(("lhs", "rhs"), dynamic, strict=True))
    return single(mx, op, inputs, dynamic=named, **settings)


DOT = (
    ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((3, 2), (4, 3)), ((3, 3), (3, 3)), ((3, 2, 3), (3, 2, 3)),
    ((3, 2, 3), (3, 3)), ((3, 3), (3, 2, 3)), ((3, 2, 1, 3), (3, 3)), ((2, 3), (4, 3)), ((3, 2), (3, 4)),
)  # fmt: skip
BATCH_DOT = (
    ((2, 3, 3), (2, 3, 3)), ((2, 3, 4), (2, 4, 5)), ((2, 3, 3), (1, 3, 3)), ((3, 3), (3, 3)), ((2, 2, 3, 3), (2, 2, 3, 3)),
    ((2, 4, 3), (2, 5, 4)), ((2, 3, 4), (2, 5, 4)),
)  # fmt: skip
NUMPY = (
    ((), ()), ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((2, 3), ()), ((), (2, 3)), ((2, 3, 4), (4,)),
    ((2, 3, 4), (4, 2)), ((2, 3, 4), (5, 4, 2)), ((3,), (2, 3, 4)), ((2, 3), (2, 3)), ((0, 3), (3, 2)), ((2, 0), (0, 2)),
)  # fmt: skip


def sweep(mx):
    """Every rank with every other, transposed and not; shapes and types that don't fit."""
    for ta, tb in FLAGS:
        flags = {"transpose_a": ta, "transpose_b": tb}
        for a, b in DOT:
            yield pair(mx, "dot", a, b, dynamic=(("batch", *a[1:]), b) if not ta else None, **flags)
        for a, b in BATCH_DOT:
            yield pair(mx, "batch_dot", a, b, dynamic=(("batch", *a[1:]), ("batch", *b[1:])), **flags)
    yield pair(mx, "dot", (2, 3), (3, 2))
    for op in ("dot", "batch_dot", "_np_dot", "_npi_matmul"):
        a, b = ((2, 2, 3), (2, 3, 2)) if op == "batch_dot" else ((2, 3), (3, 2))
        for dtype in ("float64", "int32", "int64", "int8"):
            yield pair(mx, op, a, b, dtype=dtype, numpy=op[0] == "_", label="types")
        yield pair(mx, op, a, b, other="float64", numpy=op[0] == "_")
    yield pair(mx, "dot", (0, 3), (3, 2), numpy=True)
    for a, b in NUMPY:
        yield pair(mx, "_np_dot", a, b, numpy=True)
        yield pair(mx, "_npi_matmul", a, b, numpy=True)
    for a, b in (((2, 2, 3), (2, 3, 4)), ((2, 2, 3), (1, 3, 4)), ((2, 1, 2, 3), (3, 3, 4))):
        yield pair(mx, "_npi_matmul", a, b, numpy=True, dynamic=(("batch", *a[1:]), b))
    for of_a, of_b in (("(0,)", "(0,)"), ("(1,2)", "(0,1)"), ("()", "()"), ("(0,1)", "(1,0)"), ("(1,)", "(1,)")):
        for a, b in (((2, 3, 4), (3, 4, 2)), ((2, 3, 4), (2, 5)), ((3, 2, 4), (2, 3)), ((2, 3), (2, 3))):
            yield pair(mx, "_npi_tensordot", a, b, numpy=True, a_axes_summed=of_a, b_axes_summed=of_b)
    for axes in (0, 1, 2):
        for a, b in (((2, 3, 4), (3, 4, 2)), ((2, 3, 4), (4, 2)), ((2, 3), (2, 3))):
            yield pair(mx, "_npi_tensordot_int_axes", a, b, numpy=True, axes=axes)
    for shapes in (((2, 3), (4, 3)), ((2, 3), (4, 3), (2, 3)), ((2, 3),), ((2, 3), (4, 2))):
        inputs = {f"arg{i}": normal(*shape) for i, shape in enumerate(shapes)}
        yield single(mx, "khatri_rao", inputs, num_args=len(shapes), dynamic={"arg0": ("batch", 3)})
    yield from einstein(mx)


def einstein(mx):
    """Sums with and without arrow, ellipses, repeated letters, three tensors."""
    for subscripts, *shapes in (
        ("ij,jk", (2, 3), (3, 4)), ("ij,jk->ik", (2, 3), (3, 4)), ("ii", (3, 3)), ("ii->i", (3, 3)), ("ij->ji", (2, 3)),
        ("i,j->ij", (2,), (3,)), ("...ij,...jk->...ik", (5, 2, 3), (5, 3, 4)), ("ij,ij->i", (2, 3), (2, 3)), ("ij->", (2, 3)),
        ("ijk,jil->kl", (2, 3, 4), (3, 2, 5)), ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)), ("...i->...", (2, 3)),
        ("ij", (3, 2)), ("ba", (3, 2)), ("bA,bA->b", (2, 3), (2, 3)), ("ij , jk -> ik", (2, 3), (3, 4)),
    ):  # fmt: skip
        for optimize in (0, 1):
            inputs = {f"arg{i}": normal(*shape) for i, shape in enumerate(shapes)}
            yield single(mx, "_npi_einsum", inputs, numpy=True, subscripts=subscripts, num_args=len(shapes), optimize=optimize)
    for dtype in ("float16", "float64", "int32", "int64", "int8", "bool"):
        inputs = {"arg0": distinct(2, 3, dtype=dtype), "arg1": distinct(3, 2, dtype=dtype)}
        yield single(mx, "_npi_einsum", inputs, numpy=True, subscripts="ij,jk", num_args=2)
