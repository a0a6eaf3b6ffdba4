"""Convert MXNet's vision networks and others from their files, and verify each against real MXNet.

    python benchmarks/mxnet_zoo.py --source-python MXNET_PYTHON [--folder FOLDER] [NAME ...]

One line for each: the verdict, seconds, and peak memory of the conversion. The status counts the networks that don't pass.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def convert(symbol: Path, inputs: dict[str, list[int | str]], python: str) -> dict[str, object]:
    """Convert and verify one network in a process of its own; its numbers."""
    target = symbol.with_name(symbol.name.removesuffix("-symbol.json") + ".onnx")
    shapes = [word for name, shape in inputs.items() for word in ("--input", f"{name}:{','.join(map(str, shape))}")]
    base = [sys.executable, "-m", "dragoman", "convert", str(symbol), str(target), *shapes, "--json"]
    start = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen([*base, "--no-verify"], stdout=subprocess.DEVNULL, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        said.seek(0)
        if status:
            return {"passed": False, "why": said.read().decode()[-400:]}
    done = subprocess.run([*base, "--source-python", python], capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)["report"] if done.stdout.strip() else {}
    worst = max((m["ratio"] for o in report.get("outputs", []) for m in o["measurements"]), default=None)
    size = target.stat().st_size
    target.unlink()
    why = "; ".join(report.get("reasons", [])) or done.stderr.strip()[-300:]
    return {"passed": done.returncode == 0, "ratio": worst, "seconds": seconds, "peak": usage.ru_maxrss * 1024, "bytes": size, "why": why}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    known = os.environ.get("DRAGOMAN_MXNET_PYTHON")
    parser.add_argument("--source-python", default=known, required=known is None, help="an interpreter with mxnet 1.9.1")
    parser.add_argument("--folder", type=Path, help="keep the networks here")
    options = parser.parse_args()
    listed = subprocess.run(
        [options.source_python, str(HERE / "mxnet_networks.py")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True
    )
    names = listed.stdout.split()
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        for name in options.names or names:
            # One process for each: MXNet doesn't give memory back.
            command = [options.source_python, str(HERE / "mxnet_networks.py"), str(folder), name]
            said = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout
            made = json.loads(said.strip().splitlines()[-1])
            inputs = {name: ["batch", *shape[1:]] if made["any_batch"] else shape for name, shape in made["inputs"].items()}
            found = convert(folder / f"{made['name']}-symbol.json", inputs, options.source_python)
            failed += not found["passed"]
            if found["passed"]:
                print(
                    f"{made['name']:18} agrees, {found['ratio']:.2g} × the noise; {found['seconds']:.1f} s, "
                    f"{found['peak'] / 2**20:.0f} MiB for {found['bytes'] / 2**20:.0f} MiB",
                    flush=True,
                )
            else:
                print(f"{made['name']:18} FAILS: {found['why']}", flush=True)
            if options.folder is None:
                for path in folder.glob(f"{made['name']}-*"):
                    path.unlink()
    return failed


if __name__ == "__main__":
    sys.exit(main())
