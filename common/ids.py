"""Identities made by the service itself, never by the database.

Room: plain. Human numbers (order numbers) belong to their service. Identity is not business time:
these follow the machine's clock, not `common.clock`, so a frozen clock still gets fresh ids.
"""

import secrets
import threading
import time
from uuid import UUID

import uuid_utils.compat

# 2026-01-01T00:00:00Z. 41 bits of milliseconds reach to 2095, and 12 random bits stay below 2**53,
# so that a JavaScript client reads the number exactly.
_EPOCH_MS = 1_767_225_600_000
_RANDOM_BITS = 12

_lock = threading.Lock()
_last = 0


def new_uuid() -> UUID:
    """A UUIDv7: unique everywhere and ordered by time of birth."""
    return uuid_utils.compat.uuid7()


def new_id() -> int:
    """A positive integer below 2**53, ordered by time, never repeated inside a process.

    Two processes can meet in the same millisecond (1 in 4096): the unique index says so and
    `in_transaction` retries.
    """
    global _last
    milliseconds = time.time_ns() // 1_000_000 - _EPOCH_MS
    candidate = (milliseconds << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)
    with _lock:
        _last = max(candidate, _last + 1)
        return _last
