"""Layers that move values without changing them: Flatten, Reshape, Slice, Crop, Tile, Filter, BatchReindex, Parameter."""

from itertools import product

from .case import Case, data, given, integers, label, layer, one


def flatten():
    """Axes from axis to end_axis become one."""
    shape = (2, 3, 4, 5)
    for axis, end in product((None, 0, 1, 2, 3, -1, -2, -3), (None, -1, -2, 1, 2, 3)):
        first, last = (1 if axis is None else axis) % 4, (-1 if end is None else end) % 4
        if first > last:
            continue
        form = {k: v for k, v in (("axis", axis), ("end_axis", end)) if v is not None}
        yield one(f"Flatten,{label(**form) or 'defaults'}", "Flatten", shape, flatten_param=form)
    for other in ((2, 3), (2, 3, 4), (1, 2, 2, 3, 2)):
        yield one(f"Flatten,{label(shape=other)}", "Flatten", other)
    yield one("Flatten,refused,axis-after-end", "Flatten", shape, refused=True, flatten_param={"axis": 3, "end_axis": 1})
    yield one("Flatten,refused,axis=4", "Flatten", shape, refused=True, flatten_param={"axis": 4})


def reshape():
    """0 copies, -1 is inferred, axis and num_axes limit what is reshaped."""
    for dims, form in (
        ([2, 60], {}), ([0, -1], {}), ([0, 0, 20], {}), ([-1], {}), ([-1, 5], {}), ([0, 0, -1], {}), ([0, 4, 3, 5], {}), ([2, 0, 5, -1], {}), ([0, -1, 0, 0], {}),
        ([1, 0, -1], {}), ([120], {}), ([2, 3, 4, 5, 1], {}), ([0, 0, 0, 0], {}), ([-1, 0, 0, 0], {}), ([5, 4, 3, 2], {}),
        ([12], {"axis": 1, "num_axes": 2}), ([-1], {"axis": 1, "num_axes": 2}), ([3, 4, 1], {"axis": 1, "num_axes": 2}), ([4, 3], {"axis": 1, "num_axes": 2}),
        ([-1], {"axis": 1}), ([0, -1], {"axis": 1}), ([20], {"axis": -3}), ([0, 5, 1], {"axis": -3}), ([5, 1], {"axis": -2}), ([1], {"axis": 1, "num_axes": 0}), ([1, 1], {"axis": -1, "num_axes": 0}),
        ([1], {"axis": 4, "num_axes": 0}), ([1], {"axis": 0, "num_axes": 0}), ([6], {"axis": 0, "num_axes": 2}), ([], {"axis": 2, "num_axes": 0}), ([2, 2], {"axis": 2, "num_axes": 1}),
        ([0, 2, -1], {"axis": 1, "num_axes": 3}), ([20], {"axis": -3, "num_axes": 2}), ([0, -1], {"axis": 0, "num_axes": -1}),
    ):  # fmt: skip
        yield one(
            f"Reshape,{label(dims=dims, **form)}", "Reshape", (2, 3, 4, 5), reshape_param={"shape": {"dim": dims}, **form}
        )
    yield one("Reshape,1-axis", "Reshape", (12,), reshape_param={"shape": {"dim": [3, 4]}})
    yield one("Reshape,to-scalar", "Reshape", (1, 1), reshape_param={"shape": {}})
    yield one("Reshape,from-scalar", "Reshape", (), reshape_param={"shape": {"dim": [1, 1]}})
    yield one("Reshape,2-to-5-axes", "Reshape", (4, 6), reshape_param={"shape": {"dim": [0, 1, 3, 2, 1]}})
    yield Case(
        "Reshape,there-and-back",
        data(data=(2, 12))
        + layer("Reshape", top="a", reshape_param={"shape": {"dim": [0, 3, 4]}})
        + layer("ReLU", "a", "a", name="r")
        + layer("Flatten", "a", "out"),
    )
    for name, form in {
        "two-inferred": {"shape": {"dim": [-1, -1]}},
        "not-divisible": {"shape": {"dim": [7, -1]}},
        "count": {"shape": {"dim": [7, 7]}},
        "copy-beyond": {"shape": {"dim": [0, 0, 0, 0, 0]}},
        "axis=5": {"shape": {"dim": [-1]}, "axis": 5},
    }.items():
        yield one(f"Reshape,refused,{name}", "Reshape", (2, 3, 4, 5), refused=True, reshape_param=form)


