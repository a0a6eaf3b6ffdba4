"""Embed a conversion in a pipeline: convert, look at the evidence, and refuse what doesn't agree.

    python examples/convert_and_verify.py [OUT_DIR]

The network is SqueezeNet at a quarter of its width, with seeded weights; put your own prototxt and caffemodel in its place.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import dragoman
from dragoman.converters.caffe import zoo


def main(folder: Path) -> None:
    prototxt, weights = zoo.write("squeezenet", folder, width=0.25, size=67)

    plan = dragoman.check(prototxt, weights=weights, target_format="onnx")
    if not plan.passed:
        raise SystemExit(f"can't be converted: {plan.reading} {plan.writing}")

    # A word in place of a number is a dynamic dimension.
    result = dragoman.convert(
        prototxt, folder / "squeezenet.onnx", weights=weights, inputs={"data": ("batch", 3, 67, 67)}, opset=17
    )
    report = result.report
    assert report is not None
    print(
        f"{result.path.name}: {report.verdict.value}, {report.ratio:.1f} × the network's rounding noise (limit {report.limit:g})"
    )
    for output in report.outputs:
        print(f"  {output.name}: {len(output.measurements)} samples")
    if not report.passed:
        raise SystemExit(1)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))
