"""What can be taken out of a run, one file per format: weights, samples, projector, Hugging Face folder, trackers."""
