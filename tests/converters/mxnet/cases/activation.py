"""Activations."""

from .case import Case, normal


def sweep(mx):
    """Every kind, on every rank."""
    x = mx.sym.Variable("data")
    for kind in ("relu", "sigmoid", "tanh", "softrelu", "softsign"):
        for shape in ((5,), (2, 3), (2, 3, 4), (1, 2, 3, 4), (2, 1, 2, 2, 3)):
            yield Case(
                f"Activation,{kind},{len(shape)}-D",
                mx.sym.Activation(x, act_type=kind, name="act"),
                {"data": normal(*shape, scale=3.0)},
                dynamic={"data": ("batch", *shape[1:])},
            )
