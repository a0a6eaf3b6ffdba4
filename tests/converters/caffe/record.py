"""Runs the cases in real Caffe, and records the outputs that it gives.

    python record.py [--out recorded] [--models DIR] [FAMILY ...]

The interpreter must have pycaffe (BVLC Caffe 1.0, Python 3), or OpenCV 4 for the families of its own. Of each family it
writes ``FAMILY.json`` (names, shapes, refusals) and ``FAMILY.npz`` (all outputs, one after another). ``--models`` also keeps
what Caffe's own ``net.save`` writes. Each case runs in a process of its own, because a failed check ends Caffe's process.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import traceback
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
import cases


def main() -> int:
    """Record the families asked for; the status counts the cases that did what they weren't declared to do."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("families", nargs="*", metavar="FAMILY")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent / "recorded")
    parser.add_argument("--models", type=Path)
    arguments = parser.parse_args()
    surprises = 0
    if set(arguments.families or cases.FAMILIES) & set(cases.FAMILIES):
        import caffe  # noqa: F401 — once, before the children are forked
    for family in arguments.families or cases.FAMILIES:
        run = run_in_opencv if family in cases.OPENCV_FAMILIES else run_in_caffe
        surprises += record(family, run, arguments.out, arguments.models)
    return min(surprises, 100)


def record(family, run, out: Path, models: Path | None) -> int:
    """Run a family's cases and write its two files; returns how many were refused, or ran, against their declaration."""
    entries, values, surprises = {}, [], 0
    for case in cases.load(family).values():
        with tempfile.TemporaryDirectory() as folder:
            entry, arrays = in_a_child(lambda: run(case, Path(folder), models), Path(folder))  # noqa: B023
        if ("refused" in entry) != case.refused:
            surprises += 1
            print(f"{family}: {case.id}: {entry.get('refused', 'ran, but is declared refused')}", file=sys.stderr)
            if "refused" in entry:
                continue
        entries[case.id] = {"digest": case.digest, **entry}
        values += [array.ravel() for array in arrays]
    out.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(entry)}" for key, entry in entries.items())
    (out / f"{family}.json").write_text(f"{{\n{lines}\n}}\n")
    np.savez_compressed(out / f"{family}.npz", values=np.concatenate([np.zeros(0, np.float32), *values]))
    refused = sum("refused" in entry for entry in entries.values())
    print(f"{family}: {len(entries)} cases, {refused} of them refused, {sum(v.size for v in values)} values")
    return surprises


def in_a_child(work, folder: Path):
    """What ``work()`` gives, in a forked process; a process that dies has refused, and its last words are the reason."""
    log, result = folder / "stderr", folder / "result.npz"
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open(str(log), os.O_WRONLY | os.O_CREAT), 2)
        os.chdir(str(folder))  # some layers make the files that they don't find
        try:
            entry, arrays = work()
            np.savez(result, json.dumps(entry), *arrays)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    if status == 0:
        with np.load(str(result), allow_pickle=False) as stored:
            entry = json.loads(str(stored["arr_0"]))
            return entry, [stored[f"arr_{i + 1}"] for i in range(len(entry["outputs"]))]
    text = log.read_text(errors="replace")
    checks = re.findall(r"^F\d{4} .*?\] (.*)", text, re.MULTILINE) or re.findall(
        r"^\[libprotobuf ERROR .*?\] (.*)", text, re.MULTILINE
    )
    reason = checks[0] if checks else (text.strip().splitlines() or [""])[-1]
    ended = f"signal {os.WTERMSIG(status)}: " if os.WIFSIGNALED(status) and not checks else ""
    return {"refused": re.sub("0x[0-9a-f]+", "…", (ended + reason).replace(f"{folder}/", ""))}, []


def run_in_caffe(case, folder: Path, models: Path | None):
    """Build, fill and run the network in pycaffe; its parameters' shapes, its inputs and its outputs in Caffe's own order."""
    import caffe

    path = folder / "net.prototxt"
    path.write_text(case.reference or case.prototxt)
    net = caffe.Net(str(path), caffe.TEST)
    types = {name: layer.type for name, layer in net.layer_dict.items()}
    params, owners = {}, {}
    for layer, blobs in net.params.items():
        if layer in case.unstored:
            continue
        described = []
        for index, blob in enumerate(blobs):
            owner = owners.setdefault(blob.data.ctypes.data, f"{layer}/{index}")
            if owner == f"{layer}/{index}" or blob.data.size == 0:
                blob.data[...] = case.parameter(layer, types[layer], index, blob.data.shape)
                described.append(list(blob.data.shape))
            else:
                described.append({"as": owner, "shape": list(blob.data.shape)})
        params[layer] = {"type": types[layer], "blobs": described}
    for layer, shapes in case.blobs.items():
        params[layer] = {"type": params.get(layer, {}).get("type", ""), "blobs": [list(shape) for shape in shapes]}
    for name in net.inputs:
        net.blobs[name].data[...] = case.input(name, net.blobs[name].data.shape)
    inputs = {name: list(net.blobs[name].data.shape) for name in net.inputs}
    if models and not (case.reference or case.unstored):
        models.mkdir(parents=True, exist_ok=True)
        net.save(str(models / f"{case.digest}.caffemodel"))
    results = net.forward()
    arrays = [np.array(results[name], np.float32) for name in net.outputs]
    outputs = {name: list(results[name].shape) for name in net.outputs}
    return {"params": params, "inputs": inputs, "outputs": outputs}, arrays


def run_in_opencv(case, folder: Path, models: Path | None):
    """Run a fork's layers in OpenCV's dnn; the case's ``blobs`` are its weights."""
    import cv2

    from dragoman.converters.caffe.writer import write_caffemodel

    path, weights = folder / "net.prototxt", folder / "net.caffemodel"
    path.write_text(case.prototxt)
    params = {layer: {"type": "", "blobs": [list(shape) for shape in shapes]} for layer, shapes in case.blobs.items()}
    write_caffemodel(
        weights,
        [
            (layer, "", [case.parameter(layer, "", i, shape) for i, shape in enumerate(shapes)])
            for layer, shapes in case.blobs.items()
        ],
    )
    net = cv2.dnn.readNetFromCaffe(str(path), str(weights))
    inputs = {name: list(shape) for name, shape in case.shapes.items()}
    for name, shape in inputs.items():
        net.setInput(case.input(name, shape), name)
    names = list(net.getUnconnectedOutLayersNames())
    arrays = [np.array(array, np.float32) for array in net.forward(names)]
    if case.id.startswith("DetectionOutput"):
        arrays = [in_the_order_of_ssd(array) for array in arrays]
    return {
        "params": params,
        "inputs": inputs,
        "outputs": {name: list(arrays[i].shape) for i, name in enumerate(names)},
    }, arrays


def in_the_order_of_ssd(detections):
    """Rows of (image, label, score, box) by image, label and falling score; OpenCV sorts by score and pads with zeros."""
    rows = detections.reshape(-1, 7)
    rows = rows[rows[:, 1] > 0]
    return rows[np.lexsort((-rows[:, 2], rows[:, 1], rows[:, 0]))].reshape(1, 1, -1, 7)


if __name__ == "__main__":
    raise SystemExit(main())
