"""Draws operators and networks, runs them in real MXNet, converts them, and compares what ONNX Runtime makes of them.

python -m fuzz.run operators|networks --mxnet INTERPRETER [--first 0] [--count 100] [--folder DIR]      (from tests/converters/mxnet)
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
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

OPSETS = (11, 13, 17, None)
SMALLEST = 0.3
"""Differences are of the largest value, or of this: sums of numbers about 1 that cancel out."""


@dataclass
class Findings:
    """What a batch showed. ``failures`` are (seed, what was run, what is wrong)."""

    networks: int = 0
    comparisons: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    accepted: list[tuple[int, str]] = field(default_factory=list)
    """Seeds that MXNet refuses, and the conversion doesn't."""
    unsupported: list[tuple[int, str, str]] = field(default_factory=list)
    failures: list[tuple[int, str, str]] = field(default_factory=list)


def run_batch(kind: str, first: int, count: int, mxnet: str, folder: Path) -> Findings:
    """Draw and run ``count`` seeds in MXNet, then compare each."""
    for old in folder.glob("[0-9]*"):
        shutil.rmtree(old)
    command = [mxnet, str(Path(__file__).with_name("in_mxnet.py")), kind, str(first), str(count), str(folder)]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    found = Findings()
    for seed in range(first, first + count):
        compare(seed, folder / f"{seed:07d}", found)
    return found


def compare(seed: int, job: Path, found: Findings) -> None:
    """Convert one in several ways; every feed that MXNet ran must give the same."""
    path = job / "status.json"
    status: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"refused": "MXNet crashed", "unborn": True}
    if status.get("unborn"):
        found.refused[status["refused"]] += 1
        return
    found.networks += 1
    r = random.Random(seed)
    feeds = load(job / "feeds0.npz")
    static: dict[str, tuple[int | str, ...]] = {name: value.shape for name, value in feeds.items()}
    if "refused" in status:
        found.refused[status["refused"]] += 1
        try:
            convert(job, static, True, None)
            found.accepted.append((seed, status["refused"]))
        except DragomanError:
            pass
        except Exception as error:
            found.failures.append((seed, "refused", f"{type(error).__name__}: {error}"))
        return
    ways = [(static, True, None, 1), (static, False, r.choice(OPSETS), 1)]
    if status["batches"]:
        batched = {name: ("batch", *shape[1:]) if name in status["batches"] else shape for name, shape in static.items()}
        ways.append((batched, r.random() < 0.5, r.choice(OPSETS), 2))
    for shapes, optimize, opset, runs in ways:
        what = f"{'static' if shapes is static else 'batch'}, optimize={optimize}, opset={opset}"
        try:
            session = open_session(convert(job, shapes, optimize, opset))
            for run in range(runs):
                found.comparisons += 1
                if wrong := differs(
                    session, load(job / f"feeds{run}.npz"), [*load(job / f"outputs{run}.npz").values()], status
                ):
                    found.failures.append((seed, f"{what}, feed {run}", wrong))
                    break
        except DragomanError as error:
            kinds = found.unsupported if type(error).__name__.startswith("Unsupported") else found.failures
            kinds.append((seed, what, f"{type(error).__name__}: {error}"))
        except Exception as error:
            found.failures.append((seed, what, f"{type(error).__name__}: {str(error)[-300:]}"))


def load(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an ``.npz``."""
    with np.load(path) as stored:
        return dict(stored)


def convert(job: Path, shapes: dict[str, tuple[int | str, ...]], optimize: bool, opset: int | None) -> Path:
    """The symbol as ONNX."""
    options = {} if opset is None else {"opset": opset}
    symbol = job / "net-symbol.json"
    path = dragoman.convert(symbol, job / "net.onnx", inputs=shapes, verify=False, optimize=optimize, **options).path
    onnx.checker.check_model(str(path), full_check=True)
    return path


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """On one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def differs(session: Any, feeds: dict[str, np.ndarray], expected: list[np.ndarray], status: dict[str, Any]) -> str:
    """What is unlike MXNet, or nothing."""
    inputs, outputs = [v.name for v in session.get_inputs()], [v.name for v in session.get_outputs()]
    if outputs != unique(status["outputs"]):
        return f"outputs {outputs}, MXNet's are {status['outputs']}"
    if inputs != [name for name in status["inputs"] if name in inputs]:
        return f"inputs {inputs}, MXNet's are {status['inputs']}"
    for name, got, wanted in zip(outputs, session.run(None, {name: feeds[name] for name in inputs}), expected, strict=True):
        if (got.dtype, got.shape) != (wanted.dtype, wanted.shape):
            return f"{name} is {got.dtype} {got.shape}, MXNet's {wanted.dtype} {wanted.shape}"
        if wanted.dtype.kind != "f":
            if not np.array_equal(got, wanted):
                return f"{name} ({wanted.dtype}): {(got != wanted).sum()} of {got.size}: {at(got, wanted, got != wanted)}"
            continue
        finite = np.isfinite(wanted) & (np.abs(wanted) < np.finfo(wanted.dtype).max)
        if not np.array_equal(np.where(finite, 0, got), np.where(finite, 0, wanted), equal_nan=True):
            return f"{name}: other infinities or NaN: {at(got, wanted, ~finite)}"
        scale = max(float(np.abs(wanted[finite].astype(np.float64)).max(initial=0)), SMALLEST)
        step = max(status["tolerance"], float(np.finfo(wanted.dtype).eps) * 4)
        apart = np.abs(got.astype(np.float64) - wanted.astype(np.float64))
        bad = finite & ~(apart <= step * scale)
        if bad.any():
            return f"{name}: {bad.sum()} of {got.size} apart by {apart[bad].max() / scale:.1e}: {at(got, wanted, bad)}"
    return ""


def unique(names: list[str]) -> list[str]:
    """Names as ONNX wants them: the second of a name has a number."""
    made: list[str] = []
    for name in names:
        own, number = name, 0
        while own in made:
            number += 1
            own = f"{name}_{number}"
        made.append(own)
    return made


def at(got: np.ndarray, wanted: np.ndarray, where: np.ndarray) -> str:
    """The first that differ."""
    return f"{got[where].ravel()[:4]} not {wanted[where].ravel()[:4]}"


def main() -> int:
    """Print what was found; the status says whether something failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("operators", "relatives", "networks"))
    parser.add_argument("--mxnet", required=True)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp())
    found = run_batch(arguments.kind, arguments.first, arguments.count, arguments.mxnet, folder)
    for kind in ("failures", "unsupported", "accepted"):
        for line in getattr(found, kind):
            print(kind, *line, sep=" | ")
    print(found.refused.most_common(15))
    print(f"{found.networks} networks, {found.comparisons} comparisons, {len(found.failures)} failures,", end=" ")
    print(
        f"{len(found.unsupported)} unsupported, {sum(found.refused.values())} refused, {len(found.accepted)} of them accepted"
    )
    return int(bool(found.failures))


if __name__ == "__main__":
    raise SystemExit(main())
