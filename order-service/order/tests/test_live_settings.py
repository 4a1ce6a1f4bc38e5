"""What an operator may change while the service runs acts on the next order, without a restart."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from order.models import Order
from order.tests.world import CUP, TEA, World

pytestmark = pytest.mark.django_db


def test_a_closed_shop_takes_no_orders_and_reserves_nothing(
    api: Any, world: World, place: Any, alice: Any, set_live: Any
) -> None:
    set_live(order_accepting=False)

    answer = api(alice).post("/api/orders/", world.order_body(), key="k-1")

    assert (answer.status_code, answer.json()["code"]) == (503, "5019")
    assert Order.objects.count() == 0 and world.transport.calls == []
    set_live(order_accepting=True)
    assert api(alice).post("/api/orders/", world.order_body(), key="k-1").status_code == 200


def test_the_number_of_products_in_an_order_is_limited(
    api: Any, world: World, alice: Any, set_live: Any
) -> None:
    products = [{"product_uuid": str(one), "quantity": 1} for one in (TEA, CUP)]
    set_live(order_max_lines=1)

    answer = api(alice).post("/api/orders/", world.order_body(products=products))

    assert answer.status_code == 400 and "products" in answer.content.decode()
    assert Order.objects.count() == 0
    set_live(order_max_lines=2)
    assert api(alice).post("/api/orders/", world.order_body(products=products)).status_code == 200


def test_what_an_order_costs_is_limited(api: Any, world: World, alice: Any, set_live: Any) -> None:
    set_live(order_max_amount=Decimal("298.99"))
    assert api(alice).post("/api/orders/", world.order_body()).json()["code"] == "1014"
    assert Order.objects.count() == 0

    set_live(order_max_amount=Decimal("299.00"))
    assert api(alice).post("/api/orders/", world.order_body()).status_code == 200


def test_an_order_lives_as_long_as_the_setting_said_when_it_was_placed(place: Any, set_live: Any) -> None:
    before = place()
    set_live(order_expire_minutes=5)
    after = place()

    assert before["expires_at"] == "2026-11-21T02:30:00Z"
    assert after["expires_at"] == "2026-11-21T02:05:00Z"


def test_the_days_until_an_order_completes_by_itself(
    api: Any, world: World, place: Any, bob: Any, drain: Any, frozen_clock: Any, set_live: Any
) -> None:
    set_live(auto_complete_days=2, logistics_step_seconds=1.0)
    order = place()
    world.pay(order)
    api(bob).post(f"/api/orders/{order['order_uuid']}/ship/", {})
    for _ in range(4):
        frozen_clock.move(seconds=1)
        drain()

    row = Order.objects.get()

    assert row.delivered_at is not None
    assert row.auto_complete_at == row.delivered_at + timedelta(days=2)
