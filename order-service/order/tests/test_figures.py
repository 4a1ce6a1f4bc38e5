"""What an operator is told about orders and stock at `/metrics`."""

from typing import Any

import pytest

from order.models import ProductStock, StockPush
from order.states import StockState
from order.tests.world import TEA

pytestmark = pytest.mark.django_db


def page(api: Any) -> list[str]:
    return api().get("/metrics").content.decode().splitlines()


def test_a_quiet_shop_says_zero(api: Any) -> None:
    said = page(api)

    for name in ("orders_overdue", "orders_overdue_seconds", "stock_unknown", "stock_unsent_units"):
        assert f"{name} 0.0" in said, name


@pytest.mark.breaks_invariants
def test_what_is_overdue_unsent_or_undecided_is_told(api: Any, place: Any, frozen_clock: Any) -> None:
    place()
    StockPush.objects.create(product_uuid=TEA, delta=-1, stock_seen=10)
    frozen_clock.move(minutes=31)
    ProductStock.objects.update(state=StockState.UNKNOWN)

    said = page(api)

    for line in (
        "orders_overdue 1.0",
        "orders_overdue_seconds 60.0",
        "stock_unknown 1.0",
        "stock_unsent_units 1.0",
        f"stock_push_oldest_seconds {31 * 60.0}",
    ):
        assert line in said, line
