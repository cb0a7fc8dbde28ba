"""One run on several processes: each step's images are divided between them, and the numbers stay those of one."""
