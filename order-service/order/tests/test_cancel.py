"""Cancelling: a pending order after its payment is closed, a paid one after its money is back."""

from decimal import Decimal
from typing import Any

import pytest

from common.errors import PeerBroken, PeerTimeout, PeerUnavailable
from order.models import Order, OrderSaga, OrderTransition, ProductStock
from order.tests.world import TEA, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def cancel(api: Any, alice: Any) -> Any:
    """`cancel(order)`: Alice cancels; the answer."""

    def run(order: dict[str, Any], reason: str = "不想要了", verb: str = "POST") -> Any:
        return api(alice).request(verb, f"/api/orders/{order['order_uuid']}/cancel/", {"reason": reason})

    return run


def _order() -> Order:
    return Order.objects.get()


def _left() -> int:
    row = ProductStock.objects.get()
    return row.remote_stock + row.in_flight + row.unsent


@pytest.mark.parametrize("verb", ["POST", "PUT"])
def test_a_pending_order_is_cancelled_at_once(
    place: Any, cancel: Any, world: World, drain: Any, verb: str
) -> None:
    order = place(quantity=4)
    assert _left() == 6

    answer = cancel(order, verb=verb)

    assert (answer.status_code, answer.json()["message"]) == (200, "订单取消成功")
    data = answer.json()["data"]
    assert (data["status"], data["cancel_reason"], data["payment_status"]) == (3, "不想要了", "unpaid")
    assert _left() == 10
    drain()
    assert world.goods[TEA].stock == 10
    assert [event["type"] for event in world.told] == ["order.created.v1", "order.cancelled.v1"]
    assert world.told[-1]["data"]["reason"] == "不想要了"


def test_its_living_payment_is_closed_first(place: Any, cancel: Any, world: World) -> None:
    order = place()
    paid = world.payment_for(order)

    assert cancel(order).status_code == 200

    assert paid.status == "cancelled"
    assert _order().status == 3


def test_a_payment_that_went_through_meanwhile_is_refunded(place: Any, cancel: Any, world: World) -> None:
    order = place()
    paid = world.payment_for(order, status="success")  # nobody has told us yet

    answer = cancel(order)

    assert answer.status_code == 200
    assert (_order().status, _order().payment_status) == (3, 4)
    assert paid.refunded == Decimal("299.00")
    assert _left() == 10


def test_a_payment_that_wins_while_it_is_closed_is_refunded(place: Any, cancel: Any, world: World) -> None:
    order = place()
    paid = world.payment_for(order)

    def close(call: Any) -> Any:
        paid.status = "success"
        return 409, {"code": "6002", "name": "PaymentStateConflict", "data": {"status": "success"}}

    world.transport.on("POST", "PaymentService", "/api/payment/{uuid}/cancel/", close)

    assert cancel(order).status_code == 200
    assert (_order().status, paid.refunded) == (3, Decimal("299.00"))
    moves = OrderTransition.objects.filter(axis="status").order_by("id").values_list("event", flat=True)
    assert list(moves) == ["place", "pay", "begin_cancel", "refund"]


def test_a_paid_order_is_refunded_then_cancelled(place: Any, cancel: Any, world: World, drain: Any) -> None:
    order = place(quantity=2)
    paid = world.pay(order)
    drain()
    assert world.goods[TEA].stock == 8

    answer = cancel(order)

    data = answer.json()["data"]
    assert (answer.status_code, data["status"], data["payment_status"]) == (200, 3, "refunded")
    assert (data["refunded_amount"], data["cancelling"]) == ("598.00", False)
    assert paid.refunded == Decimal("598.00")
    drain()
    assert world.goods[TEA].stock == 10
    told = [event["type"] for event in world.told]
    assert told[3:] == ["order.cancelling.v1", "order.refunded.v1", "order.cancelled.v1"]


def test_the_refund_call_is_the_documented_one(place: Any, cancel: Any, world: World) -> None:
    order = place()
    world.pay(order)

    cancel(order)

    (call,) = world.transport.calls_to("PaymentService", "POST", "/api/payment/{order}/refund/")
    assert call.json["refund_amount"] == "299.00"
    assert (call.json["refund_method"], call.json["refund_reason"]) == ("original_payment", "order_cancelled")
    assert call.json["order"]["cancelling"] is True
    assert call.headers["Idempotency-Key"]
    assert "shipping" not in str(call.json)


def test_only_what_is_left_is_refunded(place: Any, cancel: Any, world: World) -> None:
    order = place()
    paid = world.pay(order)
    world.refund(paid, "99.00")
    world.tell("payment.refund_succeeded.v1", paid)
    assert _order().payment_status == 3

    assert cancel(order).status_code == 200

    assert (paid.refunded, _order().refunded_amount) == (Decimal("299.00"), Decimal("299.00"))


