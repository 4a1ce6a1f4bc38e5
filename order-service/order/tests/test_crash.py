"""A process dies at any boundary of a saga: whoever takes over comes to the same end, with the same money.

`Crash` is no Exception, so nothing in the service catches it: like a kill, it leaves the row leased and its
step undecided. The clock then passes the lease and a worker goes on.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from common.sagas.definition import Saga, Step
from order.models import Order, OrderSaga, ProductStock
from order.sagas.cancel import CANCEL
from order.sagas.expire import EXPIRE
from order.sagas.stray import STRAY
from order.tests.world import TEA, World

pytestmark = pytest.mark.django_db(transaction=True)


class Crash(BaseException):
    """The process is gone."""


def dies_once(step: Step, moment: str) -> Step:
    """`step`, whose first run dies before or after its effect."""
    died: list[bool] = []

    def do(context: dict[str, Any], key: Any) -> Any:
        if moment == "before" and not died:
            died.append(True)
            raise Crash
        added = step.do(context, key)
        if not died:
            died.append(True)
            raise Crash
        return added

    return replace(step, do=do)


@pytest.fixture
def crashing() -> Iterator[Callable[[Saga, str, str], None]]:
    """`crashing(CANCEL, "refund", "after")`: that step of that saga dies on its first run."""
    changed: list[Saga] = []

    def arm(saga: Saga, name: str, moment: str) -> None:
        changed.append(saga)
        steps = tuple(dies_once(step, moment) if step.name == name else step for step in saga.steps)
        Saga(saga.name, saga.version, steps)

    yield arm
    for saga in changed:
        Saga(saga.name, saga.version, saga.steps)


def _recover(drain: Any, frozen_clock: Any) -> None:
    for _ in range(4):
        frozen_clock.move(seconds=31)
        try:
            drain()
        except Crash:
            continue


def _left() -> int:
    row = ProductStock.objects.get()
    return row.remote_stock + row.in_flight + row.unsent


MOMENTS = ("before", "after")
KINDS = ("unpaid", "living payment", "paid unheard", "paid")


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("step", [step.name for step in CANCEL.steps])
@pytest.mark.parametrize("kind", KINDS)
def test_a_cancellation_survives_a_crash_at_every_step(
    place: Any, world: World, api: Any, alice: Any, drain: Any, frozen_clock: Any, crashing: Any,
    kind: str, step: str, moment: str,
) -> None:  # fmt: skip
    order = place(quantity=2)
    paid = None
    if kind == "paid":
        paid = world.pay(order)
    elif kind != "unpaid":
        paid = world.payment_for(order, status="success" if kind == "paid unheard" else "pending")
    drain()
    crashing(CANCEL, step, moment)

    with pytest.raises(Crash):
        api(alice).post(f"/api/orders/{order['order_uuid']}/cancel/", {"reason": "r"})
    _recover(drain, frozen_clock)

    row = Order.objects.get()
    refunded = Decimal("598.00") if kind.startswith("paid") else Decimal("0.00")
    assert (row.status, row.closing_key, row.refunded_amount) == (3, "", refunded)
    assert (_left(), world.goods[TEA].stock) == (10, 10)
    if paid is not None:
        assert paid.refunded == refunded
        assert len(paid.refunds) == (1 if refunded else 0)
    told = [event["type"] for event in world.told]
    assert told.count("order.cancelled.v1") == 1


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("step", [step.name for step in EXPIRE.steps])
@pytest.mark.parametrize("kind", ["unpaid", "living payment", "paid unheard"])
def test_an_expiry_survives_a_crash_at_every_step(
    place: Any, world: World, drain: Any, frozen_clock: Any, crashing: Any, kind: str, step: str, moment: str
) -> None:
    order = place()
    if kind != "unpaid":
        world.payment_for(order, status="success" if kind == "paid unheard" else "pending")
    crashing(EXPIRE, step, moment)
    frozen_clock.move(minutes=31)

    with pytest.raises(Crash):
        drain()
    _recover(drain, frozen_clock)

    expected = (1, 9) if kind == "paid unheard" else (3, 10)
    assert (Order.objects.get().status, _left()) == expected
    assert OrderSaga.objects.get().state == 2


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("step", [step.name for step in STRAY.steps])
def test_stray_money_goes_back_once_whatever_dies(
    place: Any, world: World, api: Any, alice: Any, drain: Any, frozen_clock: Any, crashing: Any,
    step: str, moment: str,
) -> None:  # fmt: skip
    order = place()
    api(alice).post(f"/api/orders/{order['order_uuid']}/cancel/", {})
    paid = world.payment_for(order, status="success")
    world.tell("payment.succeeded.v1", paid)
    crashing(STRAY, step, moment)

    with pytest.raises(Crash):
        drain()
    _recover(drain, frozen_clock)

    assert (paid.refunded, len(paid.refunds)) == (Decimal("299.00"), 1)
    assert Order.objects.get().status == 3


CALLS = [
    ("GET", "/api/payment/{order}/"),
    ("POST", "/api/payment/{uuid}/cancel/"),
    ("POST", "/api/payment/{order}/refund/"),
]


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize(("method", "path"), CALLS)
def test_an_answer_that_is_lost_refunds_once(
    place: Any, world: World, api: Any, alice: Any, drain: Any, frozen_clock: Any,
    method: str, path: str, after_effect: bool,
) -> None:  # fmt: skip
    order = place()
    paid = world.pay(order) if "refund" in path else world.payment_for(order)
    world.transport.fail("PaymentService", method=method, path=path, times=5, after_effect=after_effect)

    api(alice).post(f"/api/orders/{order['order_uuid']}/cancel/", {})
    _recover(drain, frozen_clock)

    assert (Order.objects.get().status, _left()) == (3, 10)
    assert len(paid.refunds) == (1 if "refund" in path else 0)
