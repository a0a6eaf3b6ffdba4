"""Write docs/support.md from the code: the formats, and every layer with its handler's own definition.

python docs/support_tables.py            # write the file
python docs/support_tables.py --check    # exit 1 if it isn't what the code says
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from pathlib import Path

from dragoman.converters.caffe.importer import DROPPED_LAYERS
from dragoman.converters.caffe.table import LAYERS
from dragoman.converters.formats import formats
from dragoman.converters.handlers import HandlerTable
from dragoman.converters.mxnet.table import OPERATORS

TARGET = Path(__file__).with_name("support.md")


def format_table() -> list[str]:
    """One row for each format."""
    rows = ["| format | read | written | files | verified in |", "| --- | --- | --- | --- | --- |"]
    for f in formats().values():
        rows.append(
            f"| {f.title} | {'yes' if f.importer else ''} | {'yes' if f.exporter else ''} | `{'`, `'.join(f.suffixes)}` | {f.runtime} |"
        )
    return rows


def handler_table(handlers: HandlerTable, what: str) -> list[str]:
    """One row for each handler: the operators that it takes, and the first paragraph of its docstring."""
    names: dict[object, list[str]] = {}
    for name in handlers:
        names.setdefault(handlers[name], []).append(name)
    rows = [f"| {what} | what it becomes |", "| --- | --- |"]
    for handler, types in sorted(names.items(), key=lambda item: item[1][0].lower()):
        text = re.sub(r"\s+", " ", (inspect.getdoc(handler) or "").split("\n\n")[0]).replace("|", "\\|")
        rows.append(f"| {', '.join(types)} | {text} |")
    return rows


def page() -> str:
    """The whole page."""
    parts = [
        "# What is supported",
        "",
        "Written by `python docs/support_tables.py` from the code; a test holds the two together.",
        "",
        *format_table(),
        "",
        f"## Caffe: {len(list(LAYERS))} layer types",
        "",
        "Prototxt V0, V1 and V2; binary, legacy, double, half and HDF5 weights. Anything else is an error that lists every layer it "
        "stands in.",
        "",
        *handler_table(LAYERS, "layer"),
        "",
        f"Dropped, since only training or testing needs them: {', '.join(sorted(DROPPED_LAYERS))}.",
        "",
        f"## MXNet: {len(list(OPERATORS))} operators",
        "",
        "Symbols of versions 0.8 to 2.0; .params of every version, and .npz; see [mxnet.md](mxnet.md). Other names of these operators are "
        "read too. Anything else is an error that lists every operator with its layers.",
        "",
        *handler_table(OPERATORS, "operator"),
        "",
    ]
    return "\n".join(parts)


def main() -> int:
    """Write or check the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        return int(TARGET.read_text(encoding="utf-8") != page())
    TARGET.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
