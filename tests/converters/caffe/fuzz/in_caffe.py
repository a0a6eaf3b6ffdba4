"""Runs a folder of networks in real Caffe: ``python in_caffe.py FOLDER``, with an interpreter that has pycaffe.

Each subfolder holds ``net.prototxt`` and ``feeds-DYNAMIC-NUMBER.npz``; there this writes ``weights.caffemodel``, the outputs
beside each feed as ``out-…``, and ``status.json``. Each network runs in a process of its own, because a failed check ends Caffe's.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
import zlib
from pathlib import Path

import numpy as np


def main(folder: Path) -> None:
    """Run every network of the folder."""
    import caffe  # noqa: F401 — once, before the children are forked

    for job in sorted(p for p in folder.iterdir() if (p / "net.prototxt").exists()):
        (job / "status.json").write_text(json.dumps(run(job)))


def run(job: Path, seconds: float = 60) -> dict[str, object]:
    """What became of each feed: inputs' and outputs' names, and why Caffe stopped, if it did."""
    tasks = sorted(job.glob("feeds-*.npz"))
    done: dict[str, object] = {}
    while True:  # a check that fails ends the process: the feeds after it get another one
        left = [t for t in tasks if t.stem not in done]
        if not left:
            return done
        reason = in_a_child(job, left, seconds)
        finished = [t for t in left if (job / f"{t.stem}.json").exists()]
        done.update({t.stem: json.loads((job / f"{t.stem}.json").read_text()) for t in finished})
        if len(finished) < len(left):
            done[left[len(finished)].stem] = {"refused": reason}
        if not (job / "weights.caffemodel").exists():
            return {t.stem: {"refused": reason} for t in tasks}


def in_a_child(job: Path, tasks: list[Path], seconds: float) -> str:
    """Run the feeds in a forked process; its last words."""
    log = job / "stderr"
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open(str(log), os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        code = 1
        try:
            forward(job, tasks)
            code = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        sys.stderr.flush()
        os._exit(code)
    end = time.time() + seconds
    while os.waitpid(pid, os.WNOHANG)[0] == 0:
        if time.time() > end:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            return "took too long"
        time.sleep(0.002)
    text = log.read_text(errors="replace")
    checks = re.findall(r"^F\d{4} .*?\] (.*)", text, re.MULTILINE) or re.findall(
        r"^\[libprotobuf ERROR .*?\] (.*)", text, re.MULTILINE
    )
    return checks[0] if checks else (text.strip().splitlines() or [""])[-1]


def forward(job: Path, tasks: list[Path]) -> None:
    """Fill and save the network if that isn't done, then load it, and run it with each feed."""
    import caffe

    text, weights = str(job / "net.prototxt"), job / "weights.caffemodel"
    if not weights.exists():
        fill(caffe.Net(text, caffe.TEST), job.name).save(str(job / "partial"))
        (job / "partial").rename(weights)
    for task in tasks:
        net = caffe.Net(text, caffe.TEST, weights=str(weights))
        with np.load(str(task)) as stored:
            feeds = {name: stored[f"arr_{i}"] for i, name in enumerate(json.loads((job / "inputs.json").read_text()))}
        assert sorted(net.inputs) == sorted(feeds)
        for name, array in feeds.items():
            net.blobs[name].reshape(*array.shape)
        net.reshape()
        for name, array in feeds.items():
            net.blobs[name].data[...] = array
        results = net.forward()
        np.savez(str(job / f"out-{task.stem}.npz"), *(np.array(results[name], np.float32) for name in net.outputs))
        (job / f"{task.stem}.json").write_text(json.dumps({"inputs": list(net.inputs), "outputs": list(net.outputs)}))


def fill(net, key: str):
    """Seeded parameters that keep the numbers near 1."""
    types = dict(zip(net._layer_names, (layer.type for layer in net.layers)))
    for layer, blobs in net.params.items():
        for index, blob in enumerate(blobs):
            random = np.random.RandomState(zlib.crc32(f"{key}/{layer}/{index}".encode()))
            shape, kind = blob.data.shape, types[layer]
            if kind == "BatchNorm":
                values = (
                    random.normal(0, 0.5, shape),
                    random.uniform(0.3, 2, shape),
                    np.full(shape, random.choice([1, 1, 2.5])),
                )[index]
            elif kind in ("PReLU", "Scale") and index == 0:
                values = random.uniform(0.2, 1.5, shape)
            else:
                fan = blob.data.size / shape[0] if len(shape) > 1 else 4.0
                values = random.standard_normal(shape) / np.sqrt(max(fan, 1.0))
            blob.data[...] = values
    return net


if __name__ == "__main__":
    main(Path(sys.argv[1]))
