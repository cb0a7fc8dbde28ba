"""From embeddings of several rounds to one picture: projections, and numbers that say how far to trust them."""
