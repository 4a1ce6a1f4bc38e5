"""The golden journey as the order service lives it: placed, paid, shipped, delivered, completed."""

from typing import Any

import pytest

from order.tests.world import TEA, World

pytestmark = pytest.mark.django_db


def test_an_order_goes_from_placed_to_completed(
    api: Any, world: World, place: Any, alice: Any, bob: Any, drain: Any, frozen_clock: Any
) -> None:
    order = place(quantity=2)
    path = f"/api/orders/{order['order_id']}/"
    assert (order["status"], order["total_amount"], order["payment_status"]) == (0, "598.00", "unpaid")

    payment = api(alice).post(f"{path}pay/", {})
    assert payment.json()["data"]["payment_data"]["url"] == "u"
    world.payments[-1].status = "success"
    assert world.tell("payment.succeeded.v1", world.payments[-1]).json()["data"]["outcome"] == "handled"
    assert api(alice).get(path).json()["data"]["status"] == 1

    assert api(bob).post(f"{path}ship/", {"carrier": "SF", "tracking_no": "SF1234567"}).status_code == 200
    for _ in range(8):
        frozen_clock.move(hours=12)
        drain()
    seen = api(alice).get(f"{path}logistics/").json()["data"]
    assert [event["status"] for event in seen["events"]] == [
        "delivered",
        "out_for_delivery",
        "in_transit",
        "accepted",
    ]
    assert seen["fulfilment_status"] == 2

    done = api(alice).post(f"{path}complete/", {})
    assert (done.json()["message"], done.json()["data"]["status"]) == ("确认收货成功", 2)
    drain()
    assert world.goods[TEA].stock == 8
    told = [event["type"] for event in world.told]
    assert told == [
        "order.created.v1",
        "order.paid.v1",
        "order.purchased.v1",
        "order.shipped.v1",
        "order.delivered.v1",
        "order.completed.v1",
    ]
