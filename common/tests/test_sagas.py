"""Sagas: stored steps that survive a crash anywhere, undo only what they did, and stop where nobody may
guess.
"""

import io
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
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
from common.sagas import definition as definitions
from common.sagas.definition import Context, Saga, Step, StepRefused, StepWaiting, step_key, undo_key
from common.sagas.figures import SagaCollector, saga_figures
from common.sagas.models import SagaState
from common.sagas.repair import saga_park
from common.sagas.runner import Outcome, outcome_of, run, run_due, start
from common.testing.race import race
from common.tests.ring.models import Parcel, RingSaga
from common.tests.ring.services import parcel_move, parcel_pack
from common.tests.ring.states import ParcelStatus

pytestmark = pytest.mark.django_db

LEASE_SECONDS = settings.CFMP.lease_seconds

ENTITY = UUID("01900000-0000-7000-8000-000000000001")


class Killed(BaseException):
    """kill -9: no handler runs, nothing more is written."""


@dataclass
class World:
    """The peers: they do things once per key, and can be told to fail before or after the effect."""

    done: dict[UUID, str] = field(default_factory=dict)
    undone: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    before: dict[str, list[BaseException]] = field(default_factory=dict)
    after: dict[str, list[BaseException]] = field(default_factory=dict)

    def act(self, name: str, key: UUID) -> Context:
        self.calls.append(name)
        self._trouble(self.before, name)
        self.done[key] = name
        self._trouble(self.after, name)
        return {name: str(key)}

    def reverse(self, name: str, key: UUID) -> None:
        self.calls.append(f"undo {name}")
        self._trouble(self.before, f"undo {name}")
        if self.done.pop(key, None):
            self.undone.append(name)
        self._trouble(self.after, f"undo {name}")

    @staticmethod
    def _trouble(troubles: dict[str, list[BaseException]], name: str) -> None:
        if troubles.get(name):
            raise troubles[name].pop(0)

    def step(self, name: str, *, undo: bool = True, **options: Any) -> Step:
        reverse = (lambda context, key: self.reverse(name, key)) if undo else None
        return Step(name, lambda context, key: self.act(name, key), reverse, **options)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(autouse=True)
def registry() -> Iterator[None]:
    """Definitions made by a test are forgotten after it."""
    before = dict(definitions._known)
    yield
    definitions._known.clear()
    definitions._known.update(before)


def _saga(world: World, *names: str, **options: Any) -> Saga:
    return Saga("trip", 1, tuple(world.step(name, **options) for name in names or ("a", "b", "c")))


def _start(saga: Saga, key: str = "k", context: Context | None = None) -> Any:
    with transaction.atomic():
        return start(saga, key=key, context=context or {"given": "1.00"}, entity=ENTITY)


def _finish(clock_: Any) -> Outcome:
    """Let the worker do all it can, however long it takes."""
    for _ in range(60):
        while run_due():
            pass
        row = RingSaga.objects.get()
        if row.state in (SagaState.DONE, SagaState.COMPENSATED, SagaState.PARKED):
            break
        clock_.move(seconds=400)
    return outcome_of(RingSaga.objects.get())


def test_a_run_does_its_steps_in_order_and_gathers_their_results(world: World, count_sql: Any) -> None:
    saga = _saga(world)
    with count_sql() as started:
        row = _start(saga)
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

    outcome = run(_start(_saga(world)))

    assert outcome.state == "compensated"
    assert isinstance(outcome.error, PeerRejected) and outcome.error.params["peer"] == "PaymentService"
    assert world.calls == ["a", "b", "c", "undo b", "undo a"]  # c did nothing, so nothing of it is undone
    assert world.done == {}


def test_refusing_by_name_carries_the_error_out(world: World) -> None:
    world.before["b"] = [
        StepRefused(InvalidAmount(fields={"amount": ["too_much: 3"]}, data={"most": "2.00"}))
    ]

    run(_start(_saga(world)))
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
    row = _start(saga)

    with count_sql() as log:
        assert run(row).state == "compensated"

    assert world.calls == ["a", "b", "c", "d", "undo a"]
    assert log.count == 5, log


