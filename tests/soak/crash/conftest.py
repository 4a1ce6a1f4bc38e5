"""The stack of tests/crash."""

from tests.crash.conftest import client, server, stack, world

__all__ = ["client", "server", "stack", "world"]
