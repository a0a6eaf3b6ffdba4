"""Elements by their places."""

from math import prod

from .case import distinct, given, single, unary

DTYPES = ("float64", "float16", "int32", "int64", "int8", "uint8")


def sweep(mx):
    """Places inside and outside, whole and not, of every type; along each axis."""
    for dtype in ("float32", *DTYPES):
        places = given([[0, 2, 1], [3, 7, 1]], dtype=dtype)
        weight = {"weight": distinct(4, 2)}
        dynamic = {"data": ("batch", 3)}
        yield single(mx, "Embedding", {"data": places, **weight}, dynamic=dynamic, input_dim=4, output_dim=2)
        yield single(mx, "take", {"a": distinct(3, 2), "indices": given([1, 0], dtype=dtype)})
        yield single(mx, "take", {"a": distinct(3, 2, dtype=dtype), "indices": given([1, 0], dtype="int32")}, mode="wrap")
        yield single(mx, "batch_take", {"a": distinct(3, 4, dtype=dtype), "indices": given([0, -1, 5], dtype="int32")})
        yield single(mx, "pick", {"data": distinct(2, 3, dtype=dtype), "index": given([1, 0], dtype=dtype)})
        yield single(mx, "one_hot", {"indices": given([0, 2, 1, 3, 5], dtype=dtype)}, depth=3)
        yield single(mx, "one_hot", {"indices": given([0, 2, 1])}, depth=3, dtype=dtype, on_value=2.7, off_value=-1.3)
        yield single(mx, "gather_nd", {"data": distinct(2, 3, dtype=dtype), "indices": given([[0, 1], [2, 0]], dtype=dtype)})
        inputs = {"data": distinct(3, dtype=dtype), "indices": given([[0, 1, 1], [2, 0, 1]], dtype="int32")}
        yield single(mx, "scatter_nd", inputs, shape_="(2,3)")
        inputs = {"old": distinct(4, 2, dtype=dtype), "index": given([2, 0], dtype="int32"), "new": distinct(2, 2, dtype=dtype)}
        yield single(mx, "_contrib_index_copy", inputs)
    for dtype in ("float64", "float16", "int32"):
        inputs = {"data": given([1, 2]), "weight": distinct(4, 2, dtype=dtype)}
        yield single(mx, "Embedding", inputs, input_dim=4, output_dim=2, dtype=dtype)
    fractions = given([-0.5, -1.0, 1.9, -3.0])
    yield single(mx, "Embedding", {"data": fractions, "weight": distinct(4, 2)}, input_dim=4, output_dim=2, sparse_grad=True)
    yield single(mx, "Embedding", {"data": given([1]), "weight": distinct(4, 2)}, input_dim=5, output_dim=2)
    yield single(mx, "Embedding", {"data": given(3, ()), "weight": distinct(4, 2)}, numpy=True, input_dim=4, output_dim=2)
    yield single(mx, "_contrib_SparseEmbedding", {"data": given([1]), "weight": distinct(4, 2)}, input_dim=4, output_dim=2)

    yield from taken_and_picked(mx)
    yield from written_and_numbered(mx)


def taken_and_picked(mx):
    """Every mode and axis of take, batch_take and pick."""
    for mode in ("clip", "wrap"):
        for places in ([0, 1, 2], [-1, -5, -3], [3, 4, 9], [0.9, -0.5, -1.5]):
            label = {"label": str(places)}
            yield single(mx, "take", {"a": distinct(3, 2), "indices": given(places)}, mode=mode, **label)
            for keep in (False, True):
                yield single(mx, "pick", {"data": distinct(4, 3), "index": given([*places, 0][:4])}, mode=mode, keepdims=keep, **label)
    yield single(mx, "take", {"a": distinct(3, 2), "indices": given([0, 2])}, mode="raise")
    for axis in (0, 1, 2, -1, -3, 3):
        inputs = {"a": distinct(2, 3, 4), "indices": given([[0, 2], [1, 1]])}
        yield single(mx, "take", inputs, dynamic={"a": ("batch", 3, "length"), "indices": ("places", 2)}, axis=axis)
    yield single(mx, "take", {"a": distinct(2, 3, 4), "indices": given(1, ())}, numpy=True, axis=1)
    yield single(mx, "take", {"a": distinct(0, 3), "indices": given([1])}, numpy=True, axis=1)

    for shape, places in (((3, 4), (3, 1)), ((3, 4), (2,)), ((3, 4, 2), (3,))):
        inputs = {"a": distinct(*shape), "indices": given([1] * prod(places), places, dtype="int32")}
        yield single(mx, "batch_take", inputs)
    yield single(mx, "batch_take", {"a": distinct(3, 4), "indices": given([0, 1, 5])})
    for axis, places in ((0, [1, 0, 1]), ("None", [4]), (-1, [[1], [0]]), (1, [1, 0, 1]), (-2, [[1, 0, 1]]), (2, [1, 0])):
        dynamic = {"data": ("batch", 3), "index": ("batch", *given(places).shape[1:])} if axis == -1 else None
        for keep in (False, True):
            yield single(mx, "pick", {"data": distinct(2, 3), "index": given(places)}, dynamic=dynamic, axis=axis, keepdims=keep)
    for axis, places in ((1, [[1, 2], [0, 1]]), (-2, [[[1, 2]], [[0, 1]]]), (2, [[1, 0, 1], [0, 0, 1]])):
        yield single(mx, "pick", {"data": distinct(2, 3, 2), "index": given(places)}, axis=axis)
    for keep in (False, True):
        yield single(mx, "pick", {"data": distinct(3), "index": given([1])}, axis=0, keepdims=keep)



