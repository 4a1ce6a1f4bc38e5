"""A cancellation whose refund meets one the order has not heard of: it asks for the rest, never for more."""

from decimal import Decimal
from typing import Any

import pytest

from order.models import Order, ProductStock
from order.tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def paid_order(world: World, place: Any) -> Any:
    """An order of 299.00, paid, and its payment."""
    order = place()
    return order, world.pay(order)


def _cancel(api: Any, alice: Any, order: dict[str, Any]) -> Any:
    return api(alice).post(f"/api/orders/{order['order_uuid']}/cancel/", {})


def _left() -> int:
    row = ProductStock.objects.get()
    return row.remote_stock + row.in_flight + row.unsent


def test_a_part_given_back_unheard_is_not_asked_for_again(
    world: World, paid_order: Any, api: Any, alice: Any, drain: Any
) -> None:
    order, paid = paid_order
    world.refund(paid, "99.99")

    answer = _cancel(api, alice, order)
    drain()

    assert answer.status_code == 200, answer.content
    assert sorted(Decimal(str(one["refund_amount"])) for one in paid.refunds.values()) == [
        Decimal("99.99"),
        Decimal("199.01"),
    ]
    seen = Order.objects.get()
    assert (seen.status, seen.refunded_amount, _left()) == (3, Decimal("299.00"), 10)


def test_while_another_refund_holds_everything_the_order_waits_for_it(
    world: World, paid_order: Any, api: Any, alice: Any, drain: Any, frozen_clock: Any
) -> None:
    order, paid = paid_order
    theirs = world.refund(paid, "299.00", status="processing")

    assert _cancel(api, alice, order).status_code == 202
    assert Order.objects.get().status == 5
    theirs["refund_status"] = "completed"
    world._settle(paid)
    frozen_clock.move(seconds=4)
    drain()

    assert Order.objects.get().status == 3 and _left() == 10
    assert len(paid.refunds) == 1


def test_when_the_other_refund_fails_the_order_is_what_it_was(
    world: World, paid_order: Any, api: Any, alice: Any, drain: Any, frozen_clock: Any
) -> None:
    order, paid = paid_order
    theirs = world.refund(paid, "299.00", status="processing")
    no = {"code": "6005", "name": "RefundExceedsPayment", "message": "", "data": None}
    # The payment service keeps its first answer under the key.
    world.transport.on("POST", "PaymentService", "/api/payment/{order}/refund/", lambda _: (422, no))

    _cancel(api, alice, order)
    theirs["refund_status"] = "failed"
    frozen_clock.move(seconds=4)
    drain()

    seen = Order.objects.get()
    assert (seen.status, seen.closing_key, seen.refunded_amount) == (1, "", 0)
    assert _left() == 9


def test_a_part_that_fails_after_the_rest_is_back_is_asked_for(
    world: World, paid_order: Any, api: Any, alice: Any, drain: Any, frozen_clock: Any
) -> None:
    order, paid = paid_order
    theirs = world.refund(paid, "99.99", status="processing")
    assert _cancel(api, alice, order).status_code == 202
    assert paid.refunded == Decimal("199.01")

    theirs["refund_status"] = "failed"
    for _ in range(3):
        frozen_clock.move(seconds=4)
        drain()

    seen = Order.objects.get()
    assert (seen.status, seen.refunded_amount, _left()) == (3, Decimal("299.00"), 10)
    assert paid.refunded == Decimal("299.00") and len(paid.refunds) == 3


def test_when_that_part_is_refused_too_the_order_goes_on_with_what_is_left(
    world: World, paid_order: Any, api: Any, alice: Any, drain: Any, frozen_clock: Any
) -> None:
    order, paid = paid_order
    theirs = world.refund(paid, "99.99", status="processing")
    _cancel(api, alice, order)

    theirs["refund_status"], world.refund_outcome = "failed", "failed"
    for _ in range(3):
        frozen_clock.move(seconds=4)
        drain()

    seen = Order.objects.get()
    assert (seen.status, seen.closing_key, seen.refunded_amount) == (1, "", Decimal("199.01"))
    assert _left() == 9 and len(paid.refunds) == 3
