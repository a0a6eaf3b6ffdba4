"""A graph of 20,000 nodes: our optimizer, onnxsim's and onnxscript's in one run.

    python benchmarks/optimizer.py [--nodes 20000] [--runs 3] [--only NAME …]

The graph has residual blocks of Conv and BatchNormalization, transformer-like chains whose Reshapes compute their targets from
Shapes, identities, casts, duplicate constants and constant arithmetic. Each optimizer reads the same file and writes its own in a
fresh process; "alone" is its work on the graph in memory, "processor" the time of all cores for reading, work and writing, which
a busy machine doesn't lengthen. What isn't installed is left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnx_ir
import onnxruntime
from onnx import helper, numpy_helper

from dragoman.converters.onnx.exporter import save
from dragoman.converters.onnx.importer import load
from dragoman.graph_ir.garbage import paused
from dragoman.graph_ir.passes import optimize

Timed = tuple[float, float]
"""Seconds of the work alone, and with reading and writing."""


class Network:
    """Nodes and weights as they come, with a name for each value."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._random = np.random.default_rng(0)

    def op(self, op_type: str, *inputs: str, **attributes: object) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op_type, list(inputs), [name], name=f"n{len(self.nodes)}", **attributes))
        return name

    def weight(self, *shape: int, scale: float = 0.1) -> str:
        return self.const((self._random.standard_normal(shape) * scale).astype(np.float32))

    def const(self, array: np.ndarray) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name


def residual(n: Network, x: str) -> str:
    """Conv, BatchNormalization, Relu, Conv, BatchNormalization, Add, Relu, and an Identity: 8 nodes, 4 are enough."""
    y = x
    for last in (False, True):
        y = n.op("Conv", y, n.weight(8, 8, 3, 3), pads=[1, 1, 1, 1])
        y = n.op("BatchNormalization", y, n.const(np.ones(8, np.float32)), n.weight(8), n.weight(8), n.const(np.ones(8, np.float32)))
        y = n.op("Identity", n.op("Add", x, y)) if last else n.op("Relu", y)
    return n.op("Relu", y)


def dimension(n: Network, x: str, axis: int) -> str:
    size = n.op("Gather", n.op("Shape", x), n.op("Constant", value=numpy_helper.from_array(np.array(axis))), axis=0)
    return n.op("Unsqueeze", size, n.const(np.array([0])))


def attention(n: Network, x: str) -> str:
    """(B, S, 32) → heads and back, as PyTorch exports it: two computed Reshapes, constant arithmetic, a double Cast."""
    y = n.op("Add", n.op("MatMul", x, n.weight(32, 32)), n.weight(32))
    target = n.op("Concat", dimension(n, x, 0), dimension(n, x, 1), n.const(np.array([4])), n.const(np.array([8])), axis=0)
    y = n.op("Transpose", n.op("Reshape", y, target), perm=[0, 2, 1, 3])
    y = n.op("Div", y, n.op("Sqrt", n.op("Cast", n.const(np.array(8)), to=onnx.TensorProto.FLOAT)))
    y = n.op("Cast", n.op("Cast", y, to=onnx.TensorProto.DOUBLE), to=onnx.TensorProto.FLOAT)
    y = n.op("Transpose", n.op("Softmax", y, axis=-1), perm=[0, 2, 1, 3])
    back = n.op("Concat", dimension(n, x, 0), dimension(n, x, 1), n.const(np.array([-1])), axis=0)
    y = n.op("Reshape", y, back)
    return n.op("Add", x, n.op("Mul", y, n.const(np.float32(1))))


