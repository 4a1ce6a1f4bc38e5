"""Migrations run one at a time on one database, whoever starts them."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections

from common.management.commands.migrate import lock_name, migration_lock

ROOT = Path(__file__).resolve().parents[2]
on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="a file lock is SQLite's way")
on_mysql = pytest.mark.skipif(connection.vendor != "mysql", reason="a named lock is MySQL's way")


def is_held(lock: Path) -> bool:
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@on_sqlite
def test_a_file_beside_the_database_is_locked(tmp_path: Path) -> None:
    database = connections.create_connection("default")
    database.settings_dict = {**database.settings_dict, "NAME": str(tmp_path / "order.sqlite3")}
    lock = tmp_path / "order.sqlite3.migrate.lock"

    with migration_lock(database):
        assert is_held(lock)
    assert not is_held(lock)


@on_sqlite
def test_the_lock_is_let_go_when_a_migration_fails(tmp_path: Path) -> None:
    database = connections.create_connection("default")
    database.settings_dict = {**database.settings_dict, "NAME": str(tmp_path / "order.sqlite3")}

    with pytest.raises(RuntimeError), migration_lock(database):
        raise RuntimeError

    assert not is_held(tmp_path / "order.sqlite3.migrate.lock")


@pytest.fixture
def other_session(db: None) -> Iterator[Any]:
    other = connections.create_connection("default")
    yield other
    other.close()


@on_mysql
def test_a_named_lock_is_held_at_the_server(other_session: Any) -> None:
    def is_free() -> bool:
        with other_session.cursor() as cursor:
            cursor.execute("SELECT IS_FREE_LOCK(%s)", [lock_name(connection)])
            return cursor.fetchone()[0] == 1

    with migration_lock(connection):
        assert not is_free()
    assert is_free()


@on_sqlite
def test_services_that_start_together_all_find_their_tables(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "common.tests.settings",
        "CFMP_DB_ENGINE": "sqlite",
        "CFMP_DB_NAME": str(tmp_path / "shared.sqlite3"),
    }
    command = [sys.executable, "-m", "django", "migrate", "--verbosity", "0"]
    starts = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for _ in range(3)
    ]
    outputs = [start.communicate(timeout=120)[0].decode() for start in starts]

    assert [start.returncode for start in starts] == [0, 0, 0], outputs
