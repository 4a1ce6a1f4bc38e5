"""Flows that leave the process: stored sagas, and the unstored ones that views need.

Importing this package registers every saga definition: the worker does so before it resumes what a crash
left.
"""

from order.sagas import cancel, edit, expire, stray

__all__ = ["cancel", "edit", "expire", "stray"]
