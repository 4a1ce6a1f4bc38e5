"""Flows that leave the process: stored steps, resumed after a crash, undone when refused."""
