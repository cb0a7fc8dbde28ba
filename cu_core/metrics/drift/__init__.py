"""How far samples really moved, in the full embedding space: measures per round, noise between seeds, events."""