def test_the_first_step_refused_has_nothing_to_undo(world: World) -> None:
    world.before["a"] = [Conflict()]

    assert run(_start(_saga(world))).state == "compensated"
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
    row = _start(_saga(world))

    first = run(row)

    assert first.state == "running"
    assert RingSaga.objects.get().lease_until is None
    assert run_due() is False  # not yet due
    frozen_clock.move(seconds=2)
    assert run_due() is True
    assert outcome_of(RingSaga.objects.get()).state == "done"
    assert world.calls == ["a", "b", "b", "c"]
    assert len(world.done) == 3


def test_tries_used_up_park_the_run_and_tell_somebody(world: World, frozen_clock: Any) -> None:
    told: list[str] = []
    saga = Saga("trip", 1, (world.step("a", retries=3),), on_parked=lambda row: told.append(row.last_error))
    world.before["a"] = [PeerBroken(peer="P")] * 9
    run(_start(saga))

    outcome = _finish(frozen_clock)

    assert outcome.state == "parked"
    assert world.calls == ["a"] * 4
    assert told and "PeerBroken" in told[0]
    assert run_due() is False


def test_an_alert_that_fails_does_not_unpark(world: World, frozen_clock: Any) -> None:
    saga = Saga("trip", 1, (world.step("a", retries=0),), on_parked=lambda row: 1 / 0)
    world.before["a"] = [PeerBroken(peer="P")]

    assert run(_start(saga)).state == "parked"


def test_an_outage_however_long_parks_nothing(world: World, frozen_clock: Any) -> None:
    world.before["a"] = [PeerUnavailable(peer="P")] * 50
    run(_start(_saga(world)))

    assert _finish(frozen_clock).state == "done"


def test_an_operator_resumes_a_parked_run(world: World, frozen_clock: Any) -> None:
    world.before["b"] = [PeerBroken(peer="P")] * 13
    row = _start(_saga(world))
    run(row)
    assert _finish(frozen_clock).state == "parked"
    out = io.StringIO()
    call_command("saga", "list", stdout=out)
    assert str(row.uuid) in out.getvalue() and "parked" in out.getvalue()

    call_command("saga", "resume", str(row.uuid), stdout=out)

    assert _finish(frozen_clock).state == "done"
    with pytest.raises(CommandError):
        call_command("saga", "resume", str(row.uuid))
    with pytest.raises(CommandError):
        call_command("saga", "resume", str(uuid.uuid4()))


def test_an_operator_turns_a_parked_run_back_with_the_step_that_may_have_happened(
    world: World, frozen_clock: Any
) -> None:
    world.after["b"] = [PeerBroken(peer="P")] * 13  # it happened, and nobody ever heard
    row = _start(_saga(world))
    run(row)
    _finish(frozen_clock)

    call_command("saga", "undo", str(row.uuid), stdout=io.StringIO())

    assert _finish(frozen_clock).state == "compensated"
    assert world.undone == ["b", "a"]


def test_an_operator_parks_a_run_and_its_runner_stops(world: World) -> None:
    parked: list[Any] = []
    saga = Saga(
        "trip",
        1,
        (
            world.step("a"),
            Step(
                "park me",
                lambda context, key: parked.append(saga_park(row.uuid, reason="look first")) or None,
            ),
            world.step("c"),
        ),
    )
    row = _start(saga)

    outcome = run(row)

    assert outcome.state == "parked"
    assert world.calls == ["a"]
    assert RingSaga.objects.get().last_error == "parked by an operator: look first"


def test_a_step_may_wait_without_using_up_its_tries(world: World, frozen_clock: Any) -> None:
    world.before["b"] = [StepWaiting(60)] * 30
    run(_start(_saga(world, retries=2)))

    assert run_due() is False
    frozen_clock.move(seconds=61)
    assert run_due() is True
    assert _finish(frozen_clock).state == "done"


def test_patience_ends_in_a_park(world: World, frozen_clock: Any) -> None:
    world.before["a"] = [StepWaiting(60)] * 30
    run(_start(_saga(world, patience=3600)))

    assert _finish(frozen_clock).state == "parked"
    assert world.done == {}


def test_an_undo_that_fails_is_tried_again_and_then_parks(world: World, frozen_clock: Any) -> None:
    world.before["b"] = [Conflict()]
    world.before["undo a"] = [Conflict(), PeerTimeout(peer="P")]

    assert run(_start(_saga(world))).state == "running"
    assert _finish(frozen_clock).state == "compensated"
    assert world.calls == ["a", "b", "undo a", "undo a", "undo a"]
    assert world.done == {}


