"""Tuning: hyper-parameters of a method drawn at random, tried as ordinary runs, and kept as a named recipe."""