def make(nodes: int) -> onnx.ModelProto:
    """Half of the nodes are residual blocks, half attention."""
    n = Network()
    image, text = "image", "text"
    while len(n.nodes) < nodes // 2:
        image = residual(n, image)
    while len(n.nodes) < nodes:
        text = attention(n, text)
    n.nodes[-1].output[0] = "text_out"
    outputs = [
        helper.make_tensor_value_info(n.op("Identity", image), 1, ["batch", 8, 8, 8]),
        helper.make_tensor_value_info("text_out", 1, ["batch", "length", 32]),
    ]
    inputs = [
        helper.make_tensor_value_info("image", 1, ["batch", 8, 8, 8]),
        helper.make_tensor_value_info("text", 1, ["batch", "length", 32]),
    ]
    graph = helper.make_graph(n.nodes, "network", inputs, outputs, n.weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


# -- the optimizers -----------------------------------------------------------------------------------


def ours(source: Path, target: Path) -> Timed:
    """What ``dragoman convert --no-verify`` does."""
    start = time.perf_counter()
    with paused():
        model = load(source)
        loaded = time.perf_counter()
        optimize(model, in_place=True)
        alone = time.perf_counter() - loaded
        save(model, target)
    return alone, time.perf_counter() - start


def with_onnxsim(source: Path, target: Path) -> Timed:
    import onnxsim  # noqa: PLC0415  # a peer, which may not be there

    start = time.perf_counter()
    model = onnx.load(source)
    loaded = time.perf_counter()
    result, _ = onnxsim.simplify(model)
    alone = time.perf_counter() - loaded
    onnx.save(result, target)
    return alone, time.perf_counter() - start


def with_onnxscript(source: Path, target: Path) -> Timed:
    import onnxscript.optimizer  # noqa: PLC0415  # a peer, which may not be there

    start = time.perf_counter()
    model = onnx_ir.load(source)
    loaded = time.perf_counter()
    onnxscript.optimizer.optimize(model)
    alone = time.perf_counter() - loaded
    onnx_ir.save(model, target)
    return alone, time.perf_counter() - start


OPTIMIZERS: dict[str, tuple[str, Callable[[Path, Path], Timed]]] = {
    "dragoman": ("dragoman", ours),
    "onnxsim": ("onnxsim", with_onnxsim),
    "onnxscript": ("onnxscript", with_onnxscript),
}


def largest_difference(source: Path, target: Path) -> float:
    """Of the outputs, by ONNX Runtime, relative to the greatest magnitude."""
    random = np.random.default_rng(1)
    feeds = {"image": random.standard_normal((2, 8, 8, 8)), "text": random.standard_normal((2, 5, 32))}
    feeds = {name: array.astype(np.float32) for name, array in feeds.items()}
    results = []
    for path in (source, target):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        results.append(session.run(None, feeds))
    return max(float(np.abs(a - b).max() / np.abs(a).max()) for a, b in zip(*results, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--nodes", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=list(OPTIMIZERS))
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS, metavar=("NAME", "SOURCE", "TARGET"))
    parser.add_argument("--parity", action="store_true", help="run what was written in ONNX Runtime, too")
    arguments = parser.parse_args()
    if arguments.one:
        name, source, target = arguments.one
        before = time.process_time()
        wall = OPTIMIZERS[name][1](Path(source), Path(target))
        print(json.dumps((*wall, time.process_time() - before)))
        return
    names = [name for name in arguments.only if importlib.util.find_spec(OPTIMIZERS[name][0])]
    for name in sorted(set(arguments.only) - set(names)):
        print(f"{name} isn't installed")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source.onnx"
        onnx.save(make(arguments.nodes), source)
        print(f"{len(onnx.load(source).graph.node)} nodes, {source.stat().st_size / 1e6:.1f} MB")
        times: dict[str, list[tuple[float, ...]]] = {name: [] for name in names}
        for _ in range(arguments.runs):  # taking turns, so that all see the same machine
            for name in names:
                command = [sys.executable, __file__, "--one", name, str(source), str(Path(folder) / f"{name}.onnx")]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                times[name].append(tuple(json.loads(done.stdout.splitlines()[-1])))
        base = [statistics.median(t[k] for t in times[names[0]]) for k in range(3)]
        print(f"{'':12}{'alone':>10}{'ratio':>8}{'with I/O':>12}{'ratio':>8}{'processor':>12}{'ratio':>8}{'nodes':>8}{'weights':>9}")
        for name in names:
            alone, whole, processor = (statistics.median(t[k] for t in times[name]) for k in range(3))
            graph = onnx.load(Path(folder) / f"{name}.onnx").graph
            line = f"{name:12}{alone:9.2f}s{alone / base[0]:8.1f}{whole:11.2f}s{whole / base[1]:8.1f}"
            line += f"{processor:11.2f}s{processor / base[2]:8.1f}"
            line += f"{len(graph.node):8}{len(graph.initializer):9}"
            if arguments.parity:
                line += f"   differs by {largest_difference(source, Path(folder) / f'{name}.onnx'):.1e}"
            print(line)


if __name__ == "__main__":
    main()