def test_an_undo_that_never_works_parks_where_it_was_and_resumes_there(
    world: World, frozen_clock: Any
) -> None:
    world.before["b"] = [Conflict()]
    world.before["undo a"] = [PeerBroken(peer="P")] * 13
    row = _start(_saga(world))
    run(row)
    assert _finish(frozen_clock).state == "parked"

    call_command("saga", "resume", str(row.uuid), stdout=io.StringIO())

    assert _finish(frozen_clock).state == "compensated"
    assert world.done == {}


def test_a_second_start_returns_the_first_run_and_leaves_it_to_its_runner(world: World) -> None:
    saga = _saga(world)
    first = _start(saga, context={"amount": "1.00"})
    second = _start(saga, context={"amount": "9.00"})

    assert second.uuid == first.uuid
    assert run(second).state == "running"  # the first has the lease
    assert world.calls == []
    assert run(first).state == "done"
    assert run(_start(saga)).state == "done"  # a third learns the outcome
    assert world.calls == ["a", "b", "c"]
    assert RingSaga.objects.count() == 1


def test_a_refused_duplicate_never_undoes_the_first_run(world: World) -> None:
    """A failed second attempt must not give back what the first one bought (it did, elsewhere)."""
    first = run(_start(_saga(world), key="first"))
    world.before["c"] = [Conflict()]

    second = run(_start(_saga(world), key="second"))

    assert (first.state, second.state) == ("done", "compensated")
    assert sorted(world.done.values()) == ["a", "b", "c"]


def test_a_start_that_is_rolled_back_never_was(world: World) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        start(_saga(world), key="k", context={}, entity=ENTITY)
        raise ZeroDivisionError

    assert not RingSaga.objects.exists()


def test_running_inside_a_transaction_is_refused(world: World) -> None:
    row = _start(_saga(world))

    with pytest.raises(RuntimeError), transaction.atomic():
        run(row)

    assert world.calls == []


def test_out_of_time_the_worker_gets_the_rest(world: World) -> None:
    row = _start(_saga(world))

    outcome = run(row, deadline=time.monotonic() - 1)

    assert outcome.state == "running" and world.calls == []
    assert run_due() is True
    assert outcome_of(RingSaga.objects.get()).state == "done"
    assert RingSaga.objects.get().uncertain is False


def test_started_for_the_worker_nobody_waits(world: World) -> None:
    with transaction.atomic():
        start(_saga(world), key="k", context={}, entity=ENTITY, inline=False)

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
        row = _start(saga)
    run(row, deadline=time.monotonic() - 1)

    run_due()

    assert [(it.request_id, it.traceparent, it.language, it.actor) for it in seen] == [
        ("req-9", trace, "en", "user:alice")
    ]
    assert seen[0].deadline is not None


# Crashes. Every boundary of three steps: before the effect, after it, and after the advance (before the
# next).
DEATHS = [(moment, name) for name in "abc" for moment in ("before", "after")]


@pytest.mark.parametrize(("moment", "name"), DEATHS)
def test_killed_anywhere_the_run_ends_as_if_nothing_had_happened(
    world: World, frozen_clock: Any, moment: str, name: str
) -> None:
    getattr(world, moment)[name] = [Killed()]
    row = _start(_saga(world))

    with pytest.raises(Killed):
        run(row)

    assert run_due() is False  # its lease still runs: it might be alive
    frozen_clock.move(seconds=LEASE_SECONDS + 1)
    assert _finish(frozen_clock).state == "done"
    assert sorted(world.done.values()) == ["a", "b", "c"]
    assert outcome_of(RingSaga.objects.get()).context == {
        "given": "1.00",
        **{step: str(step_key(row.uuid, step)) for step in "abc"},
    }


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("name", ["undo b", "undo a"])
def test_killed_while_undoing_it_is_all_undone(
    world: World, frozen_clock: Any, moment: str, name: str
) -> None:
    world.before["c"] = [Conflict()]
    getattr(world, moment)[name] = [Killed()]

    with pytest.raises(Killed):
        run(_start(_saga(world)))

    frozen_clock.move(seconds=LEASE_SECONDS + 1)
    assert _finish(frozen_clock).state == "compensated"
    assert world.done == {}
    assert sorted(world.undone) == ["a", "b"]


