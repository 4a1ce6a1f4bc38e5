"""Orders that nobody paid: the provider is asked first, then the stock goes back. By the worker's job."""

from typing import Any

import pytest

from common.errors import PeerTimeout
from order.models import Order, OrderTransition, ProductStock
from order.tests.world import TEA, World

pytestmark = pytest.mark.django_db


def _state() -> tuple[int, int]:
    row = ProductStock.objects.get()
    return Order.objects.get().status, row.remote_stock + row.in_flight + row.unsent


def test_nothing_expires_before_its_time(place: Any, drain: Any, frozen_clock: Any) -> None:
    place()
    frozen_clock.move(minutes=29, seconds=59)

    drain()

    assert _state() == (0, 9)


def test_an_unpaid_order_expires(place: Any, world: World, drain: Any, frozen_clock: Any) -> None:
    place()
    frozen_clock.move(minutes=30)

    drain()

    assert _state() == (3, 10)
    assert world.goods[TEA].stock == 10
    assert world.told[-1]["type"] == "order.expired.v1"
    assert world.told[-1]["data"]["reason"] == "超时未支付"
    assert OrderTransition.objects.latest("id").actor == "system:expiry"


def test_its_payment_is_closed_before_the_stock_goes_back(
    place: Any, world: World, drain: Any, frozen_clock: Any
) -> None:
    paid = world.payment_for(place())
    seen: list[tuple[int, int]] = []
    close = world._close
    world.transport.on(
        "POST",
        "PaymentService",
        "/api/payment/{uuid}/cancel/",
        lambda call: (seen.append(_state()), close(call))[1],
    )
    frozen_clock.move(minutes=31)

    drain()

    assert seen == [(0, 9)]
    assert (paid.status, _state()) == ("cancelled", (3, 10))


@pytest.mark.parametrize("told", [True, False])
def test_an_order_that_was_paid_in_the_last_moment_stays_paid(
    place: Any, world: World, drain: Any, frozen_clock: Any, told: bool
) -> None:
    order = place()
    paid = world.payment_for(order, status="success")
    frozen_clock.move(minutes=31)

    drain()
    if told:  # the event comes as well, later
        world.tell("payment.succeeded.v1", paid)

    assert _state() == (1, 9)
    row = Order.objects.get()
    assert (row.closing_key, row.cancel_reason, row.payment_status) == ("", "", 2)


def test_while_payments_are_out_of_reach_nothing_is_released(
    place: Any, world: World, drain: Any, frozen_clock: Any
) -> None:
    place()
    world.transport.fail("PaymentService", error=PeerTimeout)
    for _ in range(5):
        frozen_clock.move(minutes=31)
        drain()
    assert _state() == (0, 9)

    world.transport.heal()
    for _ in range(3):
        frozen_clock.move(minutes=6)
        drain()

    assert _state() == (3, 10)


def test_a_payment_that_is_not_closed_yet_is_asked_again(
    place: Any, world: World, drain: Any, frozen_clock: Any
) -> None:
    paid = world.payment_for(place())
    world.close_outcome = "processing"
    frozen_clock.move(minutes=31)
    drain()
    assert _state() == (0, 9)

    world.close_outcome = "cancelled"
    frozen_clock.move(minutes=5)
    drain()

    assert (paid.status, _state()) == ("cancelled", (3, 10))


def test_expiry_and_cancellation_of_one_order_are_one(
    place: Any, world: World, drain: Any, frozen_clock: Any, api: Any, alice: Any
) -> None:
    order = place()
    world.transport.fail("PaymentService")
    frozen_clock.move(minutes=31)
    drain()

    assert api(alice).post(f"/api/orders/{order['order_uuid']}/cancel/", {}).status_code == 202
    world.transport.heal()
    frozen_clock.move(minutes=5)
    drain()

    assert _state() == (3, 10)
    assert OrderTransition.objects.filter(axis="status", target="cancelled").count() == 1


def test_an_expired_order_cannot_be_paid_even_before_the_job_ran(
    place: Any, frozen_clock: Any, api: Any, alice: Any
) -> None:
    order = place()
    frozen_clock.move(minutes=30)

    answer = api(alice).post(f"/api/orders/{order['order_uuid']}/pay/", {})

    assert (answer.status_code, answer.json()["name"]) == (409, "OrderNotPayable")
