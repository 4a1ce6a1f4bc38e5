"""What the payment service tells: late, twice, out of order, in wrong amounts. The same end every time."""

from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from order.models import Order, OrderInbox, OrderOutbox, OrderPayment, OrderSaga
from order.tests.world import World

pytestmark = pytest.mark.django_db


def _outcome(answer: Any) -> str:
    assert answer.status_code == 200, answer.content
    return answer.json()["data"]["outcome"]


def _row() -> Order:
    return Order.objects.get()


def test_a_success_pays_the_order_once(place: Any, world: World, drain: Any) -> None:
    paid = world.payment_for(place(), status="success")
    event = world.event("payment.succeeded.v1", paid)

    outcomes = [_outcome(world.deliver(event)) for _ in range(8)]
    other = _outcome(world.tell("payment.succeeded.v1", paid))

    assert outcomes == ["handled"] + ["duplicate"] * 7
    assert other == "handled"
    row = _row()
    assert (row.status, row.payment_status, row.paid_amount) == (1, 2, Decimal("299.00"))
    assert (row.payment_uuid, row.payment_time.isoformat()) == (
        paid.payment_uuid,
        "2026-11-21T02:00:00+00:00",
    )
    assert OrderOutbox.objects.filter(type="order.paid.v1").count() == 1
    assert OrderOutbox.objects.filter(type="order.purchased.v1").count() == 1


@pytest.mark.parametrize("order_of_arrival", list(permutations(range(4))))
def test_any_order_of_arrival_ends_the_same(place: Any, world: World, order_of_arrival: Any) -> None:
    paid = world.payment_for(place(), status="success")
    events = [world.event("payment.succeeded.v1", paid)]
    world.refund(paid, "100.00")
    events.append(world.event("payment.refund_succeeded.v1", paid, refund_amount="100.00"))
    world.refund(paid, "199.00")
    events.append(world.event("payment.refund_succeeded.v1", paid, refund_amount="199.00"))
    events.append(world.event("payment.closed.v1", paid))

    for index in order_of_arrival:
        assert _outcome(world.deliver(events[index])) == "handled"

    row = _row()
    assert (row.status, row.payment_status, row.refunded_amount) == (3, 4, Decimal("299.00"))
    assert OrderPayment.objects.get().refunded_amount == Decimal("299.00")


def test_a_part_refund_leaves_the_order_paid(place: Any, world: World, api: Any, alice: Any) -> None:
    order = place()
    paid = world.pay(order)
    world.refund(paid, "99.01")

    world.tell("payment.refund_succeeded.v1", paid)

    seen = api(alice).get(f"/api/orders/{order['order_uuid']}/").json()["data"]
    assert (seen["status"], seen["payment_status"], seen["refunded_amount"]) == (1, "part_refunded", "99.01")


def test_a_whole_refund_before_shipping_cancels(place: Any, world: World) -> None:
    paid = world.pay(place())
    world.refund(paid, "299.00")

    world.tell("payment.refund_succeeded.v1", paid)

    assert (_row().status, _row().payment_status) == (3, 4)


def test_a_whole_refund_after_shipping_keeps_the_status(
    place: Any, world: World, api: Any, alice: Any, bob: Any
) -> None:
    order = place()
    paid = world.pay(order)
    path = f"/api/orders/{order['order_uuid']}/"
    api(bob).post(f"{path}ship/", {})
    world.refund(paid, "299.00")

    world.tell("payment.refund_succeeded.v1", paid)

    assert (_row().status, _row().fulfilment_status, _row().payment_status) == (1, 1, 4)
    assert api(alice).post(f"{path}complete/", {}).json()["data"]["payment_status"] == "refunded"


def test_a_refund_that_failed_moves_nothing(place: Any, world: World) -> None:
    paid = world.pay(place())
    version = _row().version

    assert _outcome(world.tell("payment.refund_failed.v1", paid)) == "handled"
    assert (_row().version, _row().payment_status) == (version, 2)


@pytest.mark.parametrize("kind", ["payment.failed.v1", "payment.closed.v1"])
def test_a_failed_attempt_leaves_the_order_to_be_paid(place: Any, world: World, kind: str) -> None:
    order = place()
    first = world.payment_for(order, status="failed")

    assert _outcome(world.tell(kind, first)) == "handled"
    assert _row().status == 0
    world.pay(order)
    assert _row().status == 1


def test_an_authorization_is_noted_captured_or_given_up(place: Any, world: World) -> None:
    paid = world.payment_for(place(), status="processing")

    world.tell("payment.authorized.v1", paid)
    assert (_row().status, _row().payment_status) == (0, 1)
    world.tell("payment.failed.v1", paid)
    assert (_row().status, _row().payment_status, _row().payment_uuid) == (0, 0, None)
    again = world.payment_for({"order_uuid": paid.order_uuid, **_ids(paid)}, status="processing")
    world.tell("payment.authorized.v1", again)
    again.status = "success"
    world.tell("payment.succeeded.v1", again)
    assert (_row().status, _row().payment_status) == (1, 2)


def _ids(paid: Any) -> dict[str, str]:
    return {
        "total_amount": paid.amount,
        "buyer_uuid": paid.user_uuid,
        "seller_uuid": paid.seller_uuid,
        "order_id": paid.order_id,
    }


