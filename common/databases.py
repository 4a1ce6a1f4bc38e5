"""Where a service keeps its rows: SQLite for one machine, MySQL or MariaDB otherwise.

Only how it is connected to lives here.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections

from common import config
from common.faults import is_lasting, plain_words
from common.log import get_logger
from common.role import process_role

log = get_logger(__name__)

# WAL lets readers go on while one writes. NORMAL survives any crash of a process; only a power cut may lose
# the very last commits, which is fine for the embedded mode this engine is for.
SQLITE_INIT = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;"


def try_database() -> None:
    """Log why the database cannot be reached; raise when it says no and waiting would not help.

    One that is only away may come back: `/readyz` says 503 until then.
    """
    try:
        with connections[DEFAULT_DB_ALIAS].cursor():
            pass
    except DatabaseError as fault:
        if is_lasting(fault):
            raise
        log.error("database_unreachable", reason=plain_words(fault) or type(fault).__name__)
    finally:
        connections[DEFAULT_DB_ALIAS].close()


def database_settings(slug: str, loaded: config.Settings) -> dict[str, Any]:
    """Django's `DATABASES["default"]` for the service called `slug` ("order")."""
    database = loaded.database
    shared: dict[str, Any] = {
        "ATOMIC_REQUESTS": False,
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
    }
    if database.engine == "mysql":
        return {**shared, **_mysql(slug, database)}
    return {**shared, **_sqlite(slug, database)}


def _sqlite(slug: str, database: config.Database) -> dict[str, Any]:
    Path(database.name).parent.mkdir(parents=True, exist_ok=True)
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": database.name,
        # A file: in memory, test databases share one cache, whose readers fail where those of WAL wait.
        "TEST": {"NAME": str(Path(tempfile.gettempdir()) / f"test_{slug}_{os.getpid()}.sqlite3")},
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": SQLITE_INIT},
    }


def _patience(role: str) -> dict[str, int]:
    """A server that vanished without a word must not hold a thread, or a stop, for a quarter of an hour.

    Longer than a wait for a lock (50 s). Commands have none: a migration may take its time.
    """
    return {"read_timeout": 60, "write_timeout": 60} if role in {"web", "worker"} else {}


def _mysql(slug: str, database: config.Database) -> dict[str, Any]:
    options = {
        "charset": "utf8mb4",
        "isolation_level": "read committed",
        "init_command": "SET sql_mode='STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ENGINE_SUBSTITUTION'",
        "connect_timeout": 5,
        **_patience(process_role()),
    }
    return {
        "ENGINE": "django.db.backends.mysql",
        "NAME": database.name,
        "USER": database.user,
        "PASSWORD": database.password,
        # A path here is a socket; given as an option, the host beside it would win and mean TCP.
        "HOST": database.socket or database.host,
        "PORT": str(database.port),
        "OPTIONS": options,
        "TEST": {"NAME": f"test_{slug}_{database.name}", "CHARSET": "utf8mb4"},
    }
