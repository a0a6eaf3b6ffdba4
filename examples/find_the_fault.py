"""Break a converted network on purpose, and let the report name the layer.

    python examples/find_the_fault.py

Somebody lost the padding of one pooling layer: the shapes still fit, the numbers don't.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import onnx

import dragoman
from dragoman.converters.caffe import zoo


def main(folder: Path) -> None:
    prototxt, weights = zoo.write("googlenet", folder, width=0.125, size=64)
    target = folder / "googlenet.onnx"
    dragoman.convert(prototxt, target, weights=weights, verify=False)

    model = onnx.load(target)
    pool = next(node for node in model.graph.node if "inception_4a/pool" in node.output)
    pads = next(attribute for attribute in pool.attribute if attribute.name == "pads")
    pads.ints[:] = [0, 0, 2, 2]  # was one on each side
    onnx.save(model, target)

    report = dragoman.verify(prototxt, target, weights=weights)
    assert not report.passed
    assert report.localisation is not None
    assert report.localisation.departure is not None
    found = report.localisation.departure
    print(f"{report.verdict.value}: layer {found.layer} ({found.operator}) departs first, {found.ratio:.0f} × the noise")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
