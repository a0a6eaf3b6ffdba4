"""sympy is imported when a symbolic dimension is calculated with, not at start-up; others get the real module."""

import subprocess
import sys

import pytest

SCRIPTS = {
    "not at start-up": "import dragoman.graph_ir.builder; assert 'sympy' not in sys.modules",
    "when it is used": (
        "import dragoman.graph_ir.builder, onnx_ir\n"
        "assert str(onnx_ir.SymbolicDim('n') * 2 + 2) == '2*n + 2'\n"
        "assert 'sympy' in sys.modules"
    ),
    "functions of dimensions": "import dragoman.graph_ir.builder, onnx_ir; assert onnx_ir.SymbolicDim('max(n, 3)').evaluate({'n': 7}) == 7",
    "imported by others afterwards": "import dragoman.graph_ir.builder, sympy; assert sympy.sympify('x + x') == 2 * sympy.Symbol('x')",
    "imported by others before": "import sympy, dragoman.graph_ir.builder, onnx_ir; assert str(onnx_ir.SymbolicDim('n') + 1) == 'n + 1'",
    "the host before": "import onnx_ir, dragoman.graph_ir.builder; assert str(onnx_ir.SymbolicDim('n') + 1) == 'n + 1'",
    "a type error stays one": (
        "import dragoman.graph_ir.builder, onnx_ir\n"
        "try: onnx_ir.SymbolicDim(object())\n"
        "except TypeError: pass\n"
        "else: raise AssertionError('accepted')"
    ),
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_deferred_sympy(script: str) -> None:
    done = subprocess.run([sys.executable, "-c", f"import sys\n{script}"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
