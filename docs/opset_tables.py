"""Write docs/opsets.md: what each opset can't express, and how onnx's node tests fare at older opsets. It runs them all.

python docs/opset_tables.py
"""

from __future__ import annotations

import sys
from pathlib import Path

TARGET = Path(__file__).with_name("opsets.md")

if __name__ == "__main__":
    sys.path.insert(0, str(TARGET.parents[1]))
    from tests.converters.onnx.lowered import page

    TARGET.write_text(page(), encoding="utf-8")
