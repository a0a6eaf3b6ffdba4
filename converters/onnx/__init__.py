"""ONNX: read and written."""
