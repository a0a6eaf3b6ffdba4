"""Sequences of several lengths."""

from .case import distinct, given, single, unary

DTYPES = ("float64", "float16", "int32", "int64", "int8", "uint8")


def sweep(mx):
    """Both axes of time, with lengths of every type and without, ranks 2 to 5."""
    for op in ("SequenceLast", "SequenceMask", "SequenceReverse"):
        for axis in (0, 1, 2):
            first = (3, 4) if axis == 1 else (4, 3)
            for shape in ((3,), first, (*first, 2), (*first, 1, 2), (*first, 2, 1, 2)):
                yield unary(mx, op, shape, dynamic=("one", "two", *shape[2:]) if len(shape) > 1 else None, axis=axis)
                inputs = {"data": distinct(*shape), "length": given([1, 4, 2])}
                names = ("time", "batch") if axis == 0 else ("batch", "time")
                dynamic = {"data": (*names, *shape[2:]), "length": ("batch",)}
                yield single(mx, op, inputs, dynamic=dynamic if len(shape) > 1 else None, axis=axis, use_sequence_length=True)
        for dtype in DTYPES:
            for lengths in ("float32", "int32", "int64"):
                inputs = {"data": distinct(4, 3, dtype=dtype), "length": given([1, 4, 2], dtype=lengths)}
                yield single(mx, op, inputs, use_sequence_length=True)
    for value in (-1.5, 7, "1e-05", "-1e+30"):
        inputs = {"data": distinct(4, 3), "length": given([1, 4, 0])}
        yield single(mx, "SequenceMask", inputs, use_sequence_length="1", value=value)
    inputs = {"data": distinct(4, 3), "length": given([0, 1, 4])}
    yield single(mx, "SequenceReverse", inputs, use_sequence_length=True, label="empty")
