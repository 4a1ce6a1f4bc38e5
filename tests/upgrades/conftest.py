"""Today's stack whose order service is the test's own, so that both releases can be killed alike."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.checkout import ROOT, Checkout
from tests.conftest import VAR, Stack, running_stack
from tests.crash.books import Books
from tests.mariadb import MariaDB, missing, own_mariadb, say_missing
from tests.shop import Shop
from tests.upgrades.next_release import next_release
from tests.upgrades.releases import Release
from tests.upgrades.story import World

OLD_PORT, NEW_PORT = 8001, 8011
# What a dead side has leased is soon free for the other.
SOON = {"LEASE_SECONDS": "2", "WORKER_IDLE_SECONDS": "0.2", "WEB_CONCURRENCY": "1"}
PACE = {"LOGISTICS_STEP_SECONDS": "0.5"}
BOTH = {"ORDER_SERVICE_URL": f"http://127.0.0.1:{OLD_PORT},http://127.0.0.1:{NEW_PORT}"}


@pytest.fixture(scope="session")
def server() -> Iterator[MariaDB | None]:
    if missing():
        say_missing("upgrades", "on SQLite instead of MariaDB")
        yield None
        return
    with own_mariadb() as server:
        yield server


@pytest.fixture(scope="session")
def stack(server: MariaDB | None) -> Iterator[Stack]:
    with running_stack(VAR, **SOON, **PACE, **BOTH, **(server.variables if server else {})) as stack:
        stack.control("stop", "cfmp:order", "cfmp:order-worker")
        yield stack


@pytest.fixture(scope="session")
def world(stack: Stack, server: MariaDB | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The release of today runs; the next one has not touched anything yet."""
    copy = next_release(tmp_path_factory.mktemp("next"), stack.environment)
    with ExitStack() as closing:
        old = Release(stack, Checkout(ROOT, stack.environment), "old", OLD_PORT)
        new = Release(stack, copy, "new", NEW_PORT)
        closing.callback(old.close)
        closing.callback(new.close)
        old.start()
        shop = Shop(stack)
        old.meet(shop)
        new.meet(shop)
        yield World(shop, Books(stack, server), old, new)
