"""Every (state, event) pair of both machines: what the tables say is written out here a second time, by
hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from common.errors import StateConflict
from common.ids import new_uuid
from common.transactions import in_transaction
from payment.models import Payment, PaymentOutbox, PaymentTransition, Refund
from payment.services.booking import move_payment, move_refund
from payment.states import PAYMENT_MACHINE, REFUND_MACHINE, PaymentStatus, RefundStatus, shown_status

P, R = PaymentStatus, RefundStatus

PAYMENT_ARROWS = {
    (P.PENDING, "authorize"): P.AUTHORIZED,
    (P.PENDING, "succeed"): P.SUCCEEDED,
    (P.AUTHORIZED, "succeed"): P.SUCCEEDED,
    (P.PENDING, "fail"): P.FAILED,
    (P.AUTHORIZED, "fail"): P.FAILED,
    (P.PENDING, "close"): P.CLOSED,
    (P.AUTHORIZED, "close"): P.CLOSED,
    (P.FAILED, "succeed_late"): P.SUCCEEDED,
    (P.CLOSED, "succeed_late"): P.SUCCEEDED,
    (P.SUCCEEDED, "refund_part"): P.PART_REFUNDED,
    (P.PART_REFUNDED, "refund_part"): P.PART_REFUNDED,
    (P.SUCCEEDED, "refund_whole"): P.REFUNDED,
    (P.PART_REFUNDED, "refund_whole"): P.REFUNDED,
}
REFUND_ARROWS = {
    (R.REQUESTED, "approve"): R.APPROVED,
    (R.REQUESTED, "reject"): R.REJECTED,
    (R.APPROVED, "send"): R.PROCESSING,
    (R.PROCESSING, "succeed"): R.SUCCEEDED,
    (R.PROCESSING, "fail"): R.FAILED,
    (R.FAILED, "succeed_late"): R.SUCCEEDED,
}
# The order hears of a payment by these and by no others.
PUBLISHED = {
    "authorize": {"payment.authorized.v1"},
    "succeed": {"payment.succeeded.v1"},
    "fail": {"payment.failed.v1"},
    "close": {"payment.closed.v1"},
    "succeed_late": {"payment.succeeded_late.v1"},
    "refund_part": {"payment.refund_succeeded.v1"},
    "refund_whole": {"payment.refund_succeeded.v1"},
}


def pairs(states: Any, machine: Any) -> list[tuple[Any, str]]:
    """The whole grid."""
    return [(state, event) for state in states for event in machine.events()]


def a_payment(status: PaymentStatus) -> Payment:
    """A row in `status`, as if it had come there."""
    return Payment.objects.create(
        order_uuid=new_uuid(),
        order_id="CFMP2026112100000000",
        user_uuid=new_uuid(),
        seller_uuid=new_uuid(),
        amount=Decimal("12.00"),
        subject="茶壶",
        status=status,
        expires_at="2026-11-21T03:00:00Z",
    )


def a_refund(status: RefundStatus) -> Refund:
    """A row in `status`, of a paid payment."""
    payment = a_payment(PaymentStatus.SUCCEEDED)
    return Refund.objects.create(
        payment=payment,
        order_uuid=payment.order_uuid,
        buyer_uuid=payment.user_uuid,
        seller_uuid=payment.seller_uuid,
        requested_by="user:test",
        source="buyer",
        amount=Decimal("5.00"),
        status=status,
    )


@pytest.mark.django_db
@pytest.mark.breaks_invariants
@pytest.mark.parametrize(("state", "event"), pairs(P, PAYMENT_MACHINE))
def test_every_payment_state_meets_every_event(state: PaymentStatus, event: str) -> None:
    payment = a_payment(state)
    target = PAYMENT_ARROWS.get((state, event))

    if target is None:
        with pytest.raises(StateConflict):
            in_transaction(lambda: move_payment(payment, event, actor="test"))
    else:
        in_transaction(lambda: move_payment(payment, event, actor="test", reason="because"))

    payment.refresh_from_db()
    moved = target is not None
    assert payment.status == (target if moved else state)
    assert payment.version == (2 if moved else 1)
    history = PaymentTransition.objects.filter(entity_uuid=payment.payment_uuid)
    assert list(history.values_list("event", "source", "target")) == (
        [(event, state.name.lower(), target.name.lower())] if moved else []
    )
    told = set(PaymentOutbox.objects.filter(aggregate_id=payment.payment_uuid).values_list("type", flat=True))
    assert told == (PUBLISHED[event] if moved else set())


@pytest.mark.django_db
@pytest.mark.breaks_invariants
@pytest.mark.parametrize(("state", "event"), pairs(R, REFUND_MACHINE))
def test_every_refund_state_meets_every_event(state: RefundStatus, event: str) -> None:
    refund = a_refund(state)
    target = REFUND_ARROWS.get((state, event))

    if target is None:
        with pytest.raises(StateConflict):
            in_transaction(lambda: move_refund(refund, event, actor="test"))
    else:
        in_transaction(lambda: move_refund(refund, event, actor="test"))

    refund.refresh_from_db()
    assert refund.status == (target if target is not None else state)
    assert PaymentTransition.objects.filter(entity_uuid=refund.refund_uuid).count() == (target is not None)


def test_the_tables_name_no_other_arrow() -> None:
    for machine, states, arrows in (
        (PAYMENT_MACHINE, P, PAYMENT_ARROWS),
        (REFUND_MACHINE, R, REFUND_ARROWS),
    ):
        told = {pair for pair in pairs(states, machine) if machine.allows(*pair)}
        assert told == set(arrows)


@pytest.mark.parametrize(
    ("status", "unknown", "settles", "word"),
    [
        (P.PENDING, False, True, "pending"),
        (P.PENDING, True, True, "processing"),
        (P.SUCCEEDED, False, True, "success"),
        # Late money must not read as a paid order.
        (P.SUCCEEDED, False, False, "processing"),
        (P.FAILED, False, True, "failed"),
        (P.CLOSED, False, True, "cancelled"),
        (P.REFUNDED, False, True, "refunded"),
        (P.REFUNDED, False, False, "refunded"),
        (P.PART_REFUNDED, False, True, "part_refunded"),
        (P.AUTHORIZED, False, True, "processing"),
    ],
)
def test_the_client_knows_seven_words(status: P, unknown: bool, settles: bool, word: str) -> None:
    assert shown_status(status, unknown=unknown, settles_order=settles) == word
