"""What MXNet has for each ONNX operator: one operator family per file."""
