"""What MXNet's tests may ask of the machine."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="session")
def mxnet_python() -> str:
    """An interpreter with real MXNet."""
    if not (python := os.environ.get("DRAGOMAN_MXNET_PYTHON")):
        pytest.skip("real MXNet isn't at hand: DRAGOMAN_MXNET_PYTHON names no interpreter that has it")
    return python
