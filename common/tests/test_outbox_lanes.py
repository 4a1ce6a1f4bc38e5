"""Letters to those that are no peers: one door that hangs or is away costs only itself."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from common.outbox.lanes import Lanes
from common.outbox.models import OutboxState
from common.outbox.publish import Event, publish
from common.outbox.relay import relay_door, relay_outside
from common.outbox.transport import EventTransport
from common.tests.ring.models import RingOutbox

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 20.0


class Away(Exception):
    """Nobody at the door."""


class Street(EventTransport):
    """Doors by path: each opens at once, or hangs until `let_go`, or nobody is there."""

    attempts = 3

    def __init__(self) -> None:
        self.hanging: set[str] = set()
        self.away: set[str] = set()
        self.let_go = threading.Event()
        self.arrived: list[str] = []
        self.knocks: list[str] = []
        self.changed = threading.Condition()

    def deliver(self, row: Any) -> None:
        self._note(self.knocks, row.path)
        if row.path in self.away:
            raise Away
        if row.path in self.hanging:
            assert self.let_go.wait(PATIENCE)
        self._note(self.arrived, row.path)

    def is_away(self, error: Exception) -> bool:
        return isinstance(error, Away)

    def _note(self, where: list[str], path: str) -> None:
        with self.changed:
            where.append(path)
            self.changed.notify_all()

    def wait_for(self, condition: Callable[[], bool]) -> bool:
        with self.changed:
            return self.changed.wait_for(condition, PATIENCE)


street: Street


def the_street() -> Street:
    return street


@pytest.fixture(autouse=True)
def _street(settings: Any) -> Iterator[None]:
    global street
    street = Street()
    settings.CFMP_OUTSIDE = {"NotificationService": f"{__name__}.the_street"}
    yield
    street.let_go.set()


@pytest.fixture
def lanes() -> Iterator[Lanes]:
    lanes = Lanes(most=2)
    yield lanes
    street.let_go.set()
    lanes.finish()


def tell(*doors: str) -> None:
    for door in doors:
        with transaction.atomic():
            publish(Event("parcel.received.v1", uuid4(), 1, door=door))


def start_all(lanes: Lanes) -> None:
    while lanes.start_due():
        pass


def once(lanes: Lanes) -> None:
    """One round of the duty, and the lanes' end."""
    start_all(lanes)
    wait(lanes._in_hand.values(), PATIENCE)
    start_all(lanes)


def test_who_hangs_keeps_nobody_else_waiting(lanes: Lanes) -> None:
    street.hanging = {"slow"}
    tell("slow", "slow", "quick", "quick")

    start_all(lanes)

    assert street.wait_for(lambda: street.arrived == ["quick", "quick"])
    assert street.knocks.count("slow") == 1
    street.let_go.set()
    assert street.wait_for(lambda: street.arrived.count("slow") == 2)


def test_no_more_than_agreed_are_served_at_once_and_the_next_follows(lanes: Lanes) -> None:
    street.hanging = {"one", "two", "three"}
    tell("one", "two", "three")

    start_all(lanes)
    assert street.wait_for(lambda: len(street.knocks) == 2)
    assert lanes.start_due() is False and sorted(street.knocks) == ["one", "two"]
    street.let_go.set()
    once(lanes)

    assert street.wait_for(lambda: len(street.arrived) == 3)


def test_finishing_waits_for_what_is_in_hand() -> None:
    street.hanging = {"slow"}
    tell("slow")
    lanes = Lanes()
    start_all(lanes)
    assert street.wait_for(lambda: street.knocks == ["slow"])
    threading.Timer(0.05, street.let_go.set).start()

    lanes.finish()

    assert RingOutbox.objects.get().state == OutboxState.DELIVERED


def test_a_door_that_is_away_rests_longer_each_time(lanes: Lanes, frozen_clock: Any) -> None:
    street.away = {"gone"}
    for knocks, rest in ((1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 30), (7, 30)):
        tell("gone")
        once(lanes)
        assert len(street.knocks) == knocks
        tell("gone")  # a new letter is no reason to try again so soon
        frozen_clock.move(seconds=rest - 0.5)
        once(lanes)
        assert len(street.knocks) == knocks
        frozen_clock.move(seconds=0.5)

    street.away = set()
    once(lanes)
    street.away = {"gone"}
    frozen_clock.move(minutes=10)
    tell("gone")
    once(lanes)
    known = len(street.knocks)
    frozen_clock.move(seconds=1)
    tell("gone")
    once(lanes)
    assert len(street.knocks) == known + 1  # who was there in between begins anew


def test_what_waits_at_a_door_that_is_away_is_tried_no_more_but_its_pauses_grow(frozen_clock: Any) -> None:
    street.away = {"gone"}
    tell("gone", "gone", "gone")

    assert relay_door(("NotificationService", "gone")) is False

    assert street.knocks == ["gone"]
    assert [row.attempts for row in RingOutbox.objects.all()] == [1, 1, 1]
    assert {row.last_error for row in RingOutbox.objects.all()} == {"Away: "}
    assert not RingOutbox.objects.exclude(lease_until=None).exists()


def test_no_letter_is_given_up_but_by_a_try_of_its_own(frozen_clock: Any) -> None:
    street.away = {"gone"}
    tell("gone", "gone", "gone")

    dead = []
    for _ in range(Street.attempts + 2):
        relay_outside()
        dead.append(RingOutbox.objects.filter(state=OutboxState.DEAD).count())
        frozen_clock.move(minutes=10)

    assert dead == [0, 0, 1, 2, 3]
    assert {row.attempts for row in RingOutbox.objects.all()} == {Street.attempts}
    assert len(street.knocks) == 5


def test_what_kept_a_lane_from_its_work_is_told_to_the_loop(lanes: Lanes, settings: Any) -> None:
    settings.CFMP_OUTSIDE = {"NotificationService": "common.no_such.transport"}
    tell("one")
    assert lanes.start_due()
    wait(lanes._in_hand.values(), PATIENCE)

    with pytest.raises(ImportError):
        lanes.start_due()

    assert lanes._in_hand == {}
