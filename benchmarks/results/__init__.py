"""The measured results: a queue of runs, the numbers kept of them, and the page that is made from these alone."""
