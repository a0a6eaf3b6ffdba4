"""How far correct conversions stay below the limit of the verdict, and how far faults lie above it; prints the tables.

    python benchmarks/calibration.py [--source-python COMMAND] [--every N] [--held-out] [--quick]

Correct: the classic networks at reduced widths, and every n-th recorded layer, each with and without simplification, against
OpenCV, and against real Caffe where ``--source-python`` names an interpreter that has it. Faults: those of ``faults.py``.
``--held-out`` takes widths, sizes, seeds and layers that nothing was chosen by. ``--quick`` takes a few minutes, all of it
half an hour.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "tests" / "converters" / "caffe")]
import cases  # noqa: E402
from faults import FAULTS, NETS, Fault  # noqa: E402

import dragoman  # noqa: E402
from dragoman.converters.caffe import zoo  # noqa: E402
from dragoman.converters.caffe.writer import write_caffemodel  # noqa: E402
from dragoman.graph_ir.errors import DragomanError  # noqa: E402

SIZES = {
    "lenet": 28, "alexnet": 99, "vgg16": 64, "googlenet": 64, "resnet18": 64, "resnet50": 64, "squeezenet": 65, "mobilenet": 64,
    "fcn8s": 32, "ssd_mobilenet": 100,
}  # fmt: skip
CHOSEN = [(0.125, 1.0, 0), (0.25, 1.0, 1)]
HELD_OUT = [(0.125, 1.0, 7), (0.25, 1.25, 8), (0.375, 1.0, 9)]
"""Widths, factors of the size, seeds."""
WEAKEST = 12
"""How many of the faults with the smallest ratios are listed."""
BY_HAND = ("training", "forks", "detection")
"""Families whose cases aren't run by Caffe as they stand."""
NOT_RUN = "not run"
"""The runtime lacks the layer, or computes it otherwise than Caffe, or the samples aren't valid indices for it."""
Row = tuple[str, str, str, float, str]
"""What, the runtime, the verdict, the ratio, the reason."""


def verified(what: str, prototxt: Path, weights: Path | None, target: Path, python: str | None) -> Row:
    """One verification; a side that can't run is a verdict of its own."""
    runtime = "Caffe" if python else "OpenCV"
    try:
        report = dragoman.verify(prototxt, target, weights=weights, source_python=python)
    except DragomanError as error:
        return what, runtime, NOT_RUN, float("nan"), error.message
    if any("couldn't be run" in reason for reason in report.reasons):
        return what, runtime, NOT_RUN, float("nan"), report.reasons[0]
    return what, runtime, report.verdict.value, report.ratio, "; ".join(report.reasons)


def networks(folder: Path, settings: list[tuple[float, float, int]], names: list[str]) -> Iterator[tuple[str, Path, Path]]:
    """The classic networks."""
    for width, factor, seed in settings:
        for name in names:
            size = 100 if name == "ssd_mobilenet" else round(SIZES[name] * factor)
            prototxt, weights = zoo.write(name, folder / f"{name}-{width}-{size}-{seed}", width=width, size=size, seed=seed)
            yield f"{name} × {width}, {size} px, seed {seed}", prototxt, weights


def layers(folder: Path, every: int, offset: int) -> Iterator[tuple[str, Path, Path | None]]:
    """Every n-th recorded layer that real Caffe ran."""
    recorded = Path(cases.__file__).parent.parent / "recorded"
    number = 0
    for family in (f for f in cases.FAMILIES if f not in BY_HAND):
        entries = json.loads((recorded / f"{family}.json").read_text())
        for case in cases.load(family).values():
            number += 1
            if case.refused or case.reference or case.shapes or number % every != offset:
                continue
            home = folder / f"case{number}"
            home.mkdir()
            prototxt = home / "net.prototxt"
            prototxt.write_text(case.prototxt)
            yield f"{family}: {case.id}", prototxt, _weights(home, case, entries[case.id])


def _weights(home: Path, case: cases.case.Case, entry: dict) -> Path | None:  # type: ignore[type-arg]
    made: dict[str, np.ndarray] = {}
    for layer, described in entry["params"].items():
        for index, shape in enumerate(described["blobs"]):
            if isinstance(shape, dict):
                made[f"{layer}/{index}"] = made[shape["as"]].reshape(shape["shape"])
            else:
                made[f"{layer}/{index}"] = case.parameter(layer, described["type"], index, shape)
    blobs = [(name, d["type"], [made[f"{name}/{i}"] for i in range(len(d["blobs"]))]) for name, d in entry["params"].items()]
    return write_caffemodel(home / "net.caffemodel", blobs) if blobs else None