def test_a_refund_that_takes_time_answers_in_progress(
    place: Any, cancel: Any, world: World, drain: Any, frozen_clock: Any
) -> None:
    order = place()
    paid = world.pay(order)
    world.refund_outcome = "processing"

    answer = cancel(order)

    assert (answer.status_code, answer.json()["message"]) == (202, "订单取消处理中")
    assert (answer.json()["data"]["status"], answer.json()["data"]["cancelling"]) == (1, True)
    assert _left() == 9  # not given back before the money is

    next(iter(paid.refunds.values()))["refund_status"] = "completed"
    paid.status = "refunded"
    frozen_clock.move(seconds=10)
    drain()

    assert (_order().status, _order().payment_status, _left()) == (3, 4, 10)


def test_the_event_ends_it_as_well(
    place: Any, cancel: Any, world: World, drain: Any, frozen_clock: Any
) -> None:
    order = place()
    paid = world.pay(order)
    world.refund_outcome = "processing"
    cancel(order)

    next(iter(paid.refunds.values()))["refund_status"] = "completed"
    paid.status = "refunded"
    world.tell("payment.refund_succeeded.v1", paid)

    assert (_order().status, _left()) == (3, 10)
    frozen_clock.move(seconds=10)
    drain()
    assert OrderSaga.objects.get().state == 2


@pytest.mark.parametrize("outcome", ["failed", "refused", "failed later"])
def test_a_refund_that_is_refused_reopens_the_order(
    place: Any, cancel: Any, world: World, drain: Any, frozen_clock: Any, outcome: str
) -> None:
    order = place()
    paid = world.pay(order)
    world.refund_outcome = "processing" if outcome == "failed later" else "failed"
    if outcome == "refused":
        no = {"code": "6005", "name": "RefundExceedsPayment", "message": "", "data": None}
        world.transport.on("POST", "PaymentService", "/api/payment/{order}/refund/", no, status=422)

    answer = cancel(order)
    if outcome == "failed later":
        assert answer.status_code == 202
        next(iter(paid.refunds.values()))["refund_status"] = "failed"
        frozen_clock.move(seconds=10)
        drain()
    else:
        assert (answer.status_code, answer.json()["name"]) == (409, "RefundRefused")

    row = _order()
    assert (row.status, row.payment_status, row.closing_key, row.cancel_reason) == (1, 2, "", "")
    assert _left() == 9
    drain()
    assert world.told[-1]["type"] == "order.cancel_failed.v1"


def test_a_reopened_order_can_be_cancelled_again(place: Any, cancel: Any, world: World) -> None:
    order = place()
    paid = world.pay(order)
    world.refund_outcome = "failed"
    assert cancel(order).status_code == 409
    world.refund_outcome = "completed"
    paid.refunds.clear()

    assert cancel(order).status_code == 200
    assert (_order().status, OrderSaga.objects.count()) == (3, 2)


@pytest.mark.parametrize("error", [PeerUnavailable, PeerTimeout, PeerBroken])
@pytest.mark.parametrize("is_paid", [False, True])
def test_an_outage_of_payments_only_delays(
    place: Any, cancel: Any, world: World, drain: Any, frozen_clock: Any, error: Any, is_paid: bool
) -> None:
    order = place()
    if is_paid:
        world.pay(order)
    world.transport.fail("PaymentService", error=error)

    assert cancel(order).status_code == 202
    assert _order().status == (5 if is_paid else 0)
    assert _left() == 9
    world.transport.heal()
    for _ in range(4):
        frozen_clock.move(minutes=6)
        drain()

    assert (_order().status, _left()) == (3, 10)


def test_cancelling_twice_joins_the_first(place: Any, cancel: Any, world: World) -> None:
    order = place()
    world.pay(order)
    world.refund_outcome = "processing"

    assert [cancel(order).status_code for _ in range(3)] == [202, 202, 202]

    assert OrderSaga.objects.count() == 1
    assert len(world.payments[0].refunds) == 1


def test_while_an_order_is_ending_it_cannot_be_paid_or_shipped(
    place: Any, cancel: Any, world: World, api: Any, alice: Any, bob: Any, service_api: Any
) -> None:
    order = place()
    world.transport.fail("PaymentService")
    cancel(order)
    path = f"/api/orders/{order['order_uuid']}/"

    assert api(alice).post(f"{path}pay/", {}).json()["name"] == "OrderNotPayable"
    inside = service_api("PaymentService").get(f"/api/orders/internal/orders/{order['order_uuid']}/").json()
    assert (inside["data"]["cancelling"], inside["data"]["status"]) == (True, 0)
    assert api(bob).post(f"{path}ship/", {}).status_code == 409


def test_the_reason_is_kept_out_of_the_saga(place: Any, cancel: Any, world: World) -> None:
    world.transport.fail("PaymentService")
    cancel(place(), reason="请打 13912345678")

    assert "13912345678" not in str(OrderSaga.objects.values())
    assert _order().cancel_reason == "请打 13912345678"
