"""Counting the statements that a budget counts: SELECT, INSERT, UPDATE, DELETE; not BEGIN, SAVEPOINT,
COMMIT.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

COUNTED = ("SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH")


class SqlLog(list[str]):
    """The statements, in order. `len()` is the figure; printed, it shows what to save."""

    def __str__(self) -> str:
        return "\n".join(f"{number:3} {statement[:400]}" for number, statement in enumerate(self, 1))

    @property
    def count(self) -> int:
        return len(self)


@contextmanager
def count_sql() -> Iterator[SqlLog]:
    """Collect the statements that this thread's connection runs inside the block."""
    log = SqlLog()

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.lstrip(" (\n").upper().startswith(COUNTED):
            log.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield log
