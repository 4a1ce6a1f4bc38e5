"""An address that no key of PII_KEYS opens any more: that order cannot be shown, everything else goes on."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from order.models import LogisticsEvent, Order
from order.tests.world import World

pytestmark = pytest.mark.django_db


def _lose_the_key() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE `order` SET shipping_phone = 'x', shipping_address = 'x', shipping_name = 'x'")


def test_parcels_move_and_orders_complete(
    world: World, place: Any, api: Any, bob: Any, drain: Any, frozen_clock: Any
) -> None:
    for _ in range(2):
        order = place()
        world.pay(order)
        api(bob).post(f"/api/orders/{order['order_uuid']}/ship/", {})
    _lose_the_key()

    for _ in range(5):
        frozen_clock.move(seconds=settings.CFMP.logistics_step_seconds)
        drain()
    frozen_clock.move(seconds=timedelta(days=8).total_seconds())
    drain()

    assert LogisticsEvent.objects.count() == 8
    assert list(Order.objects.values_list("status", flat=True)) == [2, 2]


def test_unpaid_orders_expire_and_late_money_goes_back(
    world: World, place: Any, drain: Any, frozen_clock: Any
) -> None:
    orders = [place(), place()]
    _lose_the_key()

    frozen_clock.move(minutes=31)
    drain()
    world.pay(orders[0])
    drain()

    assert list(Order.objects.values_list("status", flat=True)) == [3, 3]
    assert [paid.refunded for paid in world.payments] == [299]
