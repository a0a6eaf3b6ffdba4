"""Runs an ONNX graph in numpy, at float32 or float64: the second computation that sizes a network's rounding noise."""

from dragoman.validators.evaluator.call import EvaluationError
from dragoman.validators.evaluator.evaluator import Evaluator

__all__ = ["EvaluationError", "Evaluator"]
