"""What each person may still do to an order in each situation, through the API; a refusal moves nothing."""

from collections.abc import Callable
from typing import Any

import pytest

from order.models import Order, OrderOutbox, OrderTransition, ProductStock
from order.tests.world import World

pytestmark = pytest.mark.django_db

SITUATIONS = ("pending", "closing", "paid", "shipped", "delivered", "completed", "cancelled", "cancelling")
# situation -> the statuses of: pay, edit, cancel, ship, complete, delete
ACTIONS = ("pay", "edit", "cancel", "ship", "complete", "delete")
TABLE = {
    "pending": (200, 200, 200, 409, 409, 409),
    "closing": (409, 409, 202, 409, 409, 409),
    "paid": (409, 409, 200, 200, 409, 409),
    "shipped": (409, 409, 409, 409, 200, 409),
    "delivered": (409, 409, 409, 409, 200, 409),
    "completed": (409, 409, 409, 409, 409, 200),
    "cancelled": (409, 409, 409, 409, 409, 200),
    "cancelling": (409, 409, 202, 409, 409, 409),
}
CASES = [
    (situation, action, expected)
    for situation, row in TABLE.items()
    for action, expected in zip(ACTIONS, row, strict=True)
]


@pytest.fixture
def situation(
    world: World, place: Any, api: Any, alice: Any, bob: Any, service_api: Any
) -> Callable[..., Any]:
    """`situation("shipped")`: an order brought there by the calls that lead there."""

    def bring(name: str) -> dict[str, Any]:
        order = place()
        path = f"/api/orders/{order['order_uuid']}/"
        if name == "closing":
            world.payment_for(order)
            world.transport.fail("PaymentService")
            assert api(alice).post(f"{path}cancel/", {}).status_code == 202
            return order
        if name == "cancelled":
            assert api(alice).post(f"{path}cancel/", {}).status_code == 200
        if name in ("paid", "shipped", "delivered", "completed", "cancelling"):
            world.pay(order)
        if name == "cancelling":
            world.refund_outcome = "processing"
            assert api(alice).post(f"{path}cancel/", {}).status_code == 202
        if name in ("shipped", "delivered", "completed"):
            assert api(bob).post(f"{path}ship/", {}).status_code == 200
        if name in ("delivered", "completed"):
            event = world.event("logistics.updated.v1", world.payments[-1])
            event |= {"aggregate_id": order["order_uuid"], "data": {"status": "delivered"}}
            assert service_api("RootService").post("/event/logistics_updated", event).status_code == 200
        if name == "completed":
            assert api(alice).post(f"{path}complete/", {}).status_code == 200
        return order

    return bring


def _facts() -> list[Any]:
    return [
        list(Order.objects.values("status", "fulfilment_status", "payment_status", "version", "closing_key")),
        OrderTransition.objects.count(),
        OrderOutbox.objects.count(),
        list(ProductStock.objects.values("remote_stock", "in_flight", "unsent")),
    ]


@pytest.mark.parametrize(("name", "action", "expected"), CASES)
def test_each_action_in_each_situation(
    situation: Any, api: Any, alice: Any, bob: Any, name: str, action: str, expected: int
) -> None:
    path = f"/api/orders/{situation(name)['order_uuid']}/"
    before = _facts()

    if action == "edit":
        answer = api(alice).patch(path, {"remark": "改"})
    elif action == "delete":
        answer = api(alice).delete(path)
    else:
        answer = api(bob if action == "ship" else alice).post(f"{path}{action}/", {})

    assert answer.status_code == expected, answer.content
    if expected == 409:
        assert answer.json()["code"].startswith("50")
        assert _facts() == before


def test_fields_are_refused_in_both_languages(api: Any, alice: Any, world: Any, situation: Any) -> None:
    body = world.order_body()
    twice = {**body, "products": body["products"] * 2}
    english = {"headers": {"Accept-Language": "en"}}
    edit = f"/api/orders/{situation('pending')['order_uuid']}/"

    chinese = api(alice).post("/api/orders/", twice).json()["errors"]
    assert chinese == {"products": ["同一商品请合并为一行并填写数量"]}
    told = api(alice).post("/api/orders/", twice, **english).json()["errors"]
    assert told == {"products": ["Each product once; use quantity."]}
    (nothing,) = api(alice).patch(edit, {}).json()["errors"].values()
    assert nothing[0].startswith("没有要修改的内容")
    (nothing,) = api(alice).patch(edit, {}, **english).json()["errors"].values()
    assert nothing[0].startswith("Nothing to change")


def test_a_refusal_says_why_in_both_languages(situation: Any, api: Any, alice: Any) -> None:
    path = f"/api/orders/{situation('shipped')['order_uuid']}/cancel/"

    chinese = api(alice).post(path, {}).json()
    english = api(alice).post(path, {}, headers={"Accept-Language": "en"}).json()

    assert (chinese["code"], chinese["name"]) == ("5010", "OrderAlreadyShipped")
    assert chinese["message"] == "订单已发货，不能取消，请申请退款"
    assert english["message"] == "The order has been shipped; ask for a refund."
    assert chinese["request_id"]
