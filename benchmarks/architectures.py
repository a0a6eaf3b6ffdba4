"""What simplification is worth: nodes and ONNX Runtime latency of the input, of ours and of onnxsim's, in one run.

    python benchmarks/architectures.py [--rounds 150] [--width 256] [NAME ...]

Transformers exported by PyTorch with random weights, and the classic networks as they are read from Caffe. Sessions take turns,
so that what else the machine does hits all of them, and each figure is the least of all rounds. onnxsim is left out where it isn't
installed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "e2e"))
import dragoman
from dragoman.converters.caffe import zoo

NETWORKS = {"lenet": 28, "squeezenet": 127, "resnet18": 128, "resnet50": 128, "mobilenet": 128, "googlenet": 128}

Feeds = dict[str, np.ndarray]


def transformers(folder: Path, width: int, wanted: list[str]) -> Iterator[tuple[str, Path, Feeds]]:
    """Each architecture by each exporter that can write it."""
    from architectures import ARCHITECTURES, export  # noqa: PLC0415  # PyTorch isn't needed for the classic networks

    for name, architecture in ARCHITECTURES.items():
        for exporter in architecture.exporters:
            if not wanted or name in wanted:
                made = export(name, exporter, folder, width=width, batch=1, length=64)
                yield f"{name} ({exporter})", made.path, made.feeds


def classic(folder: Path, wanted: list[str]) -> Iterator[tuple[str, Path, Feeds]]:
    """Classic networks, as they are read."""
    for name, size in NETWORKS.items():
        if wanted and name not in wanted:
            continue
        prototxt, weights = zoo.write(name, folder / name, size=size)
        path = folder / f"{name}.onnx"
        dragoman.convert(prototxt, path, weights=weights, optimize=False, verify=False)
        shape = [d.dim_value for d in onnx.load(path).graph.input[0].type.tensor_type.shape.dim]
        yield name, path, {"data": np.random.default_rng(0).standard_normal(shape).astype(np.float32)}


def simplified(path: Path) -> Path | None:
    """onnxsim's result."""
    try:
        import onnxsim  # noqa: PLC0415
    except ImportError:
        return None
    target = path.with_suffix(".sim.onnx")
    onnx.save(onnxsim.simplify(str(path))[0], target)
    return target


def latencies(paths: list[Path], feeds: Feeds, rounds: int) -> list[float]:
    """The least milliseconds of one run of each: CPU time of the one thread, which others on the machine touch least."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    sessions = [onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"]) for path in paths]
    times: list[list[float]] = [[] for _ in sessions]
    for number in range(rounds + 2):
        for session, measured in zip(sessions, times, strict=True):
            start = time.thread_time()
            session.run(None, feeds)
            if number > 1:
                measured.append(1e3 * (time.thread_time() - start))
    return [min(measured) for measured in times]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--rounds", type=int, default=150)
    parser.add_argument("--width", type=int, default=256)
    arguments = parser.parse_args()
    print("| network | nodes in | ours | onnxsim | input, ms | ours ÷ input | ours ÷ onnxsim |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name, path, feeds in (*classic(folder, arguments.names), *transformers(folder, arguments.width, arguments.names)):
            ours = dragoman.convert(path, path.with_suffix(".ours.onnx"), verify=False).path
            files = [path, ours, *filter(None, [simplified(path)])]
            nodes = [len(onnx.load(file, load_external_data=False).graph.node) for file in files]
            times = latencies(files, feeds, arguments.rounds)
            peer = (f"{nodes[2]}", f"{times[1] / times[2]:.2f}") if len(files) > 2 else ("", "")
            print(f"| {name} | {nodes[0]} | {nodes[1]} | {peer[0]} | {times[0]:.2f} | {times[1] / times[0]:.2f} | {peer[1]} |", flush=True)


if __name__ == "__main__":
    main()
