"""A foreign event is taken once, in the transaction that handles it."""

import threading
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F

from common.outbox.inbox import IncomingEvent, accept, forget_taken
from common.testing.race import race
from common.tests.ring.models import Parcel, RingInbox
from common.tests.ring.services import parcel_take_note

pytestmark = pytest.mark.django_db


def _event(version: int = 1, *, aggregate: uuid.UUID | None = None, weight: int = 5) -> IncomingEvent:
    return IncomingEvent(
        event_id=uuid.uuid4(),
        type="payment.succeeded.v1",
        aggregate_id=aggregate or uuid.uuid4(),
        version=version,
        occurred_at=datetime(2026, 11, 21, tzinfo=UTC),
        data={"weight": weight},
    )


def test_the_first_time_is_new_and_every_other_a_duplicate() -> None:
    parcel, event = Parcel.objects.create(), _event()

    taken = [parcel_take_note(event=event, parcel_uuid=parcel.parcel_uuid) for _ in range(3)]

    assert taken == ["new", "duplicate", "duplicate"]
    assert Parcel.objects.get().weight == 5


def test_each_consumer_takes_an_event_for_itself() -> None:
    event = _event()

    with transaction.atomic():
        assert accept(event, "one") == "new"
        assert accept(event, "two") == "new"


def test_an_older_version_after_a_newer_one_is_stale_and_booked_all_the_same() -> None:
    newer = _event(3)
    older = _event(2, aggregate=newer.aggregate_id)
    same = _event(3, aggregate=newer.aggregate_id)
    stranger = _event(1)

    with transaction.atomic():
        taken = [accept(event, "mine") for event in (newer, older, older, same, stranger)]

    assert taken == ["new", "stale", "duplicate", "new", "new"]
    assert RingInbox.objects.count() == 4


def test_taken_and_handled_go_together() -> None:
    event = _event()

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        accept(event, "mine")
        raise ZeroDivisionError
    with transaction.atomic():
        assert accept(event, "mine") == "new"
    with pytest.raises(RuntimeError):
        accept(_event(), "mine")


def test_taking_costs_two_statements(count_sql: Any) -> None:
    with count_sql() as log, transaction.atomic():
        accept(_event(), "mine")

    assert log.count == 2, log


def test_taken_events_are_forgotten_when_no_relay_can_send_them_again(frozen_clock: Any) -> None:
    with transaction.atomic():
        accept(_event(), "mine")
    frozen_clock.move(days=89)
    assert forget_taken() == 0
    frozen_clock.move(days=2)

    assert forget_taken() == 1


@pytest.mark.django_db(transaction=True)
def test_without_the_unique_row_a_duplicate_at_once_counts_twice() -> None:
    """The race itself: look first, then handle."""
    parcel, event = Parcel.objects.create(), _event()
    looked = threading.Barrier(2)

    handled = []

    def careless() -> None:
        seen = RingInbox.objects.filter(event_id=event.event_id).exists()
        looked.wait()
        if not seen:
            handled.append(Parcel.objects.filter(pk=parcel.pk).update(weight=F("weight") + 5))

    race([careless, careless])

    assert handled == [1, 1]
    assert Parcel.objects.get().weight == 10


@pytest.mark.django_db(transaction=True)
def test_of_eight_deliveries_at_once_one_is_handled() -> None:
    parcel, event = Parcel.objects.create(), _event()

    taken = race([lambda: parcel_take_note(event=event, parcel_uuid=parcel.parcel_uuid)] * 8)

    assert sorted(map(str, taken)) == ["duplicate"] * 7 + ["new"]
    assert Parcel.objects.get().weight == 5
    assert RingInbox.objects.count() == 1
