"""The verdict of a run: its samples, the answers of its models to them, and what is made of these."""
