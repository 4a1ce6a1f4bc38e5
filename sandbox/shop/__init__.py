"""The small shop page: a client of the gateway's REST paths, and of nothing else."""
