"""A change of state: one winner, its history, its events; all or nothing."""

import threading
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from common import tracing
from common.atomic import in_transaction, inside_atomic, may_run_again
from common.errors import Conflict, StateConflict
from common.testing.invariants import assert_history_agrees
from common.testing.race import race
from common.tests.ring.models import Parcel, ParcelTransition, RingOutbox
from common.tests.ring.services import parcel_move, parcel_pack
from common.tests.ring.states import PARCEL, ParcelStatus
from common.transactions import apply_transition, record_created, transactional

pytestmark = pytest.mark.django_db


def test_a_transition_writes_state_history_and_one_event_per_destination() -> None:
    parcel = parcel_pack(weight=3, actor="user:alice")

    with tracing.bound(tracing.RequestContext(request_id="req-1")):
        parcel_move(parcel=parcel, event="send", actor="user:bob")

    stored = Parcel.objects.get()
    assert (stored.status, stored.version) == (ParcelStatus.SENT, 2)
    assert (parcel.status, parcel.version, parcel.updated_at) == (stored.status, 2, stored.updated_at)
    first, second = ParcelTransition.objects.order_by("id")
    assert (first.event, first.source, first.target) == ("created", "", "packed")
    assert (second.event, second.source, second.target) == ("send", "packed", "sent")
    assert (second.actor, second.request_id, second.axis) == ("user:bob", "req-1", "status")
    rows = RingOutbox.objects.order_by("destination")
    assert [row.destination for row in rows] == ["NotificationService", "PaymentService"]
    assert {(row.aggregate_id, row.version, row.type) for row in rows} == {
        (parcel.parcel_uuid, 2, "parcel.sent.v1")
    }
    assert len({row.event_id for row in rows}) == 1
    assert_history_agrees(Parcel, ParcelTransition, states=ParcelStatus)


def test_a_transition_costs_three_statements(count_sql: Any) -> None:
    parcel = parcel_pack(weight=3, actor="user:alice")

    with count_sql() as log:
        parcel_move(parcel=parcel, event="send", actor="user:bob")

    assert log.count == 3, log  # UPDATE, history, events


@pytest.mark.parametrize("status", list(ParcelStatus))
@pytest.mark.parametrize("event", PARCEL.events())
def test_every_pair_of_state_and_event_moves_or_refuses(status: ParcelStatus, event: str) -> None:
    parcel = Parcel.objects.create(status=status)

    if PARCEL.allows(status, event):
        parcel_move(parcel=parcel, event=event, actor="user:bob")
        assert Parcel.objects.get().status == PARCEL.target(event)
        return
    with pytest.raises(StateConflict):
        parcel_move(parcel=parcel, event=event, actor="user:bob")
    stored = Parcel.objects.get()
    assert (stored.status, stored.version) == (status, 1)
    assert not ParcelTransition.objects.exists()
    assert not RingOutbox.objects.exists()


def test_a_stale_object_is_refused_when_the_row_has_moved_on() -> None:
    parcel = parcel_pack(weight=3, actor="user:alice")
    stale = Parcel.objects.get()
    parcel_move(parcel=parcel, event="lose", actor="user:bob")

    with pytest.raises(StateConflict) as refused:
        parcel_move(parcel=stale, event="send", actor="user:bob")

    assert refused.value.data == {"event": "send", "status": "lost"}
    assert Parcel.objects.get().status == ParcelStatus.LOST


def test_a_stale_object_moves_when_the_fresh_state_still_allows_it() -> None:
    stale = Parcel.objects.get(pk=parcel_pack(weight=3, actor="user:alice").pk)
    parcel_move(parcel=Parcel.objects.get(), event="send", actor="user:bob")

    parcel_move(parcel=stale, event="lose", actor="user:bob")

    last = ParcelTransition.objects.order_by("id").last()
    assert last is not None and (last.source, last.target) == ("sent", "lost")  # not "packed", as we believed
    assert (stale.version, Parcel.objects.get().version) == (3, 3)


def test_where_must_hold_and_computed_changes_are_read_back() -> None:
    parcel = parcel_pack(weight=3, actor="user:alice")
    Parcel.objects.update(weight=10)  # somebody else, behind our back

    with pytest.raises(StateConflict):
        parcel_move(parcel=parcel, event="send", actor="user:bob", where={"weight__lt": 10})
    parcel_move(parcel=parcel, event="send", actor="user:bob", extra=5, where={"weight__gte": 10})

    assert (parcel.weight, Parcel.objects.get().weight) == (15, 15)


def test_the_caller_names_the_conflict() -> None:
    parcel = Parcel.objects.create(status=ParcelStatus.LOST)

    with pytest.raises(Conflict), transaction.atomic():
        apply_transition(
            parcel, "send", machine=PARCEL, history=ParcelTransition, actor="user:bob", conflict=Conflict
        )


