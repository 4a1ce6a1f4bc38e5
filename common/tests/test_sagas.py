"""Sagas: stored steps, done in order, tried again, undone when refused."""

import threading
import time
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from common import clock, tracing
from common.errors import (
    CallInTransaction,
    Conflict,
    InvalidAmount,
    LeaseTimeout,
    PeerBroken,
    PeerRejected,
    PeerTimeout,
    PeerUnavailable,
)
from common.sagas.definition import Context, Saga, Step, StepRefused, StepWaiting, step_key
from common.sagas.models import SagaState
from common.sagas.runner import outcome_of, run, run_due, start
from common.testing.race import race
from common.tests.ring.models import RingSaga
from common.tests.world import ENTITY, World, begin, finish, trip

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("saga_registry")]


def test_a_run_does_its_steps_in_order_and_gathers_their_results(world: World, count_sql: Any) -> None:
    saga = trip(world)
    with count_sql() as started:
        row = begin(saga)
    with count_sql() as ran:
        outcome = run(row)

    assert (started.count, ran.count) == (1, 3), ran  # one INSERT; one UPDATE for each advance
    assert outcome.state == "done" and outcome.error is None
    assert world.calls == ["a", "b", "c"]
    assert outcome.context == {"given": "1.00", **{name: str(step_key(row.uuid, name)) for name in "abc"}}
    stored = RingSaga.objects.get()
    assert (stored.state, stored.lease_until, stored.finished_at is not None) == (SagaState.DONE, None, True)


def test_a_refused_step_undoes_what_was_done_in_reverse(world: World) -> None:
    world.before["c"] = [PeerRejected(peer="PaymentService", peer_status=422, peer_code="6003")]

    outcome = run(begin(trip(world)))

    assert outcome.state == "compensated"
    assert isinstance(outcome.error, PeerRejected) and outcome.error.params["peer"] == "PaymentService"
    assert world.calls == ["a", "b", "c", "undo b", "undo a"]  # c did nothing, so nothing of it is undone
    assert world.done == {}


def test_refusing_by_name_carries_the_error_out(world: World) -> None:
    world.before["b"] = [
        StepRefused(InvalidAmount(fields={"amount": ["too_much: 3"]}, data={"most": "2.00"}))
    ]

    run(begin(trip(world)))
    error = outcome_of(RingSaga.objects.get()).error

    assert isinstance(error, InvalidAmount)
    assert (error.fields, error.data) == ({"amount": ["too_much: 3"]}, {"most": "2.00"})


def test_steps_without_an_undo_are_passed_over_in_one_statement(world: World, count_sql: Any) -> None:
    saga = Saga(
        "trip",
        1,
        (world.step("a"), world.step("b", undo=False), world.step("c", undo=False), world.step("d")),
    )
    world.before["d"] = [Conflict()]
    row = begin(saga)

    with count_sql() as log:
        assert run(row).state == "compensated"

    assert world.calls == ["a", "b", "c", "d", "undo a"]
    assert log.count == 5, log


def test_the_first_step_refused_has_nothing_to_undo(world: World) -> None:
    world.before["a"] = [Conflict()]

    assert run(begin(trip(world))).state == "compensated"
    assert world.calls == ["a"]


