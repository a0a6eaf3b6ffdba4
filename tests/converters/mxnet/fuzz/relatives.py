"""``draw(mx, seed)``: operators that MXNet registers and the list doesn't have. Runs in MXNet's Python."""

import random

from . import operators

SKIPPED = (
    "_backward",
    "_sg_",
    "_sparse_",
    "_image",
    "_cv",
    "_contrib_dgl",
    "_random",
    "_sample",
    "sample_",
    "random_",
    "_npi_random",
    "_contrib_quantized",
)


def draw(mx, seed):
    """(symbol, inputs, parameters, whether shapes are numpy's)."""
    known = set(operators.listed()) | operators.LEFT_OUT
    names = [
        n
        for n in sorted(operators.registered())
        if n not in known and not n.startswith(SKIPPED) and "update" not in n and "backward" not in n
    ]
    return operators.draw(mx, seed, random.Random(f"op{seed}").choice(names))
