"""Record what the real Caffe makes of the files in ``reader_cases.py``, as ``reader_recorded.json`` beside this script.

Run it with the Python of a BVLC Caffe 1.0 (pycaffe), with the names of the sections to renew, or without to renew all.
Each net is built in a process of its own, since Caffe ends it on an error.
"""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

from caffe.proto import caffe_pb2
from google.protobuf import text_format
from reader_cases import CONNECTIONS, LEGACY, NETS, RULES, SHAPE, TEXTS, UPGRADES, V0, connections

RECORD = Path(__file__).parent / "reader_recorded.json"

CHILD = """
import base64, json, os, sys, tempfile
import caffe
from caffe.proto import caffe_pb2
import numpy as np
job = json.load(sys.stdin)
folder = tempfile.mkdtemp()
path = os.path.join(folder, "net.prototxt")
open(path, "wb").write(base64.b64decode(job["prototxt"]))
arguments = {"weights": os.path.join(folder, job["file"])} if "file" in job else {}
if arguments:
    open(arguments["weights"], "wb").write(base64.b64decode(job["weights"]))
phase = getattr(caffe, job.get("phase", "TEST"))
net = caffe.Net(path, phase, level=job.get("level", 0), stages=job.get("stages", []), **arguments)
saved = os.path.join(folder, "saved.caffemodel")
net.save(saved)
proto = caffe_pb2.NetParameter()
proto.ParseFromString(open(saved, "rb").read())
layers = [(name, layer.blobs) for name, layer in zip(net._layer_names, net.layers) if layer.type != "Split"]
result = {"layers": [name for name, blobs in layers],
          "blobs": [[b.data.ravel().tolist() for b in blobs] for name, blobs in layers],
          "shapes": [[list(b.data.shape) for b in blobs] for name, blobs in layers],
          "tops": {k: list(v.data.shape) for k, v in net.blobs.items()},
          "net": base64.b64encode(proto.SerializeToString()).decode()}
if job.get("hdf5"):
    net.save_hdf5(saved + ".h5")
    result["hdf5"] = base64.b64encode(open(saved + ".h5", "rb").read()).decode()
json.dump(result, sys.stdout)
"""


def caffe_says(prototxt, **job):
    """What a process of Caffe's makes of a net; if Caffe refuses it, whether it could at least parse it."""
    job["prototxt"] = base64.b64encode(prototxt.encode()).decode()
    run = subprocess.run(
        [sys.executable, "-c", CHILD],
        input=json.dumps(job).encode(),
        capture_output=True,
        env=dict(os.environ, GLOG_minloglevel="3"),
        check=False,
    )
    if run.returncode:
        return {"parsed": b"Error parsing text-format" not in run.stderr}
    return json.loads(run.stdout.decode())


def fields(message):
    """A message as JSON: enums by name, floats in full, blobs left out."""
    out = {}
    for field, value in message.ListFields():
        if field.name in {"blobs", "phase"}:
            continue

        def one(item, field=field):
            if field.type == field.TYPE_MESSAGE:
                return fields(item)
            if field.type == field.TYPE_ENUM:
                return field.enum_type.values_by_number[item].name
            return repr(item) if isinstance(item, float) else item

        out[field.name] = [one(item) for item in value] if field.label == field.LABEL_REPEATED else one(value)
    return out


def pack(layers, legacy=False):
    """A caffemodel: each blob counts up from a start of its own."""
    net = caffe_pb2.NetParameter()
    start = 0
    for name, shapes in layers:
        layer = net.layer.add(name=name, type="InnerProduct" if shapes else "Input")
        for shape in shapes:
            blob = layer.blobs.add()
            if legacy:
                blob.num, blob.channels, blob.height, blob.width = shape
            else:
                blob.shape.dim.extend(shape)
            count = 1
            for dim in shape:
                count *= dim
            blob.data.extend(range(start, start + count))
            start += 100
    return base64.b64encode(net.SerializeToString()).decode()