def slices():
    """Even parts or at slice_points; the legacy slice_dim."""
    for axis, tops in product((None, 0, 1, 2, 3, -1, -2, -3), (2, 3)):
        form = {} if axis is None else {"slice_param": {"axis": axis}}
        yield one(
            f"Slice,{label(axis=axis, tops=tops)}",
            "Slice",
            (6, 6, 6, 6),
            top=list("abc"[:tops]),
            **form,
            values=integers(-99, 99),
        )
    for points, axis in (((1,), 1), ((4,), 1), ((1, 2), 1), ((2, 3), 1), ((1, 2, 3, 4), 1), ((1,), 0), ((2,), 2), ((1, 3), -1)):
        tops = list("abcdefg"[: len(points) + 1])
        yield one(
            f"Slice,{label(points=points, axis=axis)}",
            "Slice",
            (2, 5, 3, 4),
            top=tops,
            slice_param={"axis": axis, "slice_point": list(points)},
        )
    for dim in (0, 1, 2, 3):
        yield one(f"Slice,{label(slice_dim=dim)}", "Slice", (2, 4, 2, 2), top=["a", "b"], slice_param={"slice_dim": dim})
    yield one(
        "Slice,slice_dim-and-point", "Slice", (2, 4, 2, 2), top=["a", "b"], slice_param={"slice_dim": 1, "slice_point": [3]}
    )
    yield one("Slice,one-top", "Slice", (2, 4), top=["a"])
    yield one("Slice,1-axis", "Slice", (6,), top=["a", "b"], slice_param={"axis": 0})
    yield one("Slice,5-axes", "Slice", (1, 2, 2, 2, 4), top=["a", "b"], slice_param={"axis": 4})
    yield Case("Slice,swapped", data(data=(2, 4, 3)) + layer("Slice", "data", ["a", "b"]) + layer("Concat", ["b", "a"], "out"))
    for name, tops, form in (
        ("uneven", 2, {"axis": 1}), ("point-count", 2, {"axis": 0, "slice_point": [1, 2]}), ("falling-points", 3, {"slice_point": [3, 2]}), ("axis-and-slice_dim", 2, {"axis": 0, "slice_dim": 0}),
        ("point-beyond", 2, {"slice_point": [6]}),
    ):  # fmt: skip
        yield one(f"Slice,refused,{name}", "Slice", (4, 5), top=list("abc"[:tops]), refused=True, slice_param=form)


def crop():
    """The first bottom cut to the second's size, from axis on."""
    for axis, offset, size in (
        (None, None, (2, 3, 4, 4)), (2, (0,), (2, 3, 4, 4)), (2, (1,), (2, 3, 4, 4)), (2, (2, 1), (2, 3, 4, 5)), (2, (2, 2), (9, 9, 4, 4)), (3, (3,), (1, 1, 1, 2)), (1, (1,), (5, 2, 5, 5)),
        (1, (1, 0, 2), (5, 2, 6, 4)), (0, (1, 0, 2, 3), (1, 3, 3, 3)), (0, None, (1, 2, 3, 4)), (-1, (2,), (2, 3, 6, 3)), (-2, (1, 2), (2, 3, 2, 2)), (2, None, (2, 3, 6, 6)), (2, (5, 5), (2, 3, 1, 1)),
    ):  # fmt: skip
        form = {k: list(v) if k == "offset" else v for k, v in (("axis", axis), ("offset", offset)) if v is not None}
        yield one(f"Crop,{label(**form, size=size)}", "Crop", (2, 3, 6, 6), extra={"like": size}, crop_param=form)
    yield one("Crop,3-axes", "Crop", (2, 5, 6), extra={"like": (2, 3, 4)}, crop_param={"axis": 1, "offset": [1, 2]})
    yield one("Crop,5-axes", "Crop", (1, 2, 3, 4, 3), extra={"like": (1, 2, 2, 2, 2)}, crop_param={"axis": 2, "offset": 1})
    yield Case(
        "Deconvolution-then-Crop",
        data(data=(1, 2, 5, 5))
        + layer("Deconvolution", "data", "up", convolution_param={"num_output": 2, "kernel_size": 4, "stride": 2})
        + layer("Crop", ["up", "data"], "out", crop_param={"offset": 3}),
    )
    yield one("Crop,refused,beyond", "Crop", (2, 3, 6, 6), extra={"like": (2, 3, 4, 4)}, refused=True, crop_param={"offset": 3})
    yield one(
        "Crop,refused,offset-count",
        "Crop",
        (2, 3, 6, 6),
        extra={"like": (2, 3, 4, 4)},
        refused=True,
        crop_param={"axis": 1, "offset": [1, 1]},
    )