def written_and_numbered(mx):
    """one_hot, gather_nd, scatter_nd, copies, masks, coordinates."""
    more = ({}, {"on_value": 5}, {"dtype": "int32"}, {"off_value": 1e-05})
    for places, settings in zip(([-1, -0.5, 1.9], [[1, 0], [2, 2]], [1, 2], [1, 2]), more, strict=True):
        shape = given(places).shape
        dynamic = {"indices": ("batch", *shape[1:])}
        yield single(mx, "one_hot", {"indices": given(places)}, dynamic=dynamic, depth=3, **settings)
    yield single(mx, "one_hot", {"indices": given(1, ())}, numpy=True, depth=3)
    yield single(mx, "one_hot", {"indices": given([1])}, numpy=True, depth=0)

    for places in ([[0, -1], [-1, 0]], [[[0, 1]], [[1, 2]]], [0, 1], [[0], [1], [1]], [[1, 0, 1]]):
        shape = given(places).shape
        dynamic = {"data": ("batch", 3), "indices": (shape[0], *shape[1:-1], "places")}
        yield single(mx, "gather_nd", {"data": distinct(2, 3), "indices": given(places)}, dynamic=dynamic, label=str(places))
    inputs = {"data": distinct(2, 3), "indices": given([[0, 2]])}
    yield single(mx, "scatter_nd", inputs, shape_="(4,3)", dynamic={"data": ("places", 3), "indices": (1, "places")})
    yield single(mx, "scatter_nd", {"data": distinct(3), "indices": given([[0, 0, 0]])}, shape_="(4,)")
    for shape in ((4, 2), (4,), (4, 2, 3)):
        for dtype in ("float32", "int64"):
            inputs = {"old": distinct(*shape), "index": given([2, 0], dtype=dtype), "new": distinct(2, *shape[1:])}
            yield single(mx, "_contrib_index_copy", inputs, dynamic={"old": ("batch", *shape[1:])})
    for dtype in ("float32", "float64", "int32", "int64"):
        coordinates, places = given([[0, 1, 1], [2, 0, 1]], dtype=dtype), given([0, 4, 5], dtype=dtype)
        for shape in ("(2,3)", "(-1,3)", "(3,)", "(5,3,2)"):
            yield single(mx, "_ravel_multi_index", {"data": coordinates}, dynamic={"data": (2, "places")}, shape_=shape)
            yield single(mx, "_unravel_index", {"data": places}, dynamic={"data": ("places",)}, shape_=shape)
    yield single(mx, "_ravel_multi_index", {"data": given([[5, -1], [2, 0]])}, shape_="(2,3)", label="outside")
    yield single(mx, "_unravel_index", {"data": given([7, -1, 5.7])}, shape_="(2,3)", label="outside")
    yield single(mx, "_ravel_multi_index", {"data": given([5, 1])}, shape_="(2,3)")
    for shape in ((3,), (3, 2), (3, 2, 2)):
        for dtype in ("float32", "int32", "uint8"):
            inputs = {"data": distinct(*shape, dtype=dtype), "index": given([1, 0, 2], dtype=dtype)}
            yield single(mx, "_contrib_boolean_mask", inputs, dynamic={"data": ("batch", *shape[1:]), "index": ("batch",)})
    yield single(mx, "_contrib_boolean_mask", {"data": distinct(3, 2), "index": given([1, 0])}, axis=1)
    for axes in ("None", "(1,)", "(1,0)", "(-1,)"):
        yield unary(mx, "_contrib_index_array", (2, 3, 2), dynamic=("batch", 3, "length"), axes=axes)
    for dtype in ("float32", "int32", "float64", "int64", "uint8", "bool"):
        yield single(mx, "_npx_nonzero", {"x": given([[0, 1, 0], [2, 0, 3]], dtype=dtype)}, numpy=True, dynamic={"x": ("batch", 3)})
    yield single(mx, "_npx_nonzero", {"x": given([0, 0, 4, 0])}, numpy=True)
