"""Events leave with their transaction, once each as far as anybody can tell, in order, whatever happens."""

import uuid
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction

from common import tracing
from common.errors import PeerBroken, PeerRejected, PeerUnavailable
from common.outbox import relay
from common.outbox.models import OutboxState
from common.outbox.publish import Event, publish
from common.outbox.transport import EventTransport
from common.testing.race import race
from common.tests.recorder import Recorder, tell
from common.tests.ring.models import RingOutbox
from common.worker import drain

pytestmark = pytest.mark.django_db

DOOR = "/event/inbox"


def test_events_of_a_transaction_that_fails_never_existed(recorder: Recorder) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        publish(Event("parcel.received.v1", uuid.uuid4(), 1))
        raise ZeroDivisionError

    drain()

    assert recorder.carried == []


def test_publishing_outside_a_transaction_or_without_a_route_is_refused() -> None:
    with pytest.raises(RuntimeError):
        publish(Event("parcel.received.v1", uuid.uuid4(), 1))
    with pytest.raises(LookupError), transaction.atomic():
        publish(Event("parcel.vanished.v1", uuid.uuid4(), 1))
    with transaction.atomic():
        publish(Event("parcel.weighed.v1", uuid.uuid4(), 1))  # a route to nobody

    assert not RingOutbox.objects.exists()


def test_several_events_cost_one_statement(count_sql: Any) -> None:
    with count_sql() as log, transaction.atomic():
        publish(*[Event("parcel.sent.v1", uuid.uuid4(), 1) for _ in range(5)])

    assert log.count == 1, log
    assert RingOutbox.objects.count() == 10


def test_the_wire_form_its_key_and_its_origin(fake_transport: Any, frozen_clock: Any) -> None:
    fake_transport.on("POST", "NotificationService", DOOR, {"code": "200"})
    trace = "00-11111111111111111111111111111111-2222222222222222-01"
    with tracing.bound(tracing.RequestContext(request_id="req-7", traceparent=trace)):
        aggregate = tell(4)

    assert relay.relay_once() is True

    row = RingOutbox.objects.get()
    call = fake_transport.calls[0]
    assert call.json == {
        "event_id": str(row.event_id),
        "type": "parcel.received.v1",
        "aggregate_id": str(aggregate),
        "version": 4,
        "occurred_at": "2026-11-21T02:00:00Z",
        "data": {"amount": "12.00"},
    }
    headers = {name.lower(): value for name, value in call.headers.items()}
    assert headers["idempotency-key"] == str(row.event_id)
    assert headers["x-request-id"] == "req-7"
    assert headers["traceparent"].split("-")[1] == "1" * 32
    assert headers["x-service-authorization"].startswith("Bearer ")
    assert (row.state, row.attempts) == (OutboxState.DELIVERED, 1)
    assert relay.relay_once() is False


def test_order_is_kept_per_aggregate_and_destination(recorder: Recorder) -> None:
    late = tell(3, 1, 2)
    other = tell(1)

    drain()

    mine = [version for type_, version, destination in recorder.carried]
    assert len(mine) == 4
    carried = RingOutbox.objects.filter(aggregate_id=late).order_by("delivered_at", "version")
    assert [row.version for row in carried] == [1, 2, 3]
    assert RingOutbox.objects.get(aggregate_id=other).state == OutboxState.DELIVERED


def test_two_facts_of_one_change_keep_the_order_in_which_they_were_told(recorder: Recorder) -> None:
    aggregate = uuid.uuid4()
    with transaction.atomic():
        publish(Event("parcel.sent.v1", aggregate, 2), Event("parcel.received.v1", aggregate, 2))

    drain()

    told = [type_ for type_, _, destination in recorder.carried if destination == "NotificationService"]
    assert told == ["parcel.sent.v1", "parcel.received.v1"]


def test_a_failing_destination_holds_back_its_own_line_only(recorder: Recorder, frozen_clock: Any) -> None:
    aggregate = tell(1, type="parcel.sent.v1")
    tell(2, aggregate=aggregate)
    stranger = tell(1)
    recorder.errors = [PeerBroken(peer="NotificationService")]

    drain()

    assert ("parcel.sent.v1", 1, "PaymentService") in recorder.carried
    waiting = RingOutbox.objects.filter(state=OutboxState.PENDING).order_by("version")
    assert [row.version for row in waiting] == [1, 2]  # the second waits behind the first
    assert RingOutbox.objects.get(aggregate_id=stranger).state == OutboxState.DELIVERED
    frozen_clock.move(seconds=2)
    drain()
    notified = [
        version for _, version, destination in recorder.carried if destination == "NotificationService"
    ]
    assert notified == [1, 1, 2]


def test_pauses_grow_with_jitter_and_stay_bounded() -> None:
    for attempt, usual in ((1, 1), (2, 2), (5, 16), (30, 300)):
        pauses = {relay._pause(attempt, EventTransport.longest_pause).total_seconds() for _ in range(50)}
        assert all(usual * 0.75 <= pause <= usual * 1.25 for pause in pauses)
        assert len(pauses) > 1