def test_never_run_at_all_it_is_found(world: World, frozen_clock: Any) -> None:
    _start(_saga(world))  # the process died between the commit and run()
    frozen_clock.move(seconds=LEASE_SECONDS + 1)

    assert _finish(frozen_clock).state == "done"


def test_a_step_that_may_have_happened_unheard_is_undone_too_when_later_refused(
    world: World, frozen_clock: Any
) -> None:
    world.after["b"] = [Killed()]
    world.before["b"] = []
    with pytest.raises(Killed):
        run(_start(_saga(world)))
    world.before["b"] = [Conflict()]  # on the second try the peer says no to everything
    frozen_clock.move(seconds=LEASE_SECONDS + 1)

    assert _finish(frozen_clock).state == "compensated"
    assert world.undone == ["b", "a"]
    assert world.done == {}


def test_an_unkeyed_step_asks_whether_it_happened_before_it_does_it_again(frozen_clock: Any) -> None:
    """For peers that know no keys: how to tell that it already happened."""
    shipped: list[str] = []
    asked: list[str] = []
    lost = [PeerTimeout(peer="P")]

    def ship(context: Context, key: UUID) -> Context:
        shipped.append(str(key))
        if lost:
            raise lost.pop()
        return {"number": 1}

    def happened(context: Context, key: UUID) -> Context | None:
        asked.append(str(key))
        return {"number": 1} if shipped else None

    run(_start(Saga("trip", 1, (Step("ship", ship, happened=happened),))))
    assert asked == []  # the first try knows that it is the first

    assert _finish(frozen_clock).state == "done"
    assert (len(shipped), len(asked)) == (1, 1)
    assert RingSaga.objects.get().context["number"] == 1


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_local_step_commits_with_its_advance_exactly_once(frozen_clock: Any, moment: str) -> None:
    parcel = parcel_pack(weight=1, actor="user:alice")
    deaths = {moment: [Killed()]}

    def weigh(context: Context, key: UUID) -> Context:
        World._trouble(deaths, "before")
        mine = Parcel.objects.get(parcel_uuid=parcel.parcel_uuid)
        mine.weight += 1  # not idempotent at all
        mine.save(update_fields=["weight"])
        World._trouble(deaths, "after")
        return {"weight": mine.weight}

    row = _start(Saga("trip", 1, (Step("weigh", weigh, local=True),)))
    with pytest.raises(Killed):
        run(row)
    assert Parcel.objects.get().weight == 1
    frozen_clock.move(seconds=LEASE_SECONDS + 1)

    assert _finish(frozen_clock).state == "done"
    assert Parcel.objects.get().weight == 2
    assert RingSaga.objects.get().context["weight"] == 2


def test_a_runner_that_lost_its_lease_does_no_harm(world: World, frozen_clock: Any) -> None:
    """It slept through its lease inside a step; the worker has long finished when it wakes."""

    def sleep(context: Context, key: UUID) -> Context:
        world.act("b", key)
        if len(world.calls) == 2:
            frozen_clock.move(seconds=LEASE_SECONDS + 1)
            assert run_due() is True
        return {"b": "from a sleeper" if len(world.calls) == 2 else "from the worker"}

    saga = Saga("trip", 1, (world.step("a"), Step("b", sleep), world.step("c")))

    outcome = run(_start(saga))

    assert outcome.state == "done"
    assert outcome.context["b"] == "from the worker"
    assert world.calls == ["a", "b", "b", "c"]
    assert RingSaga.objects.get().fence == 2


def test_a_stale_object_wins_nothing_of_a_run_that_has_moved_on(world: World, frozen_clock: Any) -> None:
    row = _start(_saga(world))
    stale = RingSaga.objects.get()
    run(row)  # ends, and with it its lease; the fence is still the one that `stale` has seen

    outcome = run(stale)

    assert world.calls == ["a", "b", "c"]
    assert (outcome.state, RingSaga.objects.get().lease_until) == ("done", None)


