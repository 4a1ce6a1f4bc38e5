"""The seller ships while the buyer's money is on its way back, before the order has heard of it."""

from decimal import Decimal
from typing import Any

import pytest

from order.models import Order
from order.tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def paid_order(world: World, place: Any) -> Any:
    order = place()
    return order, world.pay(order)


def _ship(api: Any, bob: Any, order: dict[str, Any]) -> Any:
    return api(bob).post(f"/api/orders/{order['order_uuid']}/ship/", {})


def test_what_was_given_back_a_moment_ago_is_not_shipped(
    world: World, paid_order: Any, api: Any, bob: Any
) -> None:
    order, paid = paid_order
    world.refund(paid, "299.00")

    answer = _ship(api, bob, order)

    seen = Order.objects.get()
    assert (answer.status_code, answer.json()["name"]) == (409, "OrderStateConflict")
    assert (seen.status, seen.fulfilment_status, seen.refunded_amount) == (3, 0, Decimal("299.00"))


def test_nor_what_is_on_its_way_back(world: World, paid_order: Any, api: Any, bob: Any) -> None:
    order, paid = paid_order
    theirs = world.refund(paid, "299.00", status="processing")

    assert _ship(api, bob, order).status_code == 409
    assert (Order.objects.get().status, Order.objects.get().fulfilment_status) == (1, 0)

    theirs["refund_status"] = "failed"
    assert _ship(api, bob, order).status_code == 200


def test_a_part_given_back_stops_nothing_and_is_known_at_once(
    world: World, paid_order: Any, api: Any, bob: Any
) -> None:
    order, paid = paid_order
    world.refund(paid, "9.00")

    assert _ship(api, bob, order).status_code == 200

    seen = Order.objects.get()
    assert (seen.fulfilment_status, seen.refunded_amount) == (1, Decimal("9.00"))


def test_a_payment_service_that_is_away_stops_nobody(
    world: World, paid_order: Any, api: Any, bob: Any
) -> None:
    order, _ = paid_order
    world.transport.fail("PaymentService", method="GET", path="/api/payment/{order}/", times=9)

    assert _ship(api, bob, order).status_code == 200
