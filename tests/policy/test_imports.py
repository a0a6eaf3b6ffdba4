"""Imports point one way: dragoman → converters, validators → graph_ir; a format never imports another's folder."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FORBIDDEN = {
    "graph_ir": ("dragoman.converters", "dragoman.validators", "dragoman.cli", "dragoman.conversion", "dragoman.execution"),
    "converters": ("dragoman.validators", "dragoman.cli", "dragoman.conversion", "dragoman.execution"),
    "validators": ("dragoman.converters", "dragoman.cli", "dragoman.conversion", "dragoman.execution"),
}
BARE = ("graph_ir", "converters", "validators")


def imported(path: Path) -> set[str]:
    """Every module that a file imports, by full name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return found


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("folder", ["dragoman", *FORBIDDEN])
def test_direction(folder: str) -> None:
    files = sources(folder)
    assert files
    wrong = {
        str(path.relative_to(ROOT)): sorted(bad)
        for path in files
        if (bad := {m for m in imported(path) if m.startswith(FORBIDDEN.get(folder, ())) or m.split(".")[0] in BARE})
    }
    assert not wrong


def test_a_format_imports_no_other_format() -> None:
    folders = [p.name for p in (ROOT / "converters").iterdir() if (p / "format.py").exists()]
    assert folders
    wrong = {
        str(path.relative_to(ROOT)): other
        for name in folders
        for path in sources(f"converters/{name}")
        for other in folders
        if other != name and any(m.startswith(f"dragoman.converters.{other}") for m in imported(path))
    }
    assert not wrong


HEAVY = ("numpy", "onnx", "onnx_ir", "onnxruntime", "cv2", "torch", "tensorflow", "mxnet", "coremltools", "h5py")


@pytest.mark.parametrize(
    "code",
    [
        "import dragoman",
        "from dragoman.cli import invoke; invoke(['--help'])",
        "from dragoman.cli import invoke; invoke(['convert', '--help'])",
    ],
)
def test_start_up_loads_no_framework(code: str) -> None:
    check = f"{code}\nimport sys\nloaded = [m for m in {HEAVY!r} if m in sys.modules]\nassert not loaded, loaded"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_conversion_loads_no_framework(tmp_path: Path) -> None:
    """Reading Caffe and writing ONNX needs no runtime at all."""
    (tmp_path / "net.prototxt").write_text(
        'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2 } } }\n'
        'layer { name: "r" type: "ReLU" bottom: "data" top: "r" }'
    )
    code = (
        f"import dragoman, sys; dragoman.convert({str(tmp_path / 'net.prototxt')!r}, {str(tmp_path / 'net.onnx')!r}, verify=False)\n"
        "loaded = [m for m in ('onnxruntime', 'cv2', 'torch', 'h5py', 'sympy') if m in sys.modules]\nassert not loaded, loaded"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
