"""Tensors joined, and cut."""

from .case import distinct, single, unary

DTYPES = ("float64", "float16", "int32", "int64", "int8", "uint8", "bool")


def several(mx, op, *shapes, dtypes=("float32",), dynamic=(), **settings):
    """One operator on tensors of these shapes."""
    kinds = dtypes * len(shapes) if len(dtypes) == 1 else dtypes
    inputs = {f"arg{i}": distinct(*shape, dtype=dtype) for i, (shape, dtype) in enumerate(zip(shapes, kinds, strict=True))}
    return single(mx, op, inputs, num_args=len(shapes), dynamic={f"arg{i}": d for i, d in enumerate(dynamic)}, **settings)


def sweep(mx):
    """Axes from both ends, shapes and types that don't fit, one part and many."""
    pairs = (((2, 3), (2, 3)), ((2, 3), (1, 3)), ((2, 3), (2, 2)), ((2, 3, 2), (2, 3, 4)), ((3,), (4,)))
    for op, key in (("Concat", "dim"), ("_npi_concatenate", "axis"), ("_rnn_param_concat", "dim")):
        for axis in (None, 0, 1, -1, 2):
            for shapes in pairs:
                numpy = op == "_npi_concatenate"
                yield several(mx, op, *shapes, numpy=numpy, **({} if axis is None else {key: axis}))
    for shapes in pairs:
        yield several(mx, "_npi_concatenate", *shapes, numpy=True, axis="None")
    yield several(mx, "Concat", (2, 3), (2, 4), (2, 1), dynamic=(("batch", 3), ("batch", 4), ("batch", 1)))
    yield several(mx, "Concat", (2, 3), (4, 3), dynamic=(("one", 3), ("two", 3)), dim=0)
    yield several(mx, "Concat", (2, 3, 1, 2, 2), (2, 3, 2, 2, 2), dim=2)
    yield several(mx, "Concat", (2, 3), dim=0)
    yield several(mx, "Concat", (2, 3), (2, 3), dtypes=("float32", "float16"))
    yield several(mx, "_npi_concatenate", (2, 0), (2, 3), numpy=True, axis=1)
    yield several(mx, "_npi_concatenate", (), (), numpy=True, axis=0)
    yield several(mx, "_npi_concatenate", (), (2,), numpy=True, axis="None")
    for axis in (0, 1, -1, 2, 3, -4, -3):
        yield several(mx, "stack", (2, 3), (2, 3), dynamic=(("batch", 3), ("batch", 3)), axis=axis)
        yield several(mx, "_npi_stack", (2, 3), (2, 3), (2, 3), numpy=True, axis=axis)
    yield several(mx, "stack", (2, 3), (2, 4))
    yield several(mx, "stack", (2,))
    yield several(mx, "stack", (2, 3), (2, 3), dtypes=("float32", "int32"))
    yield several(mx, "stack", (), (), numpy=True)
    yield several(mx, "_npi_stack", (2, 0), (2, 0), numpy=True, axis=1)
    for op in ("_npi_vstack", "_npi_column_stack"):
        for shapes in (((2, 3), (3,)), ((), ()), ((2, 3), (2, 3)), ((2, 3, 2), (2, 3, 2))):
            yield several(mx, op, *shapes, numpy=True)
    yield several(mx, "_npi_vstack", (3,), (3,), numpy=True)
    for op in ("_npi_hstack", "_npi_dstack"):
        for shapes in (((2, 3), (2, 3)), ((2, 3, 2), (2, 3, 2)), ((3,), (3,)), ((), ())):
            yield several(mx, op, *shapes, numpy=True)
    for dtype in DTYPES:
        if dtype == "bool":
            yield several(mx, "stack", (2, 3), (2, 3), dtypes=(dtype,))
            continue
        yield several(mx, "Concat", (2, 3), (2, 1), dtypes=(dtype,))
        yield several(mx, "stack", (2, 3), (2, 3), dtypes=(dtype,))
        yield unary(mx, "SliceChannel", (2, 4), dtype=dtype, num_outputs=2)
        yield unary(mx, "_split_v2", (2, 4), dtype=dtype, indices="(0,1)", axis=1)

    for count in (1, 2, 3, 4, 6):
        for axis in (0, 1, -1, -3, 3):
            for squeeze in (False, True):
                yield unary(
                    mx, "SliceChannel", (2, 6, 4), dynamic=("batch", 6, 4) if axis in (1, -1) else None,
                    num_outputs=count, axis=axis, squeeze_axis=squeeze,
                )  # fmt: skip
    yield unary(mx, "SliceChannel", (2, 6), num_outputs=2)
    yield unary(mx, "SliceChannel", (2, 6, 2), dynamic=("batch", "length", "width"), num_outputs=2, axis=2)
    yield unary(mx, "SliceChannel", (6,), num_outputs=2, axis=0)
    yield unary(mx, "SliceChannel", (2,), num_outputs=2, axis=0, squeeze_axis=1)
    for squeeze in (False, True):
        for sections in (1, 2, 3, 4, 6, 7):
            yield unary(mx, "_split_v2", (2, 6), dynamic=("batch", 6), indices="()", sections=sections, squeeze_axis=squeeze)
        for indices in ("(0,)", "(0,2)", "(0,2,3)", "(0,1,2,3,4,5)", "(0,3,2)", "(1,3)", "(0,2,2)", "(0,6)", "(0,7)", "(0,-2)"):
            yield unary(mx, "_split_v2", (2, 6), dynamic=("batch", 6), indices=indices, squeeze_axis=squeeze)
    for sections, indices in ((1, "()"), (2, "()"), (3, "()"), (0, "(0,)"), (0, "(0,1)"), (0, "(0,2,5)")):
        yield unary(mx, "_split_v2", (7, 2), dynamic=("length", 2), indices=indices, sections=sections, axis=0)
    for axis in (-2, 0, 2):
        yield unary(mx, "_split_v2", (4, 6), indices="()", sections=2, axis=axis)
    for op in ("_split_v2", "_npi_split"):
        for indices in ("(0,2,2)", "(0,6)", "(0,0,2)", "(0,2)", "(0,)"):
            yield unary(mx, op, (2, 6), numpy=True, indices=indices)
    yield unary(mx, "_npi_split", (2, 6), numpy=True, indices="()", sections=4)
    for shape in ((6,), (2, 6), (2, 6, 2)):
        yield unary(mx, "_npi_hsplit", shape, numpy=True, indices="()", sections=3)
        yield unary(mx, "_npi_hsplit", shape, numpy=True, indices="(0,2)")
    for shape in ((2, 6), (2, 3, 6), (1, 2, 6, 2)):
        yield unary(mx, "_npi_dsplit", shape, numpy=True, indices="()", sections=3, axis=2)
