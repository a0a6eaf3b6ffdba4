"""The graph as text: ONNX's own textual syntax, extended to all that a graph holds, and read back. See docs/text-form.md."""

from dragoman.graph_ir.text.parser import parse_model
from dragoman.graph_ir.text.printer import Style, print_lines, print_model
from dragoman.graph_ir.text.weights import named_tensors

__all__ = ["Style", "named_tensors", "parse_model", "print_lines", "print_model"]
