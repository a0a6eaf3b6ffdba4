"""Caffe: a network as prototxt, its weights as caffemodel (or HDF5)."""

from __future__ import annotations

import re
from pathlib import Path

from dragoman.converters.formats import Format, Option, sniff

_TEXT = re.compile(rb"^\s*(layers?|input|name|input_dim|input_shape)\s*[:{]", re.MULTILINE)


def _recognise(path: Path) -> bool:
    """Text that opens like a NetParameter, or a binary one by its suffix."""
    if path.suffix.lower() == ".caffemodel":
        return True
    return path.suffix.lower() in (".prototxt", ".pt", ".txt", ".pbtxt") and _TEXT.search(sniff(path)) is not None


FORMAT = Format(
    name="caffe",
    title="Caffe",
    suffixes=(".prototxt", ".caffemodel"),
    recognise=_recognise,
    importer="dragoman.converters.caffe.importer",
    weights="caffemodel (or .caffemodel.h5)",
    runtime="real Caffe in another interpreter (--source-python), or OpenCV 4 (pip install 'dragoman[caffe]')",
    reader_options=(
        Option("phase", "the phase whose layers are kept", choices=("TEST", "TRAIN")),
        Option("level", "the level that include and exclude rules are asked about", type=int),
        Option("stage", "a stage that include and exclude rules are asked about", multiple=True),
    ),
)
