"""Random operators and networks: what real MXNet computes is what the conversion computes, also at other batches and opsets."""

from __future__ import annotations

from pathlib import Path

import pytest

from .fuzz.run import run_batch


@pytest.mark.parametrize(("kind", "count", "compared"), [("networks", 45, 110), ("operators", 180, 220)])
def test_random(kind: str, count: int, compared: int, mxnet_python: str, tmp_path: Path) -> None:
    found = run_batch(kind, 0, count, mxnet_python, tmp_path)
    assert found.failures == []
    assert found.comparisons > compared
