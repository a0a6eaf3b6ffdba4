"""Runners: one runtime each, behind one protocol."""
