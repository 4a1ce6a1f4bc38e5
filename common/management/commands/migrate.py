"""`migrate`, one at a time: several instances of a service, or three services on one database, may start
together.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands.migrate import Command as DjangoMigrate
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

# Longer than any migration should hold others up; a lock left by a dead process goes with its connection
# or file.
WAIT_SECONDS = 300


class Command(DjangoMigrate):
    """Django's own command, under a lock of the database it migrates."""

    def handle(self, *args: Any, **options: Any) -> None:
        with migration_lock(connections[options["database"]]):
            super().handle(*args, **options)


@contextmanager
def migration_lock(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Hold the database's one migration lock. Raises CommandError when it is not had in five minutes."""
    if connection.vendor == "mysql":
        with _named_lock(connection):
            yield
    elif connection.vendor == "sqlite" and not _in_memory(connection):
        with _file_lock(Path(f"{connection.settings_dict['NAME']}.migrate.lock")):
            yield
    else:
        yield


def _in_memory(connection: BaseDatabaseWrapper) -> bool:
    name = str(connection.settings_dict["NAME"])
    return name == ":memory:" or "mode=memory" in name


def lock_name(connection: BaseDatabaseWrapper) -> str:
    """The same for every service that shares the database."""
    return f"migrate:{connection.settings_dict['NAME']}"[:64]


@contextmanager
def _named_lock(connection: BaseDatabaseWrapper) -> Iterator[None]:
    # The server holds it for this connection, not for a transaction: DDL commits do not let it go.
    name = lock_name(connection)
    with connection.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK(%s, %s)", [name, WAIT_SECONDS])
        if cursor.fetchone()[0] != 1:
            raise CommandError("Another migration of this database is still running.")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT RELEASE_LOCK(%s)", [name])


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
