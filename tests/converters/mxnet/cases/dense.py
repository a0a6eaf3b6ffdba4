"""Fully connected layers."""

from math import prod

from .case import Case, normal


def sweep(mx):
    """With and without bias and flattening, rank 2 to 4."""
    x = mx.sym.Variable("data")
    for shape in ((2, 3), (1, 4), (2, 3, 4), (3, 2, 2, 3)):
        for flatten in (True, False):
            for bias in (True, False):
                features = prod(shape[1:]) if flatten else shape[-1]
                yield Case(
                    f"FullyConnected,{shape},flatten={flatten},bias={bias}",
                    mx.sym.FullyConnected(x, num_hidden=5, flatten=flatten, no_bias=not bias, name="fc"),
                    {"data": normal(*shape)},
                    {"fc_weight": normal(5, features), **({"fc_bias": normal(5)} if bias else {})},
                    dynamic={"data": ("batch", *shape[1:])},
                )
