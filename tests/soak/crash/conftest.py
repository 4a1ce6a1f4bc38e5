"""The stack of tests/crash."""

from tests.crash.conftest import server, stack, world

__all__ = ["server", "stack", "world"]
