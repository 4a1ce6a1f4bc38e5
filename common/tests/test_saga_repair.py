"""Where nobody may guess a saga parks; an operator decides, and figures tell."""

import io
import uuid
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from common.errors import (
    Conflict,
    PeerBroken,
    PeerTimeout,
    PeerUnavailable,
)
from common.sagas.definition import Saga, Step
from common.sagas.figures import SagaCollector, saga_figures
from common.sagas.repair import saga_park
from common.sagas.runner import run, run_due
from common.tests.ring.models import RingSaga
from common.tests.world import World, begin, finish, trip

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("saga_registry")]


def test_tries_used_up_park_the_run_and_tell_somebody(world: World, frozen_clock: Any) -> None:
    told: list[str] = []
    saga = Saga("trip", 1, (world.step("a", retries=3),), on_parked=lambda row: told.append(row.last_error))
    world.before["a"] = [PeerBroken(peer="P")] * 9
    run(begin(saga))

    outcome = finish(frozen_clock)

    assert outcome.state == "parked"
    assert world.calls == ["a"] * 4
    assert told and "PeerBroken" in told[0]
    assert run_due() is False


def test_an_alert_that_fails_does_not_unpark(world: World, frozen_clock: Any) -> None:
    saga = Saga("trip", 1, (world.step("a", retries=0),), on_parked=lambda row: 1 / 0)
    world.before["a"] = [PeerBroken(peer="P")]

    assert run(begin(saga)).state == "parked"


def test_an_outage_however_long_parks_nothing(world: World, frozen_clock: Any) -> None:
    world.before["a"] = [PeerUnavailable(peer="P")] * 50
    run(begin(trip(world)))

    assert finish(frozen_clock).state == "done"


def test_an_operator_resumes_a_parked_run(world: World, frozen_clock: Any) -> None:
    world.before["b"] = [PeerBroken(peer="P")] * 13
    row = begin(trip(world))
    run(row)
    assert finish(frozen_clock).state == "parked"
    out = io.StringIO()
    call_command("saga", "list", stdout=out)
    assert str(row.uuid) in out.getvalue() and "parked" in out.getvalue()

    call_command("saga", "resume", str(row.uuid), stdout=out)

    assert finish(frozen_clock).state == "done"
    with pytest.raises(CommandError):
        call_command("saga", "resume", str(row.uuid))
    with pytest.raises(CommandError, match="No run has the UUID"):
        call_command("saga", "resume", str(uuid.uuid4()))


def test_an_operator_turns_a_parked_run_back_with_the_step_that_may_have_happened(
    world: World, frozen_clock: Any
) -> None:
    world.after["b"] = [PeerBroken(peer="P")] * 13  # it happened, and nobody ever heard
    row = begin(trip(world))
    run(row)
    finish(frozen_clock)

    call_command("saga", "undo", str(row.uuid), stdout=io.StringIO())

    assert finish(frozen_clock).state == "compensated"
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
    row = begin(saga)

    outcome = run(row)

    assert outcome.state == "parked"
    assert world.calls == ["a"]
    assert RingSaga.objects.get().last_error == "parked by an operator: look first"


def test_an_undo_that_fails_is_tried_again_and_then_parks(world: World, frozen_clock: Any) -> None:
    world.before["b"] = [Conflict()]
    world.before["undo a"] = [Conflict(), PeerTimeout(peer="P")]

    assert run(begin(trip(world))).state == "running"
    assert finish(frozen_clock).state == "compensated"
    assert world.calls == ["a", "b", "undo a", "undo a", "undo a"]
    assert world.done == {}


def test_an_undo_that_never_works_parks_where_it_was_and_resumes_there(
    world: World, frozen_clock: Any
) -> None:
    world.before["b"] = [Conflict()]
    world.before["undo a"] = [PeerBroken(peer="P")] * 13
    row = begin(trip(world))
    run(row)
    assert finish(frozen_clock).state == "parked"

    call_command("saga", "resume", str(row.uuid), stdout=io.StringIO())

    assert finish(frozen_clock).state == "compensated"
    assert world.done == {}


def test_figures_tell_what_is_not_at_rest(world: World, frozen_clock: Any) -> None:
    world.before["a"] = [PeerTimeout(peer="P")]
    run(begin(trip(world)))
    frozen_clock.move(seconds=0.5)

    assert saga_figures() == {("trip", "running"): (1, 0.5)}
    samples = {sample.name: sample.value for metric in SagaCollector().collect() for sample in metric.samples}
    assert samples == {"sagas_unfinished": 1, "saga_oldest_seconds": 0.5}
