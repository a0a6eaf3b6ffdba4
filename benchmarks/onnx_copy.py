"""A model of several gigabytes: wall time and peak memory of a conversion, beside `cp` of the same files, in one run.

    python benchmarks/onnx_copy.py [--gigabytes 4] [--runs 3] [--folder DIR]
    python benchmarks/onnx_copy.py --single-file --gigabytes 2.5

Each conversion is a fresh process. The model is a chain of MatMul, Add and Relu whose weights are in a file beside it; with
`--single-file` they are in the model, which is then more than protobuf reads, and the result has its weights beside it. Targets
are new files: replacing a large file also pays for deleting the old one, in both.
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

import numpy as np
import onnx
import onnx_ir as ir
from onnx import TensorProto, helper

from dragoman.graph_ir.encoder import Encoder
from dragoman.graph_ir.tensors import MappedFile, MappedTensor

WIDTH = 5792
"""Each weight is WIDTH × WIDTH floats, 134 MB."""
_CHUNK = 1 << 20


def write_weights(path: Path, count: int) -> None:
    """Random floats by the megabyte, a few of which repeat: making gigabytes of noise would take longer than the measurement."""
    random = np.random.default_rng(0)
    blocks = [random.standard_normal(_CHUNK // 4, np.float32).tobytes() for _ in range(16)]
    with path.open("wb") as stream:
        left = count * (WIDTH + 1) * WIDTH * 4
        while left:
            left -= stream.write(blocks[left // _CHUNK % 16][:left])


def make_model(folder: Path, gigabytes: float, *, single_file: bool) -> Path:
    """The model and its weights; the number of layers makes the size."""
    layers = round(gigabytes * 1e9 / (WIDTH * WIDTH * 4))
    data = folder / "weights.bin"
    write_weights(data, layers)
    nodes, weights, previous, offset = [], [], "x", 0
    for n in range(layers):
        for name, shape in ((f"w{n}", (WIDTH, WIDTH)), (f"b{n}", (WIDTH,))):
            size = 4 * int(np.prod(shape))
            tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
            for key, value in (("location", data.name), ("offset", str(offset)), ("length", str(size))):
                tensor.external_data.add(key=key, value=value)
            weights.append(tensor)
            offset += size
        nodes += [
            helper.make_node("MatMul", [previous, f"w{n}"], [f"m{n}"], name=f"matmul{n}"),
            helper.make_node("Add", [f"m{n}", f"b{n}"], [f"a{n}"], name=f"add{n}"),
            helper.make_node("Relu", [f"a{n}"], [f"r{n}"], name=f"relu{n}"),
        ]
        previous = f"r{n}"
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", WIDTH]) for name in ("x", previous))
    graph = helper.make_graph(nodes, "chain", [x], [y], weights)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    path = folder / "model.onnx"
    if not single_file:
        onnx.save(proto, path)
        return path
    model, file = ir.serde.deserialize_model(proto), MappedFile(data)
    for value in model.graph.initializers.values():
        tensor = value.const_value
        value.const_value = MappedTensor(file, tensor.offset, tensor.dtype, tuple(tensor.shape.numpy()), name=tensor.name)
    with path.open("wb") as stream:  # more than the writer writes, and than protobuf could
        for piece in Encoder(model).model().pieces:
            if isinstance(piece, bytes):
                stream.write(piece)
            else:
                piece[0].tofile(stream)
    data.unlink()
    return path


def measured(command: list[str], produced: Path) -> tuple[float, float]:
    """Wall seconds and peak resident megabytes of a command; the folder that it fills is emptied."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status != 0:
        raise SystemExit(f"{' '.join(command)} failed")
    for path in produced.iterdir():
        path.unlink()
    return seconds, usage.ru_maxrss / 1024


def main() -> None:
    """Print the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--gigabytes", type=float, default=4.0)
    parser.add_argument("--single-file", action="store_true")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where to work; what is made there is deleted")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=arguments.folder))
    try:
        source, target = folder / "source", folder / "target"
        source.mkdir()
        target.mkdir()
        model = make_model(source, arguments.gigabytes, single_file=arguments.single_file)
        files = sorted(source.iterdir())
        convert = [sys.executable, "-m", "dragoman", "convert", str(model), str(target / "out.onnx"), "--no-verify"]
        copies, conversions = [], []
        for _ in range(arguments.runs + 1):  # taking turns, so that both see the same machine; the first round warms the caches
            copies.append(measured(["cp", *map(str, files), str(target)], target))
            conversions.append(measured(convert, target))
        cp = statistics.median(s for s, _ in copies[1:])
        ours = statistics.median(s for s, _ in conversions[1:])
        print(f"model               {sum(path.stat().st_size for path in files) / 1e6:8.1f} MB in {len(files)} files")
        print(f"cp                  {cp:8.2f} s")
        print(f"dragoman convert    {ours:8.2f} s   {ours / cp:.2f} × cp")
        print(f"peak resident       {max(m for _, m in conversions[1:]):8.1f} MB")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
