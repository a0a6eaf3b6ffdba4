"""VGG-16 at full size: wall time and peak memory of a conversion, beside `cp` of the same caffemodel, in one run.

    python benchmarks/vgg16.py [--folder DIR] [--runs 5]

Each conversion is a fresh process. Targets are new files: replacing a large file also pays for deleting the old one, in both.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def measured(command: list[str], produced: Path) -> tuple[float, float]:
    """Wall seconds and peak resident megabytes of a command whose product is then deleted."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status != 0:
        raise SystemExit(f"{' '.join(command)} failed")
    produced.unlink()
    return seconds, usage.ru_maxrss / 1024


def main() -> None:
    """Print the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--folder", type=Path, help="where the 553 MB network is made and kept; a temporary folder otherwise")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp())
    try:
        prototxt, weights = folder / "vgg16.prototxt", folder / "vgg16.caffemodel"
        if not weights.exists():
            # In a process of its own: what this one once held would count as its children's peak.
            make = f"from dragoman.converters.caffe import zoo; zoo.write('vgg16', {str(folder)!r})"
            subprocess.run([sys.executable, "-c", make], check=True)
        onnx, copy = folder / "vgg16.onnx", folder / "copy.caffemodel"
        convert = [sys.executable, "-m", "dragoman", "convert", str(prototxt), str(onnx), "-w", str(weights), "--no-verify"]
        copies, conversions = [], []
        for _ in range(arguments.runs + 1):  # taking turns, so that both see the same machine; the first round warms the caches
            copies.append(measured(["cp", str(weights), str(copy)], copy))
            conversions.append(measured(convert, onnx))
        cp = statistics.median(s for s, _ in copies[1:])
        ours = statistics.median(s for s, _ in conversions[1:])
        peak = max(m for _, m in conversions[1:])
        start_up = statistics.median(
            measured([sys.executable, "-c", f"import dragoman.conversion, onnx_ir; open({str(copy)!r}, 'w')"], copy)[0]
            for _ in range(3)
        )
        print(f"caffemodel          {weights.stat().st_size / 1e6:8.1f} MB")
        print(f"cp                  {cp:8.2f} s")
        print(
            f"dragoman convert    {ours:8.2f} s   {ours / cp:.2f} × cp   (of which {start_up:.2f} s start Python and its libraries)"
        )
        print(f"peak resident       {peak:8.1f} MB")
    finally:
        if arguments.folder is None:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
