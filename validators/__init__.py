"""Parity: runs the original and the converted model on the same inputs, and says whether they compute the same."""
