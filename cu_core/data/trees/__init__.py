"""Trees of files as a user has them: a directory, a zip or a tar, read without leaving them."""
