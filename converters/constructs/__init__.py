"""Constructs that several formats have and ONNX has no operator for, out of standard operators."""
