"""Fully connected layers."""

from itertools import product
from math import prod

from .case import Case, normal


def sweep(mx):
    """With and without bias and flattening, rank 1 to 5; types; weights that are inputs."""
    x = mx.sym.Variable("data")
    for shape in ((3,), (2, 3), (1, 4), (2, 3, 4), (3, 2, 2, 3), (1, 2, 1, 2, 3)):
        for flatten in (True, False):
            for bias in (True, False):
                features = shape[-1] if not flatten else prod(shape[1:])
                yield Case(
                    f"FullyConnected,{shape},flatten={flatten},bias={bias}",
                    mx.sym.FullyConnected(x, num_hidden=5, flatten=flatten, no_bias=not bias, name="fc"),
                    {"data": normal(*shape)},
                    {"fc_weight": normal(5, features), **({"fc_bias": normal(5)} if bias else {})},
                    dynamic={"data": ("batch", *shape[1:])},
                )
    for dtype, flatten in product(("float64", "int32"), (True, False)):
        yield Case(
            f"FullyConnected,{dtype},flatten={flatten}",
            mx.sym.FullyConnected(mx.sym.Variable("data", dtype=dtype), num_hidden=5, flatten=flatten, name="fc"),
            {"data": normal(2, 3, 4, dtype=dtype)},
            {"fc_weight": normal(5, 12 if flatten else 4, dtype=dtype), "fc_bias": normal(5, dtype=dtype)},
            dynamic={"data": ("batch", 3, 4)},
        )
    for flatten in (True, False):
        yield Case(
            f"FullyConnected,its weights are inputs,flatten={flatten}",
            mx.sym.FullyConnected(x, num_hidden=5, flatten=flatten, name="fc"),
            {"data": normal(2, 3, 4), "fc_weight": normal(5, 12 if flatten else 4), "fc_bias": normal(5)},
        )
    other = mx.sym.FullyConnected(x, mx.sym.Activation(mx.sym.Variable("w"), act_type="tanh"), num_hidden=5, no_bias=True, name="fc")
    yield Case("FullyConnected,its weight is computed", other, {"data": normal(2, 3)}, {"w": normal(5, 3)})
    square = mx.sym.FullyConnected(x, x, num_hidden=3, no_bias=True, name="fc")
    yield Case("FullyConnected,its weight is its data", square, {"data": normal(3, 4)})
    weights = {"fc_weight": normal(5, 4), "fc_bias": normal(5)}
    yield Case("FullyConnected,another size", mx.sym.FullyConnected(x, num_hidden=5, name="fc"), {"data": normal(2, 3)}, weights)
