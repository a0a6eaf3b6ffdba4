"""What the builder folds."""

from __future__ import annotations

import numpy as np

from dragoman.graph_ir import Builder


def test_what_is_folded_reads_nothing() -> None:
    g = Builder("graph")
    two, three = g.const(2.0), g.const(3.0)
    product = g.op("Mul", two, three)
    assert product.const_value is not None
    assert product.const_value.numpy() == np.float32(6)
    assert not two.uses()
    assert not three.uses()
    assert len(list(g.graph)) == 0
