"""The local transaction: when we are in one, how to run one, and which database errors mean "again".

What a transaction changes (states, events, keys) belongs to `transactions`, `outbox` and `idempotency`.
"""

import functools
import random
import re
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction

from common.counters import DATABASE_RETRIES

P = ParamSpec("P")
T = TypeVar("T")

# 1213 deadlock (on Galera also a lost race, told at commit), 1205 lock wait timeout, 1020 record changed
# since read.
MYSQL_AGAIN = frozenset({1213, 1205, 1020})
SQLITE_AGAIN = ("database is locked", "database table is locked", "database schema is locked")
# A primary key made by new_id() met its twin: the next run of the function makes another.
PRIMARY_KEY_TAKEN = re.compile(r"for key '(\w+\.)?PRIMARY'|^UNIQUE constraint failed: \w+\.id$")
FIRST_PAUSE = 0.02
LONGEST_PAUSE = 0.5


def inside_atomic() -> bool:
    """True inside a transaction of ours. The one that Django's TestCase wraps around a test does not
    count.
    """
    return any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks)


def may_run_again(error: DatabaseError) -> bool:
    """True when `error` says that the same transaction, run anew, can succeed."""
    text = str(error)
    if isinstance(error, IntegrityError):
        return PRIMARY_KEY_TAKEN.search(text) is not None
    if isinstance(error, OperationalError):
        return _code(error) in MYSQL_AGAIN or any(mark in text for mark in SQLITE_AGAIN)
    return False


def _code(error: DatabaseError) -> int:
    first = error.args[0] if error.args else 0
    return first if isinstance(first, int) else 0


def in_transaction(fn: Callable[[], T], *, attempts: int = 5) -> T:
    """Run `fn` in one transaction; run it anew, after a short random pause, when the database says "again".

    Inside another transaction it only sets a savepoint: a deadlock there has undone the whole outer
    transaction, so only the outermost may retry. `fn` must therefore change nothing but the database.
    Raises what `fn` raises.
    """
    if inside_atomic():
        with transaction.atomic():
            return fn()
    for attempt in range(1, attempts):
        try:
            with transaction.atomic():
                return fn()
        except DatabaseError as error:
            if not may_run_again(error):
                raise
            DATABASE_RETRIES.inc()
            _pause(attempt)
    with transaction.atomic():
        return fn()


def _pause(attempt: int) -> None:
    time.sleep(random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)))


def transactional(function: Callable[P, T]) -> Callable[P, T]:
    """Make a service function one local transaction, retried by `in_transaction`."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return in_transaction(lambda: function(*args, **kwargs))

    return run
