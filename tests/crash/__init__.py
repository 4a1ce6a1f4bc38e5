"""Real processes die by SIGKILL at every step; what is left goes on by itself, and the books agree."""
