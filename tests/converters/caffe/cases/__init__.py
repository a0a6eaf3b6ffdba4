"""Small Caffe networks by operator family: what real Caffe runs and records, and what the importer must reproduce."""

from importlib import import_module

FAMILIES = (
    "conv", "pooling", "normalization", "activation", "elementwise", "shape", "dense", "recurrent", "reduction", "inputs", "training", "upgrade", "networks", "forks",
)  # fmt: skip
"""Families that real Caffe records."""
OPENCV_FAMILIES = ("detection",)
"""Families of forks' layers that only OpenCV's dnn runs."""


def load(family):
    """``{id: Case}`` of a family."""
    found = import_module(f".{family}", __name__).CASES
    cases = {case.id: case for case in found}
    if len(cases) != len(found):
        ids = [case.id for case in found]
        raise ValueError(f"{family}: ids occur twice: {sorted({i for i in ids if ids.count(i) > 1})}")
    return cases
