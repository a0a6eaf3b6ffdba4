"""Random networks: what real Caffe computes is what the conversion computes, also at other batches, sizes and opsets."""

import os

import pytest
from fuzz.run import run_batch

CAFFE_PYTHON = os.environ.get("DRAGOMAN_CAFFE_PYTHON")


@pytest.mark.skipif(not CAFFE_PYTHON, reason="DRAGOMAN_CAFFE_PYTHON names no interpreter with real Caffe")
def test_random_networks(tmp_path):
    found = run_batch(list(range(60)), CAFFE_PYTHON, tmp_path)
    assert found.failures == []
    assert sum(found.refused.values()) < 10
    assert found.comparisons > 200
