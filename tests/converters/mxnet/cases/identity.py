"""What stays as it is, and what only changes its type."""

from .case import Case, given, integers, normal, several, single, uniform

KINDS = ("float32", "float16", "float64", "int32", "int64", "int8", "uint8", "bool")
nan, inf = float("nan"), float("inf")
NUMBERS = (-3.7, -1.0, -0.2, -0.0, 0.0, 0.5, 1.9, 100.0, 200.0, 300.0)


def sweep(mx):
    """Every pair of types; every operator that gives what it takes."""
    for left in KINDS:
        values = [v for v in NUMBERS if v >= 0 or left != "uint8"]
        values = [v for v in values if abs(v) < 128 or left not in ("int8", "uint8")]
        yield several(mx, f"Cast,{left}", [("Cast", {"x": given(values, dtype=left)}, {"dtype": right}) for right in KINDS])
    for dtype in ("float32", "float16", "float64"):
        yield single(mx, "Cast", {"data": given((nan, inf, -inf, 70000.0), dtype=dtype)}, dtype="float16")
        yield single(mx, "Cast", {"data": given((nan, inf, -inf, 0.0), dtype=dtype)}, dtype="bool")
    for shape in ((5,), (2, 3), (1, 2, 3, 4)):
        yield single(mx, "Cast", {"data": normal(*shape)}, dtype="float64", dynamic={"data": ("batch", *shape[1:])})
    for shape in ((), (0, 3)):
        yield single(mx, "Cast", {"data": normal(*shape)}, dtype="float64", numpy=True)
    for op in ("_copy", "BlockGrad", "make_loss", "_np_copy", "MakeLoss", "Dropout", "_contrib_gradientmultiplier"):
        for dtype in KINDS:
            yield single(mx, op, {"data": integers(0, 1, 2, 3, dtype=dtype)})
    for settings in ({"p": 0.3}, {"p": "1e-01", "axes": "(1,)"}, {"mode": "training", "cudnn_off": False}, {"p": 0, "mode": "always"}):
        yield single(mx, "Dropout", {"data": normal(2, 3, 4)}, dynamic={"data": ("batch", 3, "time")}, **settings)
    yield single(mx, "MakeLoss", {"data": normal(2, 3)}, grad_scale=0.5, valid_thresh=0.1, normalization="batch")
    yield single(mx, "_contrib_gradientmultiplier", {"data": normal(2, 3)}, scalar=0.5, is_int=False)
    yield single(mx, "cast_storage", {"data": normal(2, 3)}, stype="default")
    yield single(mx, "_npx_dropout", {"data": normal(2, 3)}, p=0.3)
    yield single(mx, "_identity_with_attr_like_rhs", {"lhs": normal(2, 3), "rhs": normal(2, 3)})
    data = mx.sym.Variable("data")
    sparse = mx.sym.IdentityAttachKLSparseReg(data, sparseness_target=0.2, penalty=0.01, momentum=0.8, name="y")
    yield Case("IdentityAttachKLSparseReg", sparse, {"data": normal(2, 3)}, dynamic={"data": ("batch", 3)})
    for dtype in ("float32", "float16", "int32", "int8", "uint8"):
        for target in ("float16", "float32"):
            yield single(mx, "amp_cast", {"data": integers(0, 1, 2, 3, dtype=dtype)}, dtype=target)
    for target in ("int8", "uint8", "int32"):
        halves = given([-0.6, 0.5, 1.5, 2.5, -1.5, 300, -300, 3e9, -3e9, 127.4])
        yield single(mx, "amp_cast", {"data": halves}, dtype=target, label="rounded")
        yield single(mx, "amp_cast", {"data": uniform(-3, 9, 4, 5, dtype="float16")}, dtype=target)
    twice = mx.sym.amp_cast(mx.sym.Variable("data", dtype="float64") * 2, dtype="float32", name="y")
    yield Case("amp_cast,float64", twice, {"data": normal(2, 3, dtype="float64")}, dynamic={"data": ("batch", 3)})
