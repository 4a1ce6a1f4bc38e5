"""Sagas survive a death anywhere, a lost lease and a deploy."""

import io
import time
import uuid
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command

from common.errors import (
    Conflict,
    PeerTimeout,
)
from common.sagas import definition as definitions
from common.sagas.definition import Context, Saga, Step, step_key, undo_key
from common.sagas.models import SagaState
from common.sagas.runner import outcome_of, run, run_due
from common.tests.ring.models import Parcel, RingSaga
from common.tests.ring.services import parcel_move, parcel_pack
from common.tests.ring.states import ParcelStatus
from common.tests.world import LEASE_SECONDS, Killed, World, begin, finish, trip

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("saga_registry")]


# Crashes. Every boundary of three steps: before the effect, after it, and after the advance (before the
# next).
DEATHS = [(moment, name) for name in "abc" for moment in ("before", "after")]


@pytest.mark.parametrize(("moment", "name"), DEATHS)
def test_killed_anywhere_the_run_ends_as_if_nothing_had_happened(
    world: World, frozen_clock: Any, moment: str, name: str
) -> None:
    getattr(world, moment)[name] = [Killed()]
    row = begin(trip(world))

    with pytest.raises(Killed):
        run(row)

    assert run_due() is False  # its lease still runs: it might be alive
    frozen_clock.move(seconds=LEASE_SECONDS + 1)
    assert finish(frozen_clock).state == "done"
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
        run(begin(trip(world)))

    frozen_clock.move(seconds=LEASE_SECONDS + 1)
    assert finish(frozen_clock).state == "compensated"
    assert world.done == {}
    assert sorted(world.undone) == ["a", "b"]


def test_never_run_at_all_it_is_found(world: World, frozen_clock: Any) -> None:
    begin(trip(world))  # the process died between the commit and run()
    frozen_clock.move(seconds=LEASE_SECONDS + 1)

    assert finish(frozen_clock).state == "done"


def test_a_step_that_may_have_happened_unheard_is_undone_too_when_later_refused(
    world: World, frozen_clock: Any
) -> None:
    world.after["b"] = [Killed()]
    world.before["b"] = []
    with pytest.raises(Killed):
        run(begin(trip(world)))
    world.before["b"] = [Conflict()]  # on the second try the peer says no to everything
    frozen_clock.move(seconds=LEASE_SECONDS + 1)

    assert finish(frozen_clock).state == "compensated"
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

    run(begin(Saga("trip", 1, (Step("ship", ship, happened=happened),))))
    assert asked == []  # the first try knows that it is the first

    assert finish(frozen_clock).state == "done"
    assert (len(shipped), len(asked)) == (1, 1)
    assert RingSaga.objects.get().context["number"] == 1


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_local_step_commits_with_its_advance_exactly_once(frozen_clock: Any, moment: str) -> None:
    parcel = parcel_pack(weight=1, actor="user:alice")
    deaths = {moment: [Killed()]}

    def weigh(context: Context, key: UUID) -> Context:
        World.trouble(deaths, "before")
        mine = Parcel.objects.get(parcel_uuid=parcel.parcel_uuid)
        mine.weight += 1  # not idempotent at all
        mine.save(update_fields=["weight"])
        World.trouble(deaths, "after")
        return {"weight": mine.weight}

    row = begin(Saga("trip", 1, (Step("weigh", weigh, local=True),)))
    with pytest.raises(Killed):
        run(row)
    assert Parcel.objects.get().weight == 1
    frozen_clock.move(seconds=LEASE_SECONDS + 1)

    assert finish(frozen_clock).state == "done"
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

    outcome = run(begin(saga))

    assert outcome.state == "done"
    assert outcome.context["b"] == "from the worker"
    assert world.calls == ["a", "b", "b", "c"]
    assert RingSaga.objects.get().fence == 2


def test_a_stale_object_wins_nothing_of_a_run_that_has_moved_on(world: World, frozen_clock: Any) -> None:
    row = begin(trip(world))
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

    outcome = run(begin(Saga("trip", 1, (Step("move", move, local=True),))))

    assert outcome.state == "running"
    assert Parcel.objects.get(pk=parcel.pk).status == ParcelStatus.PACKED


# Versions.
def test_a_run_in_flight_keeps_the_version_it_began_with(world: World, frozen_clock: Any) -> None:
    old = trip(world, "a", "b")
    world.before["b"] = [PeerTimeout(peer="P")]
    run(begin(old))
    Saga("trip", 2, (world.step("x"),))  # the deploy

    assert finish(frozen_clock).state == "done"
    assert world.calls == ["a", "b", "b"]


def test_an_unknown_version_is_left_to_a_deploy_that_knows_it(world: World, frozen_clock: Any) -> None:
    saga = trip(world)
    row = begin(saga)
    run(row, deadline=time.monotonic() - 1)
    del definitions._known["trip", 1]

    left = RingSaga.objects.values().get()

    assert run(RingSaga.objects.get()).state == "running"
    assert not run_due()
    assert RingSaga.objects.values().get() == left
    assert "waits for a release that knows this version" in _listed()
    definitions._known["trip", 1] = saga

    run_due()  # at once: whoever does not know a run must not put it off for those who do
    assert RingSaga.objects.get().state == SagaState.DONE


def _listed() -> str:
    out = io.StringIO()
    call_command("saga", "list", stdout=out)
    return out.getvalue()


def test_runs_that_nobody_here_knows_stand_in_nobodys_way(world: World) -> None:
    saga, unknown = trip(world), Saga("trip", 2, (world.step("x"),))
    for number in range(3):
        run(begin(unknown, key=f"unknown {number}"), deadline=time.monotonic() - 1)
    del definitions._known["trip", 2]
    run(begin(saga), deadline=time.monotonic() - 1)

    assert run_due(limit=2)
    assert RingSaga.objects.get(definition_version=1).state == SagaState.DONE


def test_steps_need_names_of_their_own(world: World) -> None:
    with pytest.raises(ValueError):
        trip(world, "a", "a")
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
