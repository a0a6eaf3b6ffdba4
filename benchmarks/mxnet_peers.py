"""MXNet to ONNX beside its own exporter and MMdnn: time, peak memory, operators, and latency of what they write, in one run.

    python benchmarks/mxnet_peers.py --mx2onnx PYTHON [--mmdnn PYTHON] [--runs 5] [NAME ...]

``--mx2onnx`` is an interpreter with mxnet 1.9.1 and an onnx that it accepts (Python 3.8: mxnet==1.9.1 numpy==1.23.5 onnx==1.12.0
'protobuf<3.21'); ``--mmdnn`` one with MMdnn (Python 3.6: mmdnn mxnet==1.5.1 onnx==1.8.0 protobuf==3.19.6). Each conversion is a fresh
process; all take turns. Latencies are in this interpreter's ONNX Runtime, one thread, batch 1.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime

from dragoman.converters.mxnet.names import canonical
from dragoman.converters.mxnet.table import OPERATORS

HERE = Path(__file__).resolve().parent
NETWORKS = ("squeezenet1.1", "mobilenetv2_1.0", "resnet18_v1", "resnet50_v2", "densenet121", "language_model", "encoder", "ssd")
EXPORT = """
import json, sys
import mxnet as mx
symbol, params, shapes, target = sys.argv[1:]
mx.onnx.export_model(symbol, params, list(map(tuple, json.loads(shapes).values())), 'float32', target)
"""
COUNT = {
    "mx2onnx": (
        "import mxnet as mx; from mxnet.onnx.mx2onnx._export_onnx import MXNetGraph as G; import mxnet.onnx.mx2onnx; "
        "print('\\n'.join(sorted({name for table in G.registry_.values() for name in table})))"
    ),
    "MMdnn": (
        "from mmdnn.conversion.mxnet.mxnet_parser import MXNetParser as P; "
        "print('\\n'.join(sorted({*(n[7:] for n in dir(P) if n.startswith('rename_'))})))"
    ),
}


LAUNCH = """
import json, os, sys, time
start = time.perf_counter()
said = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
actions = [(os.POSIX_SPAWN_DUP2, said, 1), (os.POSIX_SPAWN_DUP2, said, 2)]
_, status, usage = os.wait4(os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ, file_actions=actions), 0)
print(json.dumps([time.perf_counter() - start, usage.ru_maxrss / 1024, status]))
"""


def measured(command: list[str]) -> tuple[float, float, str]:
    """Wall seconds, peak resident megabytes, and the last words of a command that fails.

    A small process starts it: what this one holds would count as its children's peak.
    """
    with tempfile.NamedTemporaryFile() as said:
        launch = [sys.executable, "-I", "-S", "-c", LAUNCH, said.name, *command]
        seconds, peak, status = json.loads(subprocess.run(launch, stdout=subprocess.PIPE, check=True).stdout)
        lines = said.read().decode("utf-8", "replace").strip().splitlines()
    return seconds, peak, (lines[-1][:160] if lines else f"status {status}") if status else ""


def commands(options: argparse.Namespace, prefix: Path, inputs: dict[str, list[int]]) -> dict[str, tuple[list[str], Path]]:
    """What each converter is called with, and the file that it makes."""
    symbol, params = f"{prefix}-symbol.json", f"{prefix}-0000.params"
    targets = {name: prefix.with_name(f"{prefix.name}.{name}.onnx") for name in ("dragoman", "mx2onnx", "MMdnn")}
    shapes = [word for name, shape in inputs.items() for word in ("--input", f"{name}:{','.join(map(str, shape))}")]
    found = {"dragoman": [sys.executable, "-m", "dragoman", "convert", symbol, str(targets["dragoman"]), *shapes, "--no-verify"]}
    found["mx2onnx"] = [options.mx2onnx, "-c", EXPORT, symbol, params, json.dumps(inputs), str(targets["mx2onnx"])]
    if options.mmdnn:
        shape = ",".join(map(str, next(iter(inputs.values()))[1:]))
        words = ["-sf", "mxnet", "-in", symbol, "-iw", params, "--inputShape", shape, "-df", "onnx", "-om", str(targets["MMdnn"])]
        found["MMdnn"] = [options.mmdnn, "-m", "mmdnn.conversion._script.convert", *words]
    return {name: (command, targets[name]) for name, command in found.items()}


class Runs:
    """A written model in ONNX Runtime, and how long its runs took."""

    def __init__(self, path: Path, feeds: list[np.ndarray]) -> None:
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = 1
        settings.log_severity_level = 4
        self._session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
        self._feeds = {value.name: feed for value, feed in zip(self._session.get_inputs(), feeds, strict=True)}
        self.output = self._session.run(None, self._feeds)[0]
        self._times: list[float] = []

    def once(self) -> None:
        start = time.perf_counter()
        self._session.run(None, self._feeds)
        self._times.append(time.perf_counter() - start)

    @property
    def milliseconds(self) -> float:
        return statistics.median(self._times) * 1000


def feeds_of(inputs: dict[str, list[int]]) -> list[np.ndarray]:
    """Noise for images, words for what has two axes or less."""
    random = np.random.default_rng(0)
    made = [random.standard_normal(shape) if len(shape) > 2 else random.integers(0, 2, shape) for shape in inputs.values()]
    return [array.astype(np.float32) for array in made]


def compare(options: argparse.Namespace, folder: Path, name: str) -> None:
    """One network's lines."""
    make = [options.mx2onnx, str(HERE / "mxnet_networks.py"), str(folder), name]
    said = subprocess.run(make, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout
    made = json.loads(said.splitlines()[-1])
    rounds: dict[str, list[tuple[float, float, str]]] = {}
    calls = commands(options, folder / name, made["inputs"])
    for _ in range(options.runs):
        for peer, (command, target) in calls.items():
            target.unlink(missing_ok=True)
            if not any(failure for _, _, failure in rounds.get(peer, [])):
                rounds.setdefault(peer, []).append(measured(command))
    written: dict[str, Runs] = {}
    for peer, found in rounds.items():
        failure = next((words for _, _, words in found if words), "")
        if failure or not calls[peer][1].exists():
            print(f"{name:16} {peer:9} fails: {failure or 'it wrote nothing'}", flush=True)
            continue
        try:
            written[peer] = Runs(calls[peer][1], feeds_of(made["inputs"]))
        except Exception as error:
            print(f"{name:16} {peer:9} wrote what doesn't run: {str(error).splitlines()[0][:110]}", flush=True)
    for _ in range(10 * options.runs):
        for runs in written.values():
            runs.once()
    base = written["dragoman"]
    seconds = {peer: statistics.median(s for s, _, _ in rounds[peer]) for peer in written}
    peaks = {peer: max(m for _, m, _ in rounds[peer]) for peer in written}
    for peer, runs in written.items():
        fits = runs.output.shape == base.output.shape
        apart = np.abs(runs.output - base.output).max() / max(np.abs(base.output).max(), 1e-30) if fits else np.inf
        ratios = seconds[peer] / seconds["dragoman"], peaks[peer] / peaks["dragoman"], runs.milliseconds / base.milliseconds
        print(
            f"{name:16} {peer:9} {seconds[peer]:6.2f} s {peaks[peer]:6.0f} MB {runs.milliseconds:8.2f} ms   "
            + " ".join(f"{ratio:5.2f} ×" for ratio in ratios)
            + f"   differs by {apart:.1e}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", metavar="NAME", default=NETWORKS)
    parser.add_argument("--mx2onnx", required=True, help="an interpreter with mxnet 1.9.1 and onnx 1.12")
    parser.add_argument("--mmdnn", help="an interpreter with MMdnn")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    own = set(OPERATORS)
    print(f"operators: dragoman {len(own)}")
    for peer, python in (("mx2onnx", options.mx2onnx), ("MMdnn", options.mmdnn)):
        if python:
            done = subprocess.run([python, "-c", COUNT[peer]], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
            names = {canonical(line.strip()) for line in done.stdout.splitlines() if line.strip()} - {"null", "UNKNOWN"}
            print(f"operators: {peer} {len(names)}, of which dragoman lacks {', '.join(sorted(names - own)) or 'none'}")
    print("network          converter   time   memory  latency   … as multiples of dragoman's")
    with tempfile.TemporaryDirectory() as folder:
        for name in options.names or NETWORKS:
            compare(options, Path(folder), name)


if __name__ == "__main__":
    main()