def tile():
    """Copies along one axis, whole blocks at a time."""
    for axis, tiles in product((None, 0, 1, 2, 3, -1, -2, -4), (1, 2, 3)):
        form = {"tiles": tiles, **({} if axis is None else {"axis": axis})}
        yield one(f"Tile,{label(**form)}", "Tile", (2, 3, 2, 2), tile_param=form)
    for shape, axis in (((3,), 0), ((2, 3), 1), ((2, 3, 2), 2), ((1, 2, 1, 2, 3), 4)):
        yield one(f"Tile,{label(shape=shape, axis=axis)}", "Tile", shape, tile_param={"axis": axis, "tiles": 2})
    yield one("Tile,refused,tiles=0", "Tile", (2, 3), refused=True, tile_param={"tiles": 0})
    yield one("Tile,refused,no-tiles", "Tile", (2, 3), refused=True)


def selections():
    """Filter keeps the items whose selector isn't 0; BatchReindex gathers items."""
    for name, selector in {
        "some": (1, 0, 1, 1),
        "first": (1, 0, 0, 0),
        "last": (0, 0, 0, 1),
        "all": (1, 1, 1, 1),
        "not-only-ones": (0, 2, -1, 0.5),
    }.items():
        for shape in ((4, 3), (4, 2, 3, 2), (4,)):
            yield one(
                f"Filter,{name},{label(shape=shape)}", "Filter", shape, extra={"by": (4,)}, inputs={"by": given(*selector)}
            )
    yield one("Filter,column-selector", "Filter", (4, 3), extra={"by": (4, 1)}, inputs={"by": given(0, 1, 1, 0)})
    yield one(
        "Filter,two", "Filter", (4, 3), top=["a", "b"], extra={"other": (4, 2), "by": (4,)}, inputs={"by": given(0, 1, 1, 0)}
    )
    yield one("Filter,refused,item-count", "Filter", (4, 3), extra={"by": (3,)}, refused=True, inputs={"by": given(1)})
    for name, index in {"same": (0, 1, 2), "reverse": (2, 1, 0), "repeat": (1, 1, 0, 2, 2), "one": (2,)}.items():
        for shape in ((3, 4), (3, 2, 2, 3), (3,)):
            yield one(
                f"BatchReindex,{name},{label(shape=shape)}",
                "BatchReindex",
                shape,
                extra={"index": (len(index),)},
                inputs={"index": given(*index)},
            )


def parameters():
    """A learned blob as a top."""
    for shape in ((3,), (2, 3), (2, 3, 4, 2)):
        yield Case(
            f"Parameter,{label(shape=shape)}",
            data(data=shape)
            + layer("Parameter", [], "learned", parameter_param={"shape": {"dim": list(shape)}})
            + layer("Eltwise", ["data", "learned"], "out"),
        )
    yield Case(
        "Parameter,as-scale",
        data(data=(2, 3, 4))
        + layer("Parameter", [], "learned", parameter_param={"shape": {"dim": 3}})
        + layer("Scale", ["data", "learned"], "out"),
    )
    yield Case(
        "Parameter,an-output",
        data(data=(2, 3))
        + layer("Parameter", [], "learned", parameter_param={"shape": {"dim": [2, 2]}})
        + layer("ReLU", "data", "out"),
    )


CASES = [*flatten(), *reshape(), *slices(), *crop(), *tile(), *selections(), *parameters()]