def test_outside_a_transaction_nothing_moves() -> None:
    parcel = Parcel.objects.create()

    with pytest.raises(RuntimeError):
        apply_transition(parcel, "send", machine=PARCEL, history=ParcelTransition, actor="user:bob")
    with pytest.raises(RuntimeError):
        record_created(parcel, machine=PARCEL, history=ParcelTransition, actor="user:bob")

    assert Parcel.objects.get().status == ParcelStatus.PACKED
    assert not ParcelTransition.objects.exists()


def test_a_failure_after_the_change_takes_everything_back() -> None:
    parcel = parcel_pack(weight=3, actor="user:alice")

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        parcel_move(parcel=parcel, event="send", actor="user:bob")
        raise ZeroDivisionError

    assert Parcel.objects.get().status == ParcelStatus.PACKED
    assert not RingOutbox.objects.exists()
    assert ParcelTransition.objects.count() == 1


class Flaky:
    """A transaction body that fails a few times with the given error, then works."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.runs = 0

    def __call__(self) -> str:
        self.runs += 1
        Parcel.objects.create(weight=self.runs)
        if self.errors:
            raise self.errors.pop(0)
        return "done"


AGAIN = [
    OperationalError(1213, "Deadlock found when trying to get lock"),
    OperationalError(1205, "Lock wait timeout exceeded"),
    OperationalError(1020, "Record has changed since last read in table 'parcel'"),
    OperationalError("database is locked"),
    IntegrityError(1062, "Duplicate entry '123' for key 'PRIMARY'"),
    IntegrityError(1062, "Duplicate entry '123' for key 'parcel.PRIMARY'"),
    IntegrityError("UNIQUE constraint failed: ring_parcel.id"),
]
FINAL = [
    OperationalError(2006, "Server has gone away"),
    IntegrityError(1062, "Duplicate entry 'x' for key 'parcel_uuid'"),
    IntegrityError("UNIQUE constraint failed: ring_parcel.parcel_uuid"),
    IntegrityError("NOT NULL constraint failed: ring_parcel.id"),
]


@pytest.mark.parametrize("error", AGAIN, ids=str)
def test_a_transaction_that_the_database_threw_out_runs_again(error: Exception) -> None:
    body = Flaky(error)

    assert in_transaction(body) == "done"

    assert body.runs == 2
    assert [parcel.weight for parcel in Parcel.objects.all()] == [2]  # nothing of the first run is left


@pytest.mark.parametrize("error", FINAL, ids=str)
def test_other_errors_are_not_repeated(error: Exception) -> None:
    body = Flaky(error)

    with pytest.raises(type(error)):
        in_transaction(body)

    assert body.runs == 1
    assert not Parcel.objects.exists()


def test_attempts_are_bounded() -> None:
    body = Flaky(*[OperationalError(1213, "Deadlock found")] * 9)

    with pytest.raises(OperationalError):
        in_transaction(body, attempts=3)

    assert body.runs == 3


def test_only_the_outermost_transaction_repeats() -> None:
    inner = Flaky(OperationalError(1213, "Deadlock found"))
    outer_runs = []

    @transactional
    def outer() -> str:
        outer_runs.append(inside_atomic())
        return in_transaction(inner)

    assert outer() == "done"
    assert (len(outer_runs), inner.runs) == (2, 2)


def test_a_real_twin_of_the_primary_key_is_met_by_another() -> None:
    taken = Parcel.objects.create().pk
    ids = [taken, taken, taken + 1]

    def body() -> int:
        return Parcel.objects.create(pk=ids.pop(0)).pk

    assert in_transaction(body) == taken + 1


def test_the_database_itself_says_again_in_words_we_know() -> None:
    Parcel.objects.create(pk=77)

    with pytest.raises(IntegrityError) as twin, transaction.atomic():
        Parcel.objects.bulk_create([Parcel(pk=77)])

    assert may_run_again(twin.value)


@pytest.mark.django_db(transaction=True)
def test_without_the_condition_two_movers_both_win() -> None:
    """The race itself, so that the next test is known to close something."""
    parcel = parcel_pack(weight=3, actor="user:alice")
    read = threading.Barrier(2)

    def unguarded(event: str) -> int:
        mine = Parcel.objects.get(pk=parcel.pk)
        read.wait()
        assert mine.status in PARCEL.sources(event)
        return Parcel.objects.filter(pk=mine.pk).update(status=PARCEL.target(event))

    assert race([lambda: unguarded("send"), lambda: unguarded("lose")]) == [1, 1]


@pytest.mark.django_db(transaction=True)
def test_of_many_movers_at_once_exactly_one_wins() -> None:
    parcel = parcel_pack(weight=3, actor="user:alice")
    pk: int = parcel.pk

    def mover() -> UUID:
        mine = Parcel.objects.get(pk=pk)
        return parcel_move(parcel=mine, event="send", actor="user:bob").parcel_uuid

    results = race([mover] * 8)

    assert sum(isinstance(result, UUID) for result in results) == 1
    assert sum(isinstance(result, StateConflict) for result in results) == 7
    assert Parcel.objects.get().version == 2
    assert ParcelTransition.objects.filter(event="send").count() == 1
    assert RingOutbox.objects.count() == 2
    assert connection.vendor in ("sqlite", "mysql")
