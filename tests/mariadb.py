"""A MariaDB server of a suite's own, which the suite may kill: its folder, its socket, its port.

`scripts/mariadb` knows how a server is started; here is only that this one keeps what it has committed when
its process dies, which the script's servers need not.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from common.testing.processes import free_port
from tests.missing import say

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = str(ROOT / "scripts" / "mariadb")
DATABASE = "cfmp_microservices"
SERVICES = ("order", "payment", "notification")
# What was committed survives the process (not the machine), and no page is half written.
OPTIONS = "--innodb-flush-log-at-trx-commit=2 --innodb-doublewrite=1"


class MariaDB:
    """One server. `variables` point services at it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._environment = {
            **os.environ,
            "CFMP_VAR_DIR": str(home),
            "CFMP_TEST_DB_PORT": str(free_port()),
            "CFMP_TEST_DB_OPTIONS": OPTIONS,
        }

    @property
    def variables(self) -> dict[str, str]:
        lines = self._script("env").splitlines()
        return dict(line.split("=", 1) for line in lines)

    def split(self) -> dict[str, str]:
        """A database for each service, and none where the shared one would be."""
        names = {service: f"{DATABASE}_{service}" for service in SERVICES}
        for name in names.values():
            self.create(name)
        own = {f"{service.upper()}_DB_NAME": name for service, name in names.items()}
        return {**self.variables, "CFMP_DB_NAME": "nobody_may_use_this", **own}

    def start(self) -> None:
        """Returns when it answers, also after a crash."""
        self._script("start")

    @property
    def pid(self) -> int:
        return int((self.home / "mariadb" / "mariadb.pid").read_text())

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        pid = self.pid
        os.kill(pid, signal.SIGKILL)
        while Path(f"/proc/{pid}").exists() and not _is_zombie(pid):
            time.sleep(0.01)

    def stop(self) -> None:
        self._script("stop")

    def create(self, database: str) -> None:
        self.run(f"CREATE DATABASE IF NOT EXISTS `{database}` CHARACTER SET utf8mb4", database="")

    def run(self, statement: str, *values: Any, database: str = DATABASE) -> list[tuple[Any, ...]]:
        """One statement in a transaction of its own; its rows."""
        import MySQLdb

        socket_path = self.variables["CFMP_DB_SOCKET"]
        connection = MySQLdb.connect(unix_socket=socket_path, user="root", db=database, charset="utf8mb4")
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, values or None)
                rows = list(cursor.fetchall())
            connection.commit()
            return rows
        finally:
            connection.close()

    def _script(self, verb: str) -> str:
        done = subprocess.run(
            [SCRIPT, verb], env=self._environment, stdout=subprocess.PIPE, text=True, timeout=120, check=True
        )
        return done.stdout


@contextmanager
def own_mariadb() -> Iterator[MariaDB]:
    """A running server with the shared database; gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="cfmp-db-"))
    server = MariaDB(home)
    try:
        server.start()
        server.create(DATABASE)
        yield server
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


def missing() -> str:
    """Why there is no MariaDB here; empty when there is one."""
    if why := os.environ.get("CFMP_NO_MARIADB"):
        return why
    if not any(shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin") for name in ("mariadbd",)):
        return "mariadbd is not installed"
    try:
        import MySQLdb  # noqa: F401
    except ImportError:
        return "mysqlclient is not installed"
    return ""


def say_missing(suite: str, instead: str) -> None:
    say(f"{suite}: {instead}, for {missing()}")


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
