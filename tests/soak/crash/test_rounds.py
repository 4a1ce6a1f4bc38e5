"""All processes at once, and the database with them, round after round, while people buy."""

import os
import signal

import pytest

from tests.conftest import Stack
from tests.crash.flows import World
from tests.crash.people import Trade, comes_back, programs
from tests.mariadb import MariaDB
from tests.shop import at_once

ROUNDS = 5


@pytest.mark.timeout(1800)
def test_everything_may_die_at_once_again_and_again(
    world: World, stack: Stack, server: MariaDB | None
) -> None:
    with Trade(world).going_on() as people:
        for number in range(ROUNDS):
            people.wait_until_somebody_buys()
            before = programs(stack)
            for pid in before.values():
                os.kill(pid, signal.SIGKILL)
            if server is not None and number % 2:
                server.kill()
                server.start()
            at_once(lambda item: comes_back(stack, *item), before.items())
        people.wait_until_somebody_buys()

    people.come_to_its_end()
    world.shop.audit()
