"""`audit_orders` finds what it is for: each kind of damage is named; a sound shop is silent."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F

from common.ids import new_uuid
from order.models import (
    Order,
    OrderItem,
    OrderOutbox,
    OrderPayment,
    OrderSaga,
    OrderTransition,
    ProductStock,
    StockHold,
    StockPush,
)
from order.tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(world: World, place: Any, api: Any, alice: Any, drain: Any) -> None:
    """One paid order, one that was paid and cancelled."""
    world.pay(place())
    other = place()
    world.pay(other)
    api(alice).post(f"/api/orders/{other['order_uuid']}/cancel/", {})
    drain()


def test_a_sound_shop_is_silent(shop: None, capsys: Any) -> None:
    call_command("audit_orders")

    assert capsys.readouterr().out == "audit_orders: 0 differences\n"


def test_what_a_newer_release_tells_besides_is_no_damage(shop: None, capsys: Any) -> None:
    told = OrderOutbox.objects.filter(type="order.cancelled.v1").get()
    told.id, told.event_id, told.type = told.id + 1, new_uuid(), "order.cancelled.v2"
    told.save(force_insert=True)

    call_command("audit_orders")

    assert capsys.readouterr().out == "audit_orders: 0 differences\n"


PAID = {"status": 1}
DAMAGE: dict[str, tuple[Callable[[], Any], str]] = {
    "paid without payment": (lambda: OrderPayment.objects.all().delete(), "unknown, unpaid or stray"),
    "another amount": (lambda: Order.objects.filter(**PAID).update(paid_amount=1), "payable 299.00, paid 1"),
    "refund not ours": (
        lambda: Order.objects.filter(**PAID).update(refunded_amount=1),
        "refunded 1.00, its payment says 0.00",
    ),
    "status by hand": (lambda: Order.objects.filter(**PAID).update(status=2), "its history ends at paid"),
    "unpaid by hand": (lambda: Order.objects.filter(**PAID).update(payment_status=0), "without a payment"),
    "back to pending": (lambda: Order.objects.filter(**PAID).update(status=0), "awaits payment although"),
    "money kept": (
        lambda: (
            Order.objects.filter(status=3).update(refunded_amount=0, payment_status=2),
            OrderPayment.objects.update(refunded_amount=0),
        ),
        "cancelled with 299.00 not given back",
    ),
    "stray money kept": (
        lambda: OrderPayment.objects.update(is_stray=True),
        "stray, 0.00 of 299.00 given back",
    ),
    "an item gone": (lambda: OrderItem.objects.first().delete(), "its items sum to 0"),
    "a move gone": (lambda: OrderTransition.objects.filter(event="pay").latest("id").delete(), "moved from"),
    "a telling gone": (
        lambda: OrderOutbox.objects.filter(type="order.paid.v1").first().delete(),
        "1 transitions",
    ),
    "told twice": (lambda: OrderOutbox.objects.update(type="order.created.v1"), "were told"),
    "ending by nobody": (lambda: Order.objects.filter(**PAID).update(closing_key="x"), "does not run"),
    "saga gone": (
        lambda: (Order.objects.filter(**PAID).update(status=5), OrderSaga.objects.all().delete()),
        "is CANCELLING by nobody",
    ),
    "hold released": (lambda: StockHold.objects.update(state=1), "should be HELD"),
    "hold too small": (lambda: StockHold.objects.update(quantity=9), "of 0190"),
    "stock by hand": (lambda: ProductStock.objects.update(unsent=F("unsent") + 1), "are held or sold"),
    "in flight by hand": (lambda: ProductStock.objects.update(in_flight=1), "open pushes say 0"),
    "a push gone": (lambda: StockPush.objects.all().delete(), "are held or sold"),
}


@pytest.mark.breaks_invariants
@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_named_and_fails_the_command(shop: None, capsys: Any, name: str) -> None:
    harm, told = DAMAGE[name]
    harm()

    with pytest.raises(CommandError) as failure:
        call_command("audit_orders")

    assert failure.value.returncode == 1
    assert told in capsys.readouterr().out