def test_what_the_peer_will_never_take_dies_at_once(recorder: Recorder) -> None:
    tell(1)
    recorder.errors = [PeerRejected(peer="NotificationService", peer_status=422, peer_code="1001")]

    drain()

    row = RingOutbox.objects.get()
    assert (row.state, row.attempts) == (OutboxState.DEAD, 1)
    assert "PeerRejected" in row.last_error


def test_a_peer_that_keeps_breaking_makes_a_dead_letter_after_its_tries(
    recorder: Recorder, frozen_clock: Any
) -> None:
    tell(1)
    recorder.errors = [PeerBroken(peer="NotificationService")] * EventTransport.attempts

    for _ in range(EventTransport.attempts - 1):
        drain()
        assert RingOutbox.objects.get().state == OutboxState.PENDING
        frozen_clock.move(minutes=10)
    drain()

    assert RingOutbox.objects.get().state == OutboxState.DEAD


def test_an_outage_however_long_kills_no_letter(recorder: Recorder, frozen_clock: Any) -> None:
    tell(1)
    recorder.errors = [PeerUnavailable(peer="NotificationService")] * 100

    for _ in range(100):
        drain()
        frozen_clock.move(minutes=10)
    assert recorder.errors == [] and recorder.carried == []
    drain()

    assert len(recorder.carried) == 1
    assert RingOutbox.objects.get().state == OutboxState.DELIVERED


def test_a_dead_letter_blocks_its_aggregate_for_fifteen_minutes_then_parks(
    recorder: Recorder, frozen_clock: Any
) -> None:
    aggregate = tell(1, 2)
    recorder.errors = [PeerRejected(peer="NotificationService", peer_status=400)]
    drain()
    frozen_clock.move(minutes=14)
    drain()
    assert recorder.carried == []

    frozen_clock.move(minutes=1)
    drain()

    assert [version for _, version, _ in recorder.carried] == [2]
    assert RingOutbox.objects.get(aggregate_id=aggregate, version=1).state == OutboxState.PARKED


def test_an_expired_lease_is_taken_over_and_the_late_relay_books_nothing(
    recorder: Recorder, frozen_clock: Any
) -> None:
    tell(1)
    mine = relay._claimed(list(relay._due()))
    assert len(mine) == 1
    assert relay.relay_once() is False  # leased
    frozen_clock.move(seconds=settings.CFMP.lease_seconds + 1)

    assert relay.relay_once() is True
    recorder.errors = [PeerBroken(peer="NotificationService")]
    relay._carry(mine[0])  # the one that was thought dead wakes up and fails

    row = RingOutbox.objects.get()
    assert (row.state, row.attempts, row.last_error) == (OutboxState.DELIVERED, 1, "")


def test_delivery_happens_outside_any_transaction(recorder: Recorder) -> None:
    from common.atomic import inside_atomic

    seen: list[bool] = []
    recorder.deliver = lambda row: seen.append(inside_atomic())  # type: ignore[method-assign]
    tell(1)

    relay.relay_once()

    assert seen == [False]


def test_a_slow_peer_does_not_outlast_the_lease(recorder: Recorder) -> None:
    tell(1)
    tell(1)
    rows = relay._claimed(list(relay._due()))
    share, relay.SLOWEST_SHARE = relay.SLOWEST_SHARE, 1.0

    try:
        relay._carry_all(rows)
    finally:
        relay.SLOWEST_SHARE = share

    assert recorder.carried == []
    assert [row.lease_until for row in RingOutbox.objects.all()] == [None, None]  # given back, not sat on


@pytest.mark.django_db(transaction=True)
def test_without_the_claim_two_relays_deliver_twice(recorder: Recorder) -> None:
    """The race itself: both look before either books."""
    tell(1)

    def careless() -> None:
        for row in list(relay._due()):
            together.wait()
            recorder.deliver(row)

    import threading

    together = threading.Barrier(2)
    race([careless, careless])

    assert len(recorder.carried) == 2
    RingOutbox.objects.all().delete()


@pytest.mark.django_db(transaction=True)
def test_many_relays_at_once_deliver_each_event_once_and_in_order(recorder: Recorder) -> None:
    aggregates = [tell(1, 2, 3, type="parcel.sent.v1") for _ in range(6)]

    def relay_all() -> None:
        for _ in range(20):
            relay.relay_once(limit=3)

    results = race([relay_all] * 4)

    assert results == [None] * 4
    drain()
    assert len(recorder.carried) == len(set(map(tuple, recorder.carried))) * len(aggregates) == 36
    assert not RingOutbox.objects.exclude(state=OutboxState.DELIVERED).exists()
    for aggregate in aggregates:
        for destination in ("NotificationService", "PaymentService"):
            line = RingOutbox.objects.filter(aggregate_id=aggregate, destination=destination)
            assert [row.version for row in line.order_by("delivered_at")] == [1, 2, 3]
