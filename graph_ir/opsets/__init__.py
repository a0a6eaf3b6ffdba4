"""Moving a graph from one ONNX opset to another: one operator family per file, one opset at a time."""

from dragoman.graph_ir.opsets.convert import NEWEST, OLDEST, convert_opset, rewrite

__all__ = ["NEWEST", "OLDEST", "convert_opset", "rewrite"]
