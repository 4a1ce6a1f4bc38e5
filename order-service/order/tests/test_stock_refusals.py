"""What ProductService refuses: short of units is an operator's case, its mood of the moment is not."""

from typing import Any

import pytest

from order.models import ProductStock, StockPush
from order.states import PushState, StockState
from order.tests.world import TEA, World

pytestmark = pytest.mark.django_db

UPDATE = f"/api/product/{TEA}/update-stock/"


@pytest.mark.parametrize("status", [401, 403, 408, 429])
def test_a_push_refused_for_the_moment_is_tried_again(
    world: World, place: Any, drain: Any, frozen_clock: Any, status: int
) -> None:
    place(quantity=3)
    moods = iter([status])

    def update(call: Any) -> Any:
        refused = next(moods, None)
        return (refused, {"success": False, "message": "not now"}) if refused else world._update_stock(call)

    world.transport.on("POST", "ProductService", UPDATE, update)

    drain()
    row = ProductStock.objects.get(product_uuid=TEA)
    assert (row.state, row.in_flight, row.unsent) == (StockState.OK, 0, -3)
    frozen_clock.move(seconds=6)
    drain()

    row.refresh_from_db()
    assert (row.state, row.in_flight, row.unsent, row.remote_stock) == (StockState.OK, 0, 0, 7)
    assert world.goods[TEA].stock == 7
    assert list(StockPush.objects.order_by("id").values_list("state", flat=True)) == [
        PushState.NOT_APPLIED,
        PushState.APPLIED,
    ]


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_a_push_refused_for_good_takes_the_product_off_sale(
    world: World, place: Any, drain: Any, status: int
) -> None:
    place(quantity=3)
    refusal = (status, {"success": False, "message": "short"})
    world.transport.on("POST", "ProductService", UPDATE, lambda _: refusal)

    drain()

    row = ProductStock.objects.get(product_uuid=TEA)
    assert (row.state, row.in_flight, row.unsent) == (StockState.UNKNOWN, 0, -3)
    assert world.goods[TEA].stock == 10