@pytest.mark.parametrize("amount", ["298.99", "299.01", "0.01"])
def test_a_wrong_amount_pays_nothing_and_goes_back(place: Any, world: World, drain: Any, amount: str) -> None:
    paid = world.payment_for(place(), status="success", amount=amount)

    assert _outcome(world.tell("payment.succeeded.v1", paid)) == "stray"
    drain()

    assert (_row().status, _row().payment_status, _row().paid_amount) == (0, 0, Decimal("0.00"))
    assert paid.refunded == Decimal(amount)
    assert OrderPayment.objects.get().is_stray


def test_money_for_a_cancelled_order_goes_back(
    place: Any, world: World, drain: Any, api: Any, alice: Any
) -> None:
    order = place()
    assert api(alice).post(f"/api/orders/{order['order_uuid']}/cancel/", {}).status_code == 200
    paid = world.payment_for(order, status="success")

    assert _outcome(world.tell("payment.succeeded.v1", paid)) == "stray"
    assert _outcome(world.tell("payment.succeeded.v1", paid)) == "handled"
    drain()

    assert (_row().status, _row().payment_status) == (3, 0)
    assert paid.refunded == Decimal("299.00")
    assert OrderSaga.objects.filter(name="order_stray_payment").count() == 1
    (call,) = world.transport.calls_to("PaymentService", "POST", f"/api/payments/{paid.payment_uuid}/refund/")
    # No amount: all that is left, which the payment service knows better.
    assert call.json == {"refund_reason": "late_payment", "refund_method": "original_payment"}


def test_money_for_a_cancelled_order_goes_back_to_the_last_cent_after_a_partial_refund(
    place: Any, world: World, drain: Any, api: Any, alice: Any
) -> None:
    order = place()
    assert api(alice).post(f"/api/orders/{order['order_uuid']}/cancel/", {}).status_code == 200
    paid = world.payment_for(order, status="success")
    world.refund(paid, "100.00")

    assert _outcome(world.tell("payment.succeeded.v1", paid)) == "stray"
    drain()

    assert paid.refunded == Decimal("299.00")


def test_money_that_payments_already_sends_back_is_not_asked_for_again(
    place: Any, world: World, drain: Any, frozen_clock: Any, api: Any, alice: Any
) -> None:
    order = place()
    api(alice).post(f"/api/orders/{order['order_uuid']}/cancel/", {})
    paid = world.payment_for(order, status="success")
    one = world.refund(paid, "299.00", status="processing")

    world.tell("payment.succeeded.v1", paid)
    drain()
    assert list(paid.refunds.values()) == [one]
    one["refund_status"] = "completed"
    frozen_clock.move(seconds=10)
    drain()

    assert OrderPayment.objects.get().refunded_amount == Decimal("299.00")


def test_a_second_payment_of_one_order_is_stray(place: Any, world: World, drain: Any) -> None:
    order = place()
    first = world.pay(order)
    second = world.payment_for(order, status="success")

    assert _outcome(world.tell("payment.succeeded.v1", second)) == "stray"
    drain()
    world.tell("payment.refund_succeeded.v1", second, refund_source="order_cancel")
    drain()

    assert _row().payment_uuid == first.payment_uuid
    assert (first.refunded, second.refunded) == (Decimal("0.00"), Decimal("299.00"))
    assert (_row().status, _row().refunded_amount) == (1, Decimal("0.00"))


@pytest.mark.parametrize("source", ["late_payment", "overpayment"])
def test_money_that_payments_return_by_themselves_is_not_the_orders(
    place: Any, world: World, drain: Any, source: str
) -> None:
    order = place()
    first = world.pay(order)
    other = world.payment_for(order, status="refunded")
    version = _row().version

    told = world.tell("payment.refund_succeeded.v1", other, refunded_amount="299.00", refund_source=source)
    drain()

    assert _outcome(told) == "ignored"
    assert (_row().version, _row().payment_uuid) == (version, first.payment_uuid)
    assert not OrderSaga.objects.exists()


def test_an_unknown_order_is_the_senders_to_keep(place: Any, world: World) -> None:
    paid = world.payment_for(place(), status="success")
    paid.order_uuid = "01900000-0000-7000-8000-00000000f00d"

    answer = world.tell("payment.succeeded.v1", paid)

    assert (answer.status_code, answer.json()["code"]) == (404, 5001)
    assert not OrderInbox.objects.exists()
    assert not OrderPayment.objects.exists()


def test_other_types_are_ignored_at_a_door(place: Any, world: World, service_api: Any) -> None:
    event = world.event("payment.closed.v1", world.payment_for(place()))

    answer = service_api("PaymentService").post("/event/payment_notified_cm", event)

    assert _outcome(answer) == "ignored"
    assert not OrderInbox.objects.exists()


def test_a_purchase_told_from_outside_is_noted_and_not_believed(
    place: Any, world: World, service_api: Any
) -> None:
    event = world.event("payment.succeeded.v1", world.payment_for(place())) | {"type": "order.purchased.v1"}

    outcomes = [_outcome(service_api("RootService").post("/event/purchased", event)) for _ in range(2)]

    assert outcomes == ["noted", "duplicate"]
    assert _row().status == 0


def test_group_update_is_retired(service_api: Any, place: Any) -> None:
    place()

    answer = service_api("RootService").post("/event/group_update", {"anything": 1})

    assert answer.json() == {
        "code": 200,
        "message": "group_update is retired and does nothing",
        "data": {"outcome": "retired"},
    }
    assert _row().status == 0