def test_a_local_step_of_a_runner_that_lost_its_lease_is_rolled_back(frozen_clock: Any) -> None:
    parcel = parcel_pack(weight=1, actor="user:alice")

    def move(context: Context, key: UUID) -> None:
        RingSaga.objects.update(fence=7)  # somebody took over in this very moment
        parcel_move(parcel=Parcel.objects.get(), event="send", actor="service:OrderService")

    outcome = run(_start(Saga("trip", 1, (Step("move", move, local=True),))))

    assert outcome.state == "running"
    assert Parcel.objects.get(pk=parcel.pk).status == ParcelStatus.PACKED


# Versions.
def test_a_run_in_flight_keeps_the_version_it_began_with(world: World, frozen_clock: Any) -> None:
    old = _saga(world, "a", "b")
    world.before["b"] = [PeerTimeout(peer="P")]
    run(_start(old))
    Saga("trip", 2, (world.step("x"),))  # the deploy

    assert _finish(frozen_clock).state == "done"
    assert world.calls == ["a", "b", "b"]


def test_an_unknown_version_is_left_to_a_deploy_that_knows_it(world: World, frozen_clock: Any) -> None:
    saga = _saga(world)
    row = _start(saga)
    run(row, deadline=time.monotonic() - 1)
    del definitions._known["trip", 1]

    assert run(RingSaga.objects.get()).state == "running"
    run_due()
    assert RingSaga.objects.get().attempts == 0
    definitions._known["trip", 1] = saga

    assert _finish(frozen_clock).state == "done"


def test_steps_need_names_of_their_own(world: World) -> None:
    with pytest.raises(ValueError):
        _saga(world, "a", "a")
    with pytest.raises(ValueError):
        Saga("trip", 1, ())


def test_keys_are_stable_and_apart() -> None:
    run_one, run_two = uuid.uuid4(), uuid.uuid4()

    assert step_key(run_one, "a") == step_key(run_one, "a")
    keys = {
        step_key(run_one, "a"),
        step_key(run_one, "b"),
        step_key(run_two, "a"),
        undo_key(step_key(run_one, "a")),
    }
    assert len(keys) == 4


def test_figures_tell_what_is_not_at_rest(world: World, frozen_clock: Any) -> None:
    world.before["a"] = [PeerTimeout(peer="P")]
    run(_start(_saga(world)))
    frozen_clock.move(seconds=0.5)

    assert saga_figures() == {("trip", "running"): (1, 0.5)}
    samples = {sample.name: sample.value for metric in SagaCollector().collect() for sample in metric.samples}
    assert samples == {"sagas_unfinished": 1, "saga_oldest_seconds": 0.5}


@pytest.mark.django_db(transaction=True)
def test_without_the_claim_two_runners_do_the_same_step(world: World) -> None:
    """The race itself: only the step's key saves the peer from doing it twice."""
    both = threading.Barrier(2)

    def meet(context: Context, key: UUID) -> Context:
        both.wait(10)
        return world.act("a", key)

    row = _start(Saga("trip", 1, (Step("a", meet),)))
    twins = [RingSaga.objects.get(pk=row.pk) for _ in range(2)]
    for twin in twins:
        twin.is_leased_here = True  # as if it had won the claim

    outcomes = race([partial(run, twin) for twin in twins])

    assert world.calls == ["a", "a"]
    assert len(world.done) == 1
    assert {outcome.state for outcome in outcomes} == {"done"}


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_runs_each_saga(world: World) -> None:
    saga = _saga(world)
    for number in range(5):
        run(_start(saga, key=f"k{number}"), deadline=time.monotonic() - 1)

    results = race([run_due] * 4)

    assert all(isinstance(result, bool) for result in results), results
    assert sorted(world.calls) == ["a"] * 5 + ["b"] * 5 + ["c"] * 5
    assert set(RingSaga.objects.values_list("state", flat=True)) == {SagaState.DONE}
    assert not RingSaga.objects.filter(updated_at__gt=clock.now()).exists()


@pytest.mark.django_db(transaction=True)
def test_of_many_starts_with_one_key_one_runs(world: World) -> None:
    saga = _saga(world)

    outcomes = race([lambda: run(_start(saga))] * 6)

    assert {outcome.state for outcome in outcomes} <= {"done", "running"}
    assert world.calls == ["a", "b", "c"]
    assert RingSaga.objects.count() == 1
