"""Named leases: one holder at a time, for a time; who waits too long is told so politely."""

import threading
import time
from typing import Any

import pytest
from django.db import transaction

from common import clock
from common.errors import LeaseTimeout
from common.leases.lease import forget_old, lease
from common.testing.race import race
from common.tests.ring.models import RingLease

pytestmark = pytest.mark.django_db

NAME = "payment:refund:1"


def test_a_lease_is_held_inside_the_block_only() -> None:
    with lease(NAME, wait=0):
        with pytest.raises(LeaseTimeout) as refused, lease(NAME, wait=0):
            pass
        with lease("payment:refund:2", wait=0):
            pass
        assert (refused.value.status, refused.value.retry_after) == (409, 1)

    with lease(NAME, wait=0):
        pass


def test_a_failure_inside_lets_go() -> None:
    with pytest.raises(ZeroDivisionError), lease(NAME):
        raise ZeroDivisionError

    with lease(NAME, wait=0):
        pass


def test_every_holder_gets_a_greater_fence() -> None:
    fences = []
    for _ in range(3):
        with lease(NAME, wait=0) as held:
            fences.append(held.fence)

    assert fences == [1, 2, 3]


def test_a_dead_holder_is_followed_when_its_time_is_up(frozen_clock: Any) -> None:
    dead = lease(NAME, wait=0, hold=20)
    held = dead.__enter__()
    frozen_clock.move(seconds=19)
    with pytest.raises(LeaseTimeout), lease(NAME, wait=0):
        pass
    frozen_clock.move(seconds=1)

    with lease(NAME, wait=0, hold=20) as follower:
        with pytest.raises(LeaseTimeout):
            _ = held.fence  # the dead one learns that it is not the holder
        with pytest.raises(LeaseTimeout):
            held.extend(20)
        dead.__exit__(None, None, None)  # and lets go of nothing that is not its own
        with pytest.raises(LeaseTimeout), lease(NAME, wait=0):
            pass
        assert follower.fence == 2


def test_let_go_it_is_free_also_for_a_clock_that_is_behind(frozen_clock: Any) -> None:
    with lease(NAME, wait=0):
        pass
    frozen_clock.move(minutes=-5)

    with lease(NAME, wait=0):
        pass


def test_extending_holds_on(frozen_clock: Any) -> None:
    with lease(NAME, wait=0, hold=5) as held:
        frozen_clock.move(seconds=4)
        held.extend(5)
        frozen_clock.move(seconds=4)

        with pytest.raises(LeaseTimeout), lease(NAME, wait=0):
            pass


def test_inside_a_transaction_it_is_refused() -> None:
    with pytest.raises(RuntimeError), transaction.atomic(), lease(NAME):
        pass

    assert not RingLease.objects.exists()


def test_a_lease_costs_two_statements_and_a_new_name_one_more(count_sql: Any) -> None:
    with count_sql() as unknown, lease(NAME):
        pass

    with count_sql() as known, lease(NAME):
        pass

    assert unknown.count == 3, unknown  # nothing to take, so insert; let go
    assert known.count == 2, known  # one UPDATE to take it, one to let go


def test_old_leases_are_forgotten_and_held_ones_never(frozen_clock: Any) -> None:
    with lease("old"):
        pass
    frozen_clock.move(days=8)

    with lease("new"):
        assert forget_old() == 1

    assert [row.name for row in RingLease.objects.all()] == ["new"]


@pytest.mark.django_db(transaction=True)
def test_without_a_lease_two_are_inside_at_once() -> None:
    inside, most = [], []
    both = threading.Barrier(2)

    def careless() -> None:
        inside.append(1)
        both.wait()
        most.append(len(inside))
        inside.pop()

    race([careless, careless])

    assert max(most) == 2


@pytest.mark.django_db(transaction=True)
def test_with_a_lease_they_take_turns_also_for_a_name_never_seen() -> None:
    inside: list[int] = []
    most: list[int] = []

    def polite() -> int:
        with lease(NAME, wait=30, hold=30) as held:
            inside.append(1)
            time.sleep(0.005)
            most.append(len(inside))
            inside.pop()
            return held.fence

    fences = race([polite] * 6)

    assert most == [1] * 6
    assert sorted(fences) == [1, 2, 3, 4, 5, 6]
    assert RingLease.objects.get().held_until <= clock.now()


@pytest.mark.django_db(transaction=True)
def test_who_waits_longer_than_it_wants_gets_a_timeout() -> None:
    taken, done = threading.Event(), threading.Event()

    def holder() -> str:
        with lease(NAME):
            taken.set()
            done.wait(10)
        return "held"

    def waiter() -> str:
        taken.wait(10)
        try:
            with lease(NAME, wait=0.1):
                return "got it"
        finally:
            done.set()

    held, waited = race([holder, waiter])

    assert held == "held"
    assert isinstance(waited, LeaseTimeout) and waited.retry_after == 1
