"""InnerProduct and Embed."""

from itertools import product

from .case import Case, data, given, integers, label, layer, one


def inner_product():
    """Axes from axis on are flattened; transposed weights are (inputs, outputs)."""
    for transpose, bias, (shape, axis) in product(
        (False, True),
        (False, True),
        (((3, 4), None), ((2, 3, 4, 2), None), ((2, 3, 4), 2), ((2, 3, 4, 2), -1), ((2, 3, 2), 0), ((2, 2, 3, 2), -2)),
    ):
        form = {"num_output": 5, "transpose": transpose, "bias_term": bias, **({} if axis is None else {"axis": axis})}
        yield one(f"InnerProduct,{label(shape=shape, **form)}", "InnerProduct", shape, inner_product_param=form)
    for shape, axis in (((6,), 0), ((2, 1), 1), ((1, 2, 2, 1, 3), 1), ((1, 2, 2, 1, 3), 3), ((2, 3, 4), -3)):
        yield one(
            f"InnerProduct,{label(shape=shape, axis=axis)}",
            "InnerProduct",
            shape,
            inner_product_param={"num_output": 3, "axis": axis},
        )
    yield one("InnerProduct,num_output=1", "InnerProduct", (3, 4), inner_product_param={"num_output": 1})
    shared = {"param": [{"name": "w"}, {"name": "b"}], "inner_product_param": {"num_output": 4}}
    yield Case(
        "InnerProduct,shared",
        data(data=(2, 4))
        + layer("InnerProduct", "data", "a", **shared)
        + layer("ReLU", "a", "a", name="relu")
        + layer("InnerProduct", "a", "b", **shared),
    )
    yield Case(
        "InnerProduct,siamese",
        data(left=(2, 3), right=(2, 3))
        + layer("InnerProduct", "left", "a", **shared)
        + layer("InnerProduct", "right", "b", **shared),
    )
    yield Case(
        "InnerProduct,tied-autoencoder",
        data(data=(2, 6))
        + layer("InnerProduct", "data", "code", param={"name": "w"}, inner_product_param={"num_output": 3})
        + layer("InnerProduct", "code", "out", param={"name": "w"}, inner_product_param={"num_output": 6, "transpose": True}),
    )
    yield Case(
        "InnerProduct,constant-fillers",
        data(data=(2, 6))
        + layer(
            "InnerProduct",
            "data",
            "out",
            inner_product_param={
                "num_output": 3,
                "weight_filler": {"value": 0.1},
                "bias_filler": {"type": "constant", "value": 2},
            },
        ),
        unstored=["out"],
    )
    yield one(
        "InnerProduct,refused,axis=2", "InnerProduct", (2, 3), refused=True, inner_product_param={"num_output": 3, "axis": 3}
    )


def embed():
    """Rows of a table by index; a bias if asked for."""
    for bias, shape in product((None, True, False), ((4,), (2, 3), (2, 1, 3), (1, 2, 2, 2))):
        form = {"num_output": 3, "input_dim": 5, **({} if bias is None else {"bias_term": bias})}
        yield one(f"Embed,{label(shape=shape, bias_term=bias)}", "Embed", shape, values=integers(0, 5), embed_param=form)
    yield one("Embed,num_output=1", "Embed", (2, 3), values=integers(0, 4), embed_param={"num_output": 1, "input_dim": 4})
    yield one(
        "Embed,first-and-last-row", "Embed", (4,), values=given(0, 6, 6, 0), embed_param={"num_output": 2, "input_dim": 7}
    )
    yield one(
        "Embed,fraction-truncated",
        "Embed",
        (4,),
        values=given(0.9, 1.5, 2.99, 0.2),
        embed_param={"num_output": 2, "input_dim": 4, "bias_term": False},
        refused=False,
    )


CASES = [*inner_product(), *embed()]