def correct(items: Iterator[tuple[str, Path, Path | None]], pythons: list[str | None]) -> Iterator[Row]:
    """Convert each with and without simplification, and verify with each runtime."""
    for what, prototxt, weights in items:
        for optimize in (True, False):
            target = prototxt.with_name(f"net{int(optimize)}.onnx")
            with contextlib.suppress(DragomanError):
                dragoman.convert(prototxt, target, weights=weights, verify=False, optimize=optimize)
                for python in pythons:
                    yield verified(what + ("" if optimize else ", as read"), prototxt, weights, target, python)


def faulty(folder: Path, pythons: list[str | None], seed: int) -> Iterator[Row]:
    """Each fault, verified against the unharmed original."""
    for number, fault in enumerate(FAULTS):
        home = folder / f"fault{number}"
        prototxt, weights = _original(fault, home, seed)
        source = home / "faulty.prototxt"
        assert fault.text[0] in prototxt.read_text(), fault
        source.write_text(prototxt.read_text().replace(*fault.text) if fault.text[0] else prototxt.read_text())
        target = home / "net.onnx"
        dragoman.convert(source, target, weights=weights, verify=False)
        if fault.edit:
            model = onnx.load(target)
            fault.edit(model.graph)
            onnx.save(model, target)
        for python in pythons:
            yield verified(f"{fault.name} ({fault.network})", prototxt, weights, target, python)


def _original(fault: Fault, home: Path, seed: int) -> tuple[Path, Path]:
    if fault.network in SIZES:
        return zoo.write(fault.network, home, width=0.125, size=SIZES[fault.network], seed=seed)
    home.mkdir()
    prototxt, random = home / "net.prototxt", np.random.default_rng(seed)
    prototxt.write_text(NETS[fault.network])
    dense = [(f"{top}_InnerProduct", "InnerProduct", [(5, 6 * 12 * 12), (5,)]) for top in ("left", "right")]
    shapes = [(f"{top}_Convolution", "Convolution", [(6, 3, 3, 3), (6,)]) for top in "xy"]
    shapes += [*dense, ("y_PReLU", "PReLU", [(6,)])]
    blobs = [(name, kind, [random.normal(0, 0.3, s).astype(np.float32) for s in sizes]) for name, kind, sizes in shapes]
    return prototxt, write_caffemodel(home / "net.caffemodel", blobs)


def table(title: str, rows: list[Row], listed: list[Row]) -> None:
    """Counts of verdicts, the distribution of the ratios, and the rows that need a word."""
    print(f"\n## {title}\n\n| original run in | verifications | verdicts | ratio: smallest | median | 90% | 99% | largest |")
    print("| --- " * 8 + "|")
    for runtime in sorted({row[1] for row in rows}):
        mine = [row for row in rows if row[1] == runtime]
        ratios = [row[3] for row in mine if np.isfinite(row[3])]
        verdicts = ", ".join(f"{count} {name}" for name, count in Counter(row[2] for row in mine).most_common())
        points = [f"{v:.3g}" for v in np.quantile(ratios, (0, 0.5, 0.9, 0.99, 1))] if ratios else ["–"] * 5
        print(f"| {runtime} | {len(mine)} | {verdicts} | {' | '.join(points)} |")
    for what, runtime, verdict, ratio, reason in listed:
        print(
            f"- {what}, {runtime}: {verdict}, {ratio:.3g}" + (f". {' '.join(reason.split())[:140]}" if reason else ""),
            flush=True,
        )


def main() -> None:
    """Print the tables; the status is 1 if a correct conversion fails or a fault passes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--source-python", help="an interpreter that has real Caffe")
    parser.add_argument("--every", type=int, default=4, help="take every n-th recorded layer")
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    pythons = [None, *([arguments.source_python] if arguments.source_python else [])]
    settings = HELD_OUT if arguments.held_out else CHOSEN
    seed = 11 if arguments.held_out else 0
    every = 40 if arguments.quick else arguments.every
    names = ["lenet", "squeezenet", "resnet18"] if arguments.quick else list(SIZES)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = list(correct(networks(folder, settings[:1] if arguments.quick else settings, names), pythons))
        table("Correct: classic networks", rows, [r for r in rows if r[2] not in ("passed", NOT_RUN)])
        wrong = [r for r in rows if r[2] in ("failed", "contract")]
        rows = list(correct(layers(folder, every, 1 if arguments.held_out else 0), pythons))
        table("Correct: single layers", rows, [r for r in rows if r[2] not in ("passed", NOT_RUN)])
        wrong += [r for r in rows if r[2] in ("failed", "contract")]
        rows = list(faulty(folder, pythons, seed))
        table("Faults", rows, sorted(rows, key=lambda r: r[3])[:WEAKEST] + [r for r in rows if r[2] == "passed"])
        wrong += [r for r in rows if r[2] == "passed"]
    print(f"\n{len(wrong)} wrong verdicts")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