def saved(answer):
    """The net that Caffe saved, without numbers."""
    net = caffe_pb2.NetParameter()
    net.ParseFromString(base64.b64decode(answer["net"]))
    return net


def texts():
    """Whether each text parses, and the net it is."""
    for template, values in TEXTS.items():
        for value in values:
            text = template.format(value)
            answer = caffe_says(text)
            net = None
            if "net" in answer:
                net = {"name": saved(answer).name, "layers": [fields(layer) for layer in saved(answer).layer]}
            yield {"text": text, "parsed": answer.get("parsed", True), "value": net}


def upgrades():
    """Old nets, in text and in binary, and what Caffe upgrades them to."""
    for name, text in UPGRADES.items():
        answer = caffe_says(text)
        old = text_format.Parse(text, caffe_pb2.NetParameter())
        binary = base64.b64encode(old.SerializeToString()).decode()
        yield (
            name,
            {
                "text": text,
                "binary": binary,
                "tops": answer["tops"],
                "layers": [fields(layer) for layer in saved(answer).layer],
            },
        )


def v0_weights():
    """The V0 net with blobs in it, of legacy shapes."""
    net = text_format.Parse(V0, caffe_pb2.NetParameter())
    shapes = {"conv1": [(6, 2, 3, 3), (1, 1, 1, 6)], "fc": [(1, 1, 5, 192)]}
    for layer in net.layers:
        for num, channels, height, width in shapes.get(layer.layer.name, []):
            blob = layer.layer.blobs.add(num=num, channels=channels, height=height, width=width)
            blob.data.extend(i % 7 - width for i in range(num * channels * height * width))
    return base64.b64encode(net.SerializeToString()).decode()


def nets():
    """Nets with weights, and the blobs that the layers end up with."""
    jobs = [(name, text, pack(layers, name in LEGACY) if layers else None) for name, (text, layers) in NETS.items()]
    for name, text, weights in [*jobs, ("v0", V0, v0_weights())]:
        hdf5 = name in {"shared", "shared in part"}
        answer = caffe_says(text, hdf5=hdf5, **({"file": "w.caffemodel", "weights": weights} if weights else {}))
        entry = {"text": text, "weights": weights, "blobs": answer.get("blobs"), "shapes": answer.get("shapes")}
        if hdf5:
            entry["hdf5"] = answer["hdf5"]
            entry["hdf5_blobs"] = caffe_says(text, file="w.caffemodel.h5", weights=answer["hdf5"])["blobs"]
        yield name, entry


def rules():
    """Include and exclude rules, and the layers that stay."""
    for rule, phase, level, stages in RULES:
        text = SHAPE.format("dim: 1") + f'\nlayer {{ name: "r" type: "ReLU" bottom: "data" top: "r" {rule} }}'
        answer = caffe_says(text, phase=phase, level=level, stages=stages)
        yield {"text": text, "phase": phase, "level": level, "stages": stages, "layers": answer.get("layers")}


def wirings():
    """Nets that connect their layers in ways that Caffe accepts or not."""
    for name, text in CONNECTIONS.items():
        net = connections(text)
        yield name, {"text": net, "accepted": "net" in caffe_says(net)}


SECTIONS = {
    "texts": lambda: list(texts()),
    "upgrades": lambda: dict(upgrades()),
    "nets": lambda: dict(nets()),
    "rules": lambda: list(rules()),
    "connections": lambda: dict(wirings()),
    "descriptor": lambda: base64.b64encode(caffe_pb2.DESCRIPTOR.serialized_pb).decode(),
}

if __name__ == "__main__":
    recorded = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    recorded = {name: recorded[name] for name in SECTIONS if name in recorded}
    recorded.update((name, SECTIONS[name]()) for name in sys.argv[1:] or SECTIONS)
    RECORD.write_text(json.dumps(recorded, indent=0, sort_keys=True) + "\n")
