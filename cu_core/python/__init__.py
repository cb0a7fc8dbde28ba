"""Runs from Python: what `import cu_core` offers, on top of the same parts as the command line."""
