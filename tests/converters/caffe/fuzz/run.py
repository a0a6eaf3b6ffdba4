"""Draws networks, runs them in real Caffe, converts them, and compares what ONNX Runtime makes of them.

python -m fuzz.run --caffe INTERPRETER [--first 0] [--count 100] [--folder DIR]      (from tests/converters/caffe)
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

import dragoman
from dragoman.graph_ir.errors import DragomanError

from .generate import Example, generate

OPSETS = (11, 13, 17, 18, 21, 23, None)
TOLERANCE = 1e-4
"""Of the largest value, or of ``SMALLEST`` if that is larger. What differs more may differ by this many times what inputs changed in their last bits make."""
SENSITIVITY = 50.0
SMALLEST = 0.05
BATCH = 100
"""Networks in one run of Caffe."""


@dataclass
class Findings:
    """What a batch showed. ``failures`` are (seed, what was run, what is wrong)."""

    networks: int = 0
    comparisons: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    unsupported: list[tuple[int, str, str]] = field(default_factory=list)
    failures: list[tuple[int, str, str]] = field(default_factory=list)

    def add(self, other: Findings) -> None:
        """Count what another batch showed."""
        self.networks += other.networks
        self.comparisons += other.comparisons
        self.refused += other.refused
        self.unsupported += other.unsupported
        self.failures += other.failures


def run_batch(seeds: list[int], caffe: str, folder: Path) -> Findings:
    """Run the networks of ``seeds`` in Caffe, in one process with children, then compare each."""
    for old in folder.glob("[0-9]*"):
        shutil.rmtree(old)
    examples = {seed: generate(seed) for seed in seeds}
    for seed, example in examples.items():
        prepare(example, folder / f"{seed:07d}")
    in_caffe(caffe, folder)
    found = Findings()
    for seed, example in examples.items():
        compare(example, folder / f"{seed:07d}", found)
    return found


def in_caffe(caffe: str, folder: Path) -> None:
    """Run what was prepared in ``folder``."""
    subprocess.run([caffe, str(Path(__file__).with_name("in_caffe.py")), str(folder)], check=True, stderr=subprocess.DEVNULL)


def prepare(example: Example, job: Path) -> None:
    """Write the network and its feeds."""
    shutil.rmtree(job, ignore_errors=True)
    job.mkdir(parents=True)
    (job / "net.prototxt").write_text(example.prototxt)
    (job / "inputs.json").write_text(json.dumps([*example.inputs]))
    for dynamic, variants in example.variants.items():
        for i, shapes in enumerate(variants):
            np.savez(job / f"feeds-{dynamic}-{i}.npz", *example.feeds(shapes).values())


def compare(example: Example, job: Path, found: Findings) -> None:
    """Convert with each kind of dynamic shape; every feed that Caffe ran must give the same."""
    found.networks += 1
    status: dict[str, dict[str, Any]] = json.loads((job / "status.json").read_text())
    r = random.Random(example.seed)
    if "refused" in status["feeds-static-0"]:
        found.refused[status["feeds-static-0"]["refused"]] += 1
        try:
            convert(example, job, "static", True, None)
            found.failures.append((example.seed, "static", f"Caffe refuses it: {status['feeds-static-0']['refused']}"))
        except DragomanError:
            pass
        except Exception as error:
            found.failures.append((example.seed, "static", f"{type(error).__name__}: {error}"))
        return
    for dynamic in example.dynamic:
        ran = [i for i in range(len(example.variants[dynamic])) if "refused" not in status[f"feeds-{dynamic}-{i}"]]
        if not ran:
            continue
        for optimize, opset in (
            {(True, r.choice(OPSETS)), (False, r.choice(OPSETS)), (True, None)}
            if dynamic == "static"
            else {(r.random() < 0.5, r.choice(OPSETS))}
        ):
            what = f"{dynamic}, optimize={optimize}, opset={opset}"
            try:
                path = convert(example, job, dynamic, optimize, opset)
                onnx.checker.check_model(str(path), full_check=True)
                session = open_session(path)
                for i in ran:
                    wrong = differs(session, job, f"feeds-{dynamic}-{i}", [*example.inputs], status[f"feeds-{dynamic}-{i}"])
                    found.comparisons += 1
                    if wrong:
                        found.failures.append((example.seed, f"{what}, feed {i}", wrong))
                        break
            except DragomanError as error:
                (found.unsupported if type(error).__name__.startswith("Unsupported") else found.failures).append(
                    (example.seed, what, f"{type(error).__name__}: {error}")
                )
            except Exception as error:
                found.failures.append((example.seed, what, f"{type(error).__name__}: {str(error)[-300:]}"))


def convert(example: Example, job: Path, dynamic: str, optimize: bool, opset: int | None) -> Path:
    """The network as ONNX."""
    options = {} if opset is None else {"opset": opset}
    weights = job / "weights.caffemodel"
    return dragoman.convert(
        job / "net.prototxt",
        job / "net.onnx",
        weights=weights if weights.exists() else None,
        inputs=example.dynamic[dynamic] or None,
        verify=False,
        optimize=optimize,
        **options,
    ).path


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """On one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def differs(session: onnxruntime.InferenceSession, job: Path, stem: str, names: list[str], status: dict[str, Any]) -> str:
    """What is unlike Caffe, or nothing."""
    with np.load(job / f"{stem}.npz") as stored:
        feeds = {name: stored[f"arr_{i}"] for i, name in enumerate(names)}
    with np.load(job / f"out-{stem}.npz") as stored:
        expected = [stored[f"arr_{i}"] for i in range(len(status["outputs"]))]
    inputs, outputs = [v.name for v in session.get_inputs()], [v.name for v in session.get_outputs()]
    if inputs != status["inputs"]:
        return f"inputs {inputs}, Caffe's are {status['inputs']}"
    if len(outputs) != len(status["outputs"]) or any(a not in (e, f"{e}_out") for a, e in zip(outputs, status["outputs"])):
        return f"outputs {outputs}, Caffe's are {status['outputs']}"
    actual = session.run(None, feeds)
    for name, a, e in zip(outputs, actual, expected):
        if a.shape != e.shape:
            return f"{name} has shape {a.shape}, Caffe's {e.shape}"
    declared = {v.name: v.shape for v in session.get_outputs()}
    for name, a in zip(outputs, actual):
        if len(declared[name]) != a.ndim or any(isinstance(d, int) and d != n for d, n in zip(declared[name], a.shape)):
            return f"{name} is declared {declared[name]}, is {a.shape}"
    worst = {name: distance(a, e) for name, a, e in zip(outputs, actual, expected)}
    if max(worst.values()) <= TOLERANCE:
        return ""
    shaken = session.run(None, {name: shake(array) for name, array in feeds.items()})
    for name, a, s in zip(outputs, actual, shaken):
        if worst[name] > TOLERANCE and not worst[name] <= SENSITIVITY * distance(s, a):
            return f"{name} differs by {worst[name]:.2g} of its largest value"
    return ""


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference, relative to the largest value; infinite if NaN or infinities differ."""
    finite = np.isfinite(b)
    if not np.array_equal(np.where(finite, 0, a), np.where(finite, 0, b), equal_nan=True):
        return np.inf
    scale = float(np.abs(b[finite]).max(initial=0))
    return float(np.abs(a[finite].astype(float) - b[finite]).max(initial=0)) / max(scale, SMALLEST) if finite.any() else 0.0


def shake(array: np.ndarray) -> np.ndarray:
    """The values with their last bits changed; whole numbers, which may be indices, stay."""
    noise = 1 + 2.0**-23 * np.random.RandomState(0).choice([-1, 1], array.shape)
    return np.where(array == np.round(array), array, array * noise).astype(np.float32)


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--caffe", required=True)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    seeds = list(range(arguments.first, arguments.first + arguments.count))
    found = Findings()
    for start in range(0, len(seeds), BATCH):
        with tempfile.TemporaryDirectory() as scratch:
            found.add(run_batch(seeds[start : start + BATCH], arguments.caffe, arguments.folder or Path(scratch)))
    print(
        f"{found.networks} networks, {sum(found.refused.values())} refused by Caffe, {found.comparisons} comparisons, {len(found.failures)} failures, {len(found.unsupported)} unsupported"
    )
    for title, rows in (("failure", found.failures), ("unsupported", found.unsupported)):
        for row in rows:
            print(title, *row)
    for reason, count in found.refused.most_common():
        print("refused", count, reason)
    return min(len(found.failures), 100)


if __name__ == "__main__":
    sys.exit(main())
