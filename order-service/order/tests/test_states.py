"""Every (state, event) pair of the three machines, against a table written by hand, on real rows."""

from typing import Any

import pytest

from common.errors import StateConflict
from common.transactions import apply_transition, in_transaction
from order import events, states
from order.models import Order, OrderOutbox, OrderTransition

S, F, P = states.OrderStatus, states.FulfilmentStatus, states.PaymentStatus

# What may happen, and where it leads; every pair that is not here must be refused.
LEGAL: dict[tuple[str, Any, str], Any] = {
    ("status", S.PENDING_PAYMENT, "pay"): S.PAID,
    ("status", S.PENDING_PAYMENT, "cancel"): S.CANCELLED,
    ("status", S.PENDING_PAYMENT, "expire"): S.CANCELLED,
    ("status", S.PAID, "begin_cancel"): S.CANCELLING,
    ("status", S.PAID, "refund"): S.CANCELLED,
    ("status", S.PAID, "complete"): S.COMPLETED,
    ("status", S.CANCELLING, "abort_cancel"): S.PAID,
    ("status", S.CANCELLING, "refund"): S.CANCELLED,
    ("fulfilment_status", F.UNSHIPPED, "ship"): F.RECEIVING,
    ("fulfilment_status", F.RECEIVING, "receive"): F.RECEIVED,
    ("payment_status", P.UNPAID, "authorize"): P.AUTHORIZED,
    ("payment_status", P.UNPAID, "capture"): P.PAID,
    ("payment_status", P.AUTHORIZED, "capture"): P.PAID,
    ("payment_status", P.AUTHORIZED, "void"): P.UNPAID,
    ("payment_status", P.PAID, "refund_part"): P.PART_REFUNDED,
    ("payment_status", P.PART_REFUNDED, "refund_part"): P.PART_REFUNDED,
    ("payment_status", P.PAID, "refund_whole"): P.REFUNDED,
    ("payment_status", P.PART_REFUNDED, "refund_whole"): P.REFUNDED,
}
MACHINES = {
    "status": states.ORDER_MACHINE,
    "fulfilment_status": states.FULFILMENT_MACHINE,
    "payment_status": states.PAYMENT_MACHINE,
}
PAIRS = [
    (axis, state, event)
    for axis, machine in MACHINES.items()
    for state in machine.states
    for event in machine.events()
]


def _set(order: Order, axis: str, state: int) -> Order:
    Order.objects.filter(pk=order.pk).update(**{axis: state})
    order.refresh_from_db()
    return order


@pytest.mark.django_db
@pytest.mark.breaks_invariants
@pytest.mark.parametrize(("axis", "state", "event"), PAIRS)
def test_every_pair_of_state_and_event(place: Any, axis: str, state: Any, event: str) -> None:
    order = _set(Order.objects.get(order_uuid=place()["order_uuid"]), axis, state)
    before = (order.version, OrderTransition.objects.count(), OrderOutbox.objects.count())

    def move() -> None:
        apply_transition(
            order,
            event,
            machine=MACHINES[axis],
            history=OrderTransition,
            actor="test",
            field=axis,
            publish=lambda row: [events.order_event(row, events.TOLD_BY[axis, event])],
        )

    target = LEGAL.get((axis, state, event))
    if target is None:
        with pytest.raises(StateConflict):
            in_transaction(move)
    else:
        in_transaction(move)

    order.refresh_from_db()
    after = (order.version, OrderTransition.objects.count(), OrderOutbox.objects.count())
    moved = 0 if target is None else 1
    assert getattr(order, axis) == (state if target is None else target)
    assert after == tuple(count + moved for count in before)


def test_every_transition_tells_something_that_has_a_route() -> None:
    told = {(axis, event) for axis, machine in MACHINES.items() for event in machine.events()}

    assert set(events.TOLD_BY) == told | {("status", "place")}
    assert set(events.TOLD_BY.values()) == set(events.ROUTES)
    assert all(events.ROUTES.values())


def test_outside_knows_four_statuses() -> None:
    assert {states.shown_status(status) for status in S} == {0, 1, 2, 3}
    assert states.shown_status(S.CANCELLING) == 1
