"""The deep audit of a run: shadow models that are trained and unlearned as its own were."""
