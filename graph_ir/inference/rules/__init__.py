"""What each operator makes of its inputs' shapes, by family."""
