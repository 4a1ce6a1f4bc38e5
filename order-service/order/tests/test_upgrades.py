"""Two versions side by side: schema, sagas and events of the release before and the one after."""

from typing import Any

import pytest

from common.testing.upgrades import changed_sagas, old_code_trouble, unsafe_operations
from order.models import Order, OrderInbox
from order.tests.world import World

pytestmark = pytest.mark.django_db

# Made before the first release, when no code had run before them.
BEFORE_THE_FIRST_RELEASE = ("0002_shipping_address_index",)


def test_each_migration_lets_the_code_before_it_go_on() -> None:
    found = unsafe_operations("order")

    assert [one for one in found if not one.startswith(BEFORE_THE_FIRST_RELEASE)] == []


def test_the_models_before_each_later_migration_write_on_the_newest_schema() -> None:
    found = old_code_trouble("order")

    assert [
        one for one in found if not any(f"before {name}" in one for name in BEFORE_THE_FIRST_RELEASE)
    ] == []


def test_a_saga_in_flight_finds_its_steps_as_it_left_them() -> None:
    assert changed_sagas("OrderService") == []


def _outcome(answer: Any) -> str:
    assert answer.status_code == 200, answer.content
    outcome: str = answer.json()["data"]["outcome"]
    return outcome


def test_a_newer_sender_may_say_more_than_we_know(place: Any, world: World) -> None:
    event = world.event("payment.succeeded.v1", world.payment_for(place(), status="success"), points=7)
    event["schema"] = "https://schemas.example/payment.json"

    assert _outcome(world.deliver(event)) == "handled"
    assert Order.objects.get().status == 1


def test_told_in_two_versions_we_act_once_on_the_one_we_know(
    place: Any, world: World, service_api: Any
) -> None:
    paid = world.payment_for(place(), status="success")
    known = world.event("payment.succeeded.v1", paid)
    newer = world.event("payment.succeeded.v1", paid) | {"type": "payment.succeeded.v2", "data": {"other": 1}}

    door = service_api("PaymentService")
    outcomes = [
        _outcome(door.post("/event/payment_notified_cm", one)) for one in (newer, known, newer, known)
    ]

    assert outcomes == ["ignored", "handled", "ignored", "duplicate"]
    assert OrderInbox.objects.count() == 1
    assert Order.objects.get().status == 1
