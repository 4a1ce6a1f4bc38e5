"""The stack on a MariaDB of its own where there is one, with a database for each service."""

from collections.abc import Iterator

import pytest

from tests.conftest import VAR, Stack, running_stack
from tests.mariadb import missing, own_mariadb, say_missing
from tests.shop import Shop

QUICK = {"WORKER_IDLE_SECONDS": "0.1"}


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    if missing():
        say_missing("races", "on SQLite instead of MariaDB")
        with running_stack(VAR, **QUICK) as stack:
            yield stack
        return
    with own_mariadb() as server, running_stack(VAR, **QUICK, **server.split()) as stack:
        yield stack


@pytest.fixture(scope="session")
def shop(stack: Stack) -> Shop:
    return Shop(stack)
