"""A run as static files: a page that opens from disk, without Python and without a network."""
