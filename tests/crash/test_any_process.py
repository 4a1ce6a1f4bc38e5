"""kill -9 of every process of the stack, and of the database, while people buy: all of it comes back."""

import os
import signal

import pytest

from tests.conftest import Stack
from tests.crash.flows import World
from tests.crash.people import Trade, children, comes_back, programs
from tests.mariadb import MariaDB, say_missing


def test_every_process_may_die_while_people_buy(world: World, stack: Stack) -> None:
    before = programs(stack)
    assert len(before) == 9, before

    with Trade(world).going_on() as people:
        people.wait_until_somebody_buys()
        for name, pid in before.items():
            for victim in (pid, *children(pid)):  # a launcher and its service at once
                os.kill(victim, signal.SIGKILL)
            comes_back(stack, name, pid)
        people.wait_until_somebody_buys()

    people.come_to_its_end()
    world.shop.audit()


def test_the_database_may_die_while_people_buy(world: World, server: MariaDB | None) -> None:
    if server is None:
        say_missing("a database that dies", "skipped")
        pytest.skip("SQLite is no process")

    with Trade(world).going_on() as people:
        people.wait_until_somebody_buys()
        before = server.pid
        server.kill()
        server.start()
        assert server.pid != before
        people.wait_until_somebody_buys()

    people.come_to_its_end()
    world.shop.audit()
