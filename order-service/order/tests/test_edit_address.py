"""A new address is a new question to risk control: the payment that was judged with the old one is closed."""

from typing import Any

import pytest

from common.pii import blind_index
from order.models import Order, OrderSaga
from order.tests.world import World

pytestmark = pytest.mark.django_db

OLD, NEW = "上海市浦东新区世纪大道1号", "某市某街 13 号"


def _edit(api: Any, person: Any, order: dict[str, Any], **changes: str) -> Any:
    return api(person).patch(
        f"/api/orders/{order['order_uuid']}/", {"shipping_address": NEW, "remark": "r", **changes}
    )


def _calls(world: World) -> list[tuple[str, str]]:
    return [(call.method, call.path.rstrip("/").rsplit("/", 1)[-1]) for call in world.transport.calls]


def test_the_living_payment_is_closed_and_the_next_is_judged_with_the_new_address(
    api: Any, world: World, place: Any, alice: Any
) -> None:
    order = place()
    first = world.payment_for(order)

    answer = _edit(api, alice, order)

    assert (answer.status_code, answer.json()["data"]["shipping_address"]) == (200, NEW)
    assert answer.json()["data"]["cancelling"] is False
    assert first.status == "cancelled"
    assert api(alice).post(f"/api/orders/{order['order_uuid']}/pay/", {}).status_code == 200
    (call,) = world.transport.calls_to("PaymentService", "POST", "/api/payment/create/")
    assert call.json["order"]["address_index"] == blind_index(NEW)


def test_the_row_that_carries_it_on_has_no_plain_address(
    api: Any, world: World, place: Any, alice: Any
) -> None:
    _edit(api, alice, place())

    assert NEW not in str(OrderSaga.objects.get().context)


@pytest.mark.parametrize("changes", [{"shipping_address": OLD}, {"shipping_address": f" {OLD}"}])
def test_the_same_address_asks_nobody(
    api: Any, world: World, place: Any, alice: Any, changes: dict[str, str]
) -> None:
    order = place()
    first = world.payment_for(order)
    world.transport.calls.clear()

    assert _edit(api, alice, order, **changes).status_code == 200

    assert (first.status, world.transport.calls) == ("pending", [])


def test_what_is_paid_by_then_keeps_its_address(api: Any, world: World, place: Any, alice: Any) -> None:
    order = place()
    world.payment_for(order, status="success")

    answer = _edit(api, alice, order)

    seen = Order.objects.get()
    assert (answer.status_code, answer.json()["name"]) == (409, "OrderNotEditable")
    assert (seen.status, seen.shipping_address, seen.remark, seen.closing_key) == (1, OLD, "轻放", "")


def test_a_payment_created_while_it_is_edited_is_closed_too(
    api: Any, world: World, place: Any, alice: Any
) -> None:
    """It had read the order before that was marked, and is stored after the first look."""
    order = place()
    late: list[Any] = []

    def read(call: Any) -> Any:
        answer = world._read(call)
        if not late:
            late.append(world.payment_for(order))
        return answer

    world.transport.on("GET", "PaymentService", "/api/payment/{order}/", read)

    assert _edit(api, alice, order).status_code == 200

    assert late[0].status == "cancelled"


def test_while_it_is_edited_nothing_pays_or_ends_it(api: Any, world: World, place: Any, alice: Any) -> None:
    order = place()
    path = f"/api/orders/{order['order_uuid']}/"
    heard: list[tuple[int, Any]] = []

    def read(call: Any) -> Any:
        if not heard:
            for action in ("pay", "cancel"):
                answer = api(alice).post(f"{path}{action}/", {})
                heard.append((answer.status_code, answer.json()["name"]))
            heard.append((_edit(api, alice, order).status_code, ""))
        return world._read(call)

    world.transport.on("GET", "PaymentService", "/api/payment/{order}/", read)

    assert _edit(api, alice, order).status_code == 200

    assert heard == [(409, "OrderNotPayable"), (409, "OrderStateConflict"), (409, "")]
    assert api(alice).post(f"{path}cancel/", {}).status_code == 200


@pytest.mark.parametrize("call", ["read", "close"])
def test_a_payment_service_that_cannot_say_refuses_the_edit(
    api: Any, world: World, place: Any, alice: Any, call: str
) -> None:
    order = place()
    world.payment_for(order)
    method, path = {
        "read": ("GET", "/api/payment/{order}/"),
        "close": ("POST", "/api/payment/{uuid}/cancel/"),
    }[call]
    world.transport.fail("PaymentService", method=method, path=path, times=9)

    answer = _edit(api, alice, order)

    seen = Order.objects.get()
    assert (answer.status_code, answer.json()["name"]) == (504, "PeerTimeout")
    assert (seen.status, seen.shipping_address, seen.closing_key) == (0, OLD, "")


def test_an_order_that_ends_is_not_edited(api: Any, world: World, place: Any, alice: Any) -> None:
    order = place()
    api(alice).post(f"/api/orders/{order['order_uuid']}/cancel/", {})

    assert _edit(api, alice, order).status_code == 409
    assert OrderSaga.objects.filter(name="order_edit").count() == 0
