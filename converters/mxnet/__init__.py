"""MXNet: symbols read without MXNet."""
