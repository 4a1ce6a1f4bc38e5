"""Many at once on one order: the row count of a conditional UPDATE decides, whoever comes first."""

from decimal import Decimal
from typing import Any

import pytest

from common.testing.race import race
from order.jobs import stock_push
from order.models import Order, OrderOutbox, OrderPayment, OrderSaga, OrderTransition, ProductStock
from order.tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)


def _left() -> int:
    row = ProductStock.objects.get()
    return row.remote_stock + row.in_flight + row.unsent


def _settle(drain: Any, frozen_clock: Any) -> None:
    for _ in range(4):
        frozen_clock.move(seconds=31)
        drain()


def test_one_success_told_eight_times_at_once(place: Any, world: World) -> None:
    event = world.event("payment.succeeded.v1", world.payment_for(place(), status="success"))

    answers = race([lambda: world.deliver(event)] * 8)

    assert [answer.status_code for answer in answers] == [200] * 8
    outcomes = [answer.json()["data"]["outcome"] for answer in answers]
    assert (outcomes.count("handled"), outcomes.count("duplicate")) == (1, 7)
    assert OrderTransition.objects.filter(event="pay").count() == 1
    assert OrderOutbox.objects.filter(type="order.paid.v1").count() == 1


def test_eight_tellings_of_one_success_at_once(place: Any, world: World) -> None:
    paid = world.payment_for(place(), status="success")
    events = [world.event("payment.succeeded.v1", paid) for _ in range(8)]

    answers = race([lambda event=event: world.deliver(event) for event in events])

    assert [answer.status_code for answer in answers] == [200] * 8
    assert OrderTransition.objects.filter(event="pay").count() == 1
    assert OrderPayment.objects.count() == 1


def test_two_payments_race_for_one_order(place: Any, world: World, drain: Any) -> None:
    order = place()
    paid = [world.payment_for(order, status="success") for _ in range(2)]
    events = [world.event("payment.succeeded.v1", one) for one in paid]

    answers = race([lambda event=event: world.deliver(event) for event in events])

    outcomes = sorted(answer.json()["data"]["outcome"] for answer in answers)
    assert outcomes == ["handled", "stray"]
    stray = OrderPayment.objects.get(is_stray=True)
    drain()
    loser = next(one for one in paid if one.payment_uuid == stray.payment_uuid)
    world.tell("payment.refund_succeeded.v1", loser, refund_source="order_cancel")
    row = Order.objects.get()
    assert (row.status, row.paid_amount, row.refunded_amount) == (1, Decimal("299.00"), Decimal("0.00"))
    assert sorted(one.refunded for one in paid) == [Decimal("0.00"), Decimal("299.00")]


@pytest.mark.parametrize("turn", range(4))
def test_a_cancellation_races_a_payment(
    place: Any, world: World, api: Any, alice: Any, drain: Any, frozen_clock: Any, turn: int
) -> None:
    order = place()
    paid = world.payment_for(order, status="success")
    event = world.event("payment.succeeded.v1", paid)

    def cancel() -> Any:
        return api(alice).post(f"/api/orders/{order['order_uuid']}/cancel/", {})

    # Every second turn the other one has the head start of being created first.
    both = [cancel, lambda: world.deliver(event)]
    answers = race(both if turn % 2 else both[::-1])

    assert {answer.status_code for answer in answers} <= {200, 202, 409}
    _settle(drain, frozen_clock)
    row = Order.objects.get()
    refused = [answer for answer in answers if answer.status_code == 409]
    assert row.status == (1 if refused else 3)
    assert paid.refunded == (Decimal("0.00") if refused else Decimal("299.00"))
    assert _left() == (9 if refused else 10)
    assert len(paid.refunds) == (0 if refused else 1)


def test_eight_cancellations_are_one(
    place: Any, world: World, api: Any, alice: Any, drain: Any, frozen_clock: Any
) -> None:
    order = place()
    paid = world.pay(order)

    answers = race([lambda: api(alice).post(f"/api/orders/{order['order_uuid']}/cancel/", {})] * 8)

    assert {answer.status_code for answer in answers} <= {200, 202, 409}
    _settle(drain, frozen_clock)
    assert OrderSaga.objects.count() == 1
    assert (Order.objects.get().status, paid.refunded, _left()) == (3, Decimal("299.00"), 10)
    assert len(paid.refunds) == 1


def test_shipping_races_cancelling(
    place: Any, world: World, api: Any, alice: Any, bob: Any, drain: Any, frozen_clock: Any
) -> None:
    order = place()
    paid = world.pay(order)
    path = f"/api/orders/{order['order_uuid']}/"

    shipped, cancelled = race(
        [lambda: api(bob).post(f"{path}ship/", {}), lambda: api(alice).post(f"{path}cancel/", {})]
    )

    _settle(drain, frozen_clock)
    row = Order.objects.get()
    if shipped.status_code == 200:
        assert (cancelled.status_code, row.status, paid.refunded) == (409, 1, Decimal("0.00"))
    else:
        assert (shipped.status_code, row.status, row.fulfilment_status) == (409, 3, 0)
        assert paid.refunded == Decimal("299.00")


def test_completing_eight_times_at_once_sells_once(
    place: Any, world: World, api: Any, alice: Any, bob: Any
) -> None:
    order = place()
    world.pay(order)
    path = f"/api/orders/{order['order_uuid']}/"
    api(bob).post(f"{path}ship/", {})

    answers = race([lambda: api(alice).post(f"{path}complete/", {})] * 8)

    codes = [answer.status_code for answer in answers]
    assert (codes.count(200), codes.count(409)) == (1, 7)
    assert OrderOutbox.objects.filter(type="order.completed.v1").count() == 1


def test_two_refunds_told_at_once_add_up(place: Any, world: World) -> None:
    paid = world.pay(place())
    world.refund(paid, "100.00")
    first = world.event("payment.refund_succeeded.v1", paid)
    world.refund(paid, "50.00")
    second = world.event("payment.refund_succeeded.v1", paid)

    answers = race([lambda: world.deliver(first), lambda: world.deliver(second)])

    assert [answer.status_code for answer in answers] == [200, 200]
    row = Order.objects.get()
    assert (row.refunded_amount, row.payment_status) == (Decimal("150.00"), 3)


def test_the_same_key_at_once_makes_one_order(api: Any, world: World, alice: Any) -> None:
    answers = race([lambda: api(alice).post("/api/orders/", world.order_body(), key="k-1")] * 6)

    codes = {answer.status_code for answer in answers}
    assert codes <= {200, 409}
    assert 200 in codes
    assert (Order.objects.count(), _left()) == (1, 9)


def test_two_senders_send_once(place: Any, world: World, drain: Any) -> None:
    place(quantity=3)

    race([stock_push] * 6)
    drain()

    assert len(world.transport.calls_to("ProductService", "POST")) == 1
    assert _left() == 7