@pytest.mark.parametrize(
    "error",
    [
        PeerTimeout(peer="P"),
        PeerBroken(peer="P"),
        PeerUnavailable(peer="P"),
        LeaseTimeout(),
        PeerRejected(peer="P", peer_status=409, peer_code="1011"),
        PeerRejected(peer="P", peer_status=409, retry_after=1),
        CallInTransaction(),
        RuntimeError("a bug"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_may_pass_is_tried_again_with_the_same_key(
    world: World, error: Exception, frozen_clock: Any
) -> None:
    world.before["b"] = [error]
    row = begin(trip(world))

    first = run(row)

    assert first.state == "running"
    assert RingSaga.objects.get().lease_until is None
    assert run_due() is False  # not yet due
    frozen_clock.move(seconds=2)
    assert run_due() is True
    assert outcome_of(RingSaga.objects.get()).state == "done"
    assert world.calls == ["a", "b", "b", "c"]
    assert len(world.done) == 3


def test_a_step_may_wait_without_using_up_its_tries(world: World, frozen_clock: Any) -> None:
    world.before["b"] = [StepWaiting(60)] * 30
    run(begin(trip(world, retries=2)))

    assert run_due() is False
    frozen_clock.move(seconds=61)
    assert run_due() is True
    assert finish(frozen_clock).state == "done"


def test_patience_ends_in_a_park(world: World, frozen_clock: Any) -> None:
    world.before["a"] = [StepWaiting(60)] * 30
    run(begin(trip(world, patience=3600)))

    assert finish(frozen_clock).state == "parked"
    assert world.done == {}


def test_a_second_start_returns_the_first_run_and_leaves_it_to_its_runner(world: World) -> None:
    saga = trip(world)
    first = begin(saga, context={"amount": "1.00"})
    second = begin(saga, context={"amount": "9.00"})

    assert second.uuid == first.uuid
    assert run(second).state == "running"  # the first has the lease
    assert world.calls == []
    assert run(first).state == "done"
    assert run(begin(saga)).state == "done"  # a third learns the outcome
    assert world.calls == ["a", "b", "c"]
    assert RingSaga.objects.count() == 1


def test_a_refused_duplicate_never_undoes_the_first_run(world: World) -> None:
    """A failed second attempt must not give back what the first one bought (it did, elsewhere)."""
    first = run(begin(trip(world), key="first"))
    world.before["c"] = [Conflict()]

    second = run(begin(trip(world), key="second"))

    assert (first.state, second.state) == ("done", "compensated")
    assert sorted(world.done.values()) == ["a", "b", "c"]


def test_a_start_that_is_rolled_back_never_was(world: World) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        start(trip(world), key="k", context={}, entity=ENTITY)
        raise ZeroDivisionError

    assert not RingSaga.objects.exists()


def test_running_inside_a_transaction_is_refused(world: World) -> None:
    row = begin(trip(world))

    with pytest.raises(RuntimeError), transaction.atomic():
        run(row)

    assert world.calls == []


def test_out_of_time_the_worker_gets_the_rest(world: World) -> None:
    row = begin(trip(world))

    outcome = run(row, deadline=time.monotonic() - 1)

    assert outcome.state == "running" and world.calls == []
    assert run_due() is True
    assert outcome_of(RingSaga.objects.get()).state == "done"
    assert RingSaga.objects.get().uncertain is False


def test_started_for_the_worker_nobody_waits(world: World) -> None:
    with transaction.atomic():
        start(trip(world), key="k", context={}, entity=ENTITY, inline=False)

    assert run_due() is True

    stored = RingSaga.objects.get()
    assert (stored.state, stored.uncertain) == (SagaState.DONE, False)


def test_the_worker_runs_it_in_the_name_of_the_request_that_started_it(world: World) -> None:
    seen: list[tracing.RequestContext] = []

    def look(context: Context, key: UUID) -> None:
        seen.append(tracing.current())

    saga = Saga("trip", 1, (Step("look", look),))
    trace = "00-11111111111111111111111111111111-2222222222222222-01"
    origin = tracing.RequestContext(request_id="req-9", traceparent=trace, language="en", actor="user:alice")
    with tracing.bound(origin):
        row = begin(saga)
    run(row, deadline=time.monotonic() - 1)

    run_due()

    assert [(it.request_id, it.traceparent, it.language, it.actor) for it in seen] == [
        ("req-9", trace, "en", "user:alice")
    ]
    assert seen[0].deadline is not None


@pytest.mark.django_db(transaction=True)
def test_without_the_claim_two_runners_do_the_same_step(world: World) -> None:
    """The race itself: only the step's key saves the peer from doing it twice."""
    both = threading.Barrier(2)

    def meet(context: Context, key: UUID) -> Context:
        both.wait(10)
        return world.act("a", key)

    row = begin(Saga("trip", 1, (Step("a", meet),)))
    twins = [RingSaga.objects.get(pk=row.pk) for _ in range(2)]
    for twin in twins:
        twin.is_leased_here = True  # as if it had won the claim

    outcomes = race([partial(run, twin) for twin in twins])

    assert world.calls == ["a", "a"]
    assert len(world.done) == 1
    assert {outcome.state for outcome in outcomes} == {"done"}


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_runs_eachtrip(world: World) -> None:
    saga = trip(world)
    for number in range(5):
        run(begin(saga, key=f"k{number}"), deadline=time.monotonic() - 1)

    results = race([run_due] * 4)

    assert all(isinstance(result, bool) for result in results), results
    assert sorted(world.calls) == ["a"] * 5 + ["b"] * 5 + ["c"] * 5
    assert set(RingSaga.objects.values_list("state", flat=True)) == {SagaState.DONE}
    assert not RingSaga.objects.filter(updated_at__gt=clock.now()).exists()


@pytest.mark.django_db(transaction=True)
def test_of_many_starts_with_one_key_one_runs(world: World) -> None:
    saga = trip(world)

    outcomes = race([lambda: run(begin(saga))] * 6)

    assert {outcome.state for outcome in outcomes} <= {"done", "running"}
    assert world.calls == ["a", "b", "c"]
    assert RingSaga.objects.count() == 1
