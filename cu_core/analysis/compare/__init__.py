"""Runs side by side: what is read of each, its distance to retraining, means over seeds, differences in words.

Light: nothing here imports torch. A page, the command line and a report all show what this package says.
"""
