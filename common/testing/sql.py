"""Counting the statements that a budget counts: SELECT, INSERT, UPDATE, DELETE; not BEGIN, SAVEPOINT,
COMMIT.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

COUNTED = ("SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH")


@dataclass
class SqlLog:
    """The statements, in order. `count` is the figure; printed, it shows what to save."""

    statements: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.statements)

    def __len__(self) -> int:
        return len(self.statements)

    def __iter__(self) -> Iterator[str]:
        return iter(self.statements)

    def __str__(self) -> str:
        return "\n".join(f"{number:3} {statement[:400]}" for number, statement in enumerate(self, 1))

    __repr__ = __str__


@contextmanager
def count_sql() -> Iterator[SqlLog]:
    """Collect the statements that this thread's connection runs inside the block."""
    log = SqlLog()

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.lstrip(" (\n").upper().startswith(COUNTED):
            log.statements.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield log
