"""MXNet's operators, by family."""
