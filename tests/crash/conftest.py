"""The stack that dies: on a MariaDB of its own where there is one, with leases that end soon."""

from collections.abc import Iterator

import pytest

from tests.conftest import VAR, Stack, running_stack
from tests.crash.books import Books
from tests.crash.client import Client
from tests.crash.flows import World
from tests.crash.slaughter import LEASE_SECONDS
from tests.mariadb import MariaDB, missing, own_mariadb, say_missing
from tests.shop import ARMCHAIR, BICYCLE, Shop, stock_set

SOON = {"LEASE_SECONDS": str(LEASE_SECONDS), "WORKER_IDLE_SECONDS": "0.1", "WEB_CONCURRENCY": "1"}

PLENTY = 500


@pytest.fixture(scope="session")
def server() -> Iterator[MariaDB | None]:
    if missing():
        say_missing("crashes", "on SQLite instead of MariaDB")
        yield None
        return
    with own_mariadb() as server:
        yield server


@pytest.fixture(scope="session")
def client() -> Client:
    return Client()


@pytest.fixture(scope="session")
def stack(server: MariaDB | None, client: Client) -> Iterator[Stack]:
    variables = server.variables if server else {}
    with running_stack(VAR, **SOON, **variables, **client.variables) as stack:
        yield stack


@pytest.fixture(scope="session")
def world(stack: Stack, server: MariaDB | None, client: Client) -> World:
    for product in (ARMCHAIR, BICYCLE):
        stock_set(product, PLENTY)
    return World(Shop(stack), Books(stack, server), client)
