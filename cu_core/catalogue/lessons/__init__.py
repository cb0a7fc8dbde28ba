"""Lessons as data: what a lesson is, how one is read, and how its sentences are filled with the numbers of a run."""
