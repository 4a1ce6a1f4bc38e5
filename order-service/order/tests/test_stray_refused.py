"""Stray money whose refund is refused for good: an operator hears of it today, not in a week."""

from typing import Any

import pytest

from common.sagas.models import SagaState
from order.models import OrderSaga
from order.tests.world import World

pytestmark = pytest.mark.django_db


def _stray(world: World, order: dict[str, Any], outcome: str) -> None:
    """Money comes for an order that has ended, and its refund takes this turn."""
    world.refund_outcome = outcome
    world.tell("payment.succeeded.v1", world.payment_for(order, status="success"))


@pytest.mark.parametrize(
    ("outcome", "state"), [("failed", SagaState.PARKED), ("processing", SagaState.RUNNING)]
)
def test_a_refused_refund_parks_the_run_and_one_under_way_is_waited_for(
    world: World, place: Any, api: Any, alice: Any, drain: Any, frozen_clock: Any, outcome: str, state: Any
) -> None:
    order = place()
    api(alice).post(f"/api/orders/{order['order_uuid']}/cancel/", {})
    _stray(world, order, outcome)

    for _ in range(30):
        drain()
        frozen_clock.move(minutes=7)

    run = OrderSaga.objects.get(name="order_stray_payment")
    assert run.state == state
    assert (world.payments[-1].refunded == 0) and len(world.payments[-1].refunds) == 1
