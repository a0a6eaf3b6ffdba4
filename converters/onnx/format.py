"""ONNX: one protobuf file, with weights inside it or in a file beside it."""

from __future__ import annotations

from pathlib import Path

from dragoman.converters.formats import Format, Option


def _recognise(path: Path) -> bool:
    return path.suffix.lower() == ".onnx"


FORMAT = Format(
    name="onnx",
    title="ONNX",
    suffixes=(".onnx",),
    recognise=_recognise,
    importer="dragoman.converters.onnx.importer",
    exporter="dragoman.converters.onnx.exporter",
    weights="in the model, or in the files that it names",
    runtime="ONNX Runtime (installed with Dragoman)",
    reader_options=(
        Option("keep_opset", "leave the operators at the model's own opset, instead of raising them to the graph's", type=bool),
        Option("optional_inputs", "leave inputs that have a default as inputs, instead of making them constants", type=bool),
    ),
    writer_options=(
        Option("opset", "the ONNX operator set of the result", type=int),
        Option("external_data", "store weights in a file beside the model", type=bool),
        Option("provenance", "say in every node's metadata which layers of the source it comes from", type=bool),
    ),
)
