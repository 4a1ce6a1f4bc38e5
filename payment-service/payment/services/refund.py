"""Wishes to give money back: asked for, approved, rejected. The amount is held from the first moment on.

One conditional UPDATE of the payment's `refund_pending_amount` decides between refunds that race; the
lease the flow holds around this only makes waiting polite.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import IntegrityError

from common import clock, tracing
from common.idempotency.claim import bind, is_keyed
from common.outbox.publish import publish
from payment.errors import (
    PaymentStateConflict,
    RefundExceedsPayment,
    RefundInProgress,
    RefundNotFound,
    RefundStateConflict,
)
from payment.events import refund_events
from payment.models import LedgerKind, Payment, PaymentTransition, Refund
from payment.services.booking import again, book, change_payment, move_refund
from payment.services.fail import shown
from payment.states import REFUND_MACHINE, REFUNDABLE, RefundSource, RefundStatus

SYSTEM = "system:refund"
# Without a key, the same wish of the same person within this time is a double click. It is longer than a hand
# takes and shorter than meaning it twice does; who means it twice sends keys.
DOUBLE_CLICK = timedelta(seconds=10)
# Alipay knows a refund reliably ten seconds after it was asked for.
FIRST_LOOK = timedelta(seconds=10)


def refund_request(
    *,
    payment: Payment,
    amount: Decimal | None,
    reason: str,
    source: RefundSource,
    actor: str,
    approved: bool,
) -> Refund:
    """A wish for `amount` back, None for all that is left. `approved` ones are PROCESSING at once, the
    others wait for the seller.

    A buyer has one open wish per payment: the same amount again is the same wish, another is
    RefundInProgress. Anybody's same amount and reason again within DOUBLE_CLICK, without a key, is the same
    wish too. Raises PaymentStateConflict (nothing paid), RefundExceedsPayment (or nothing left).
    """
    try:
        return again(lambda: _request(payment, amount, reason, source, actor, approved), payment)
    except IntegrityError:
        payment.refresh_from_db()
        if (open_wish := _open_wish(payment)) is None:
            raise
        return _same_or_refused(open_wish, amount)


def _request(
    payment: Payment, amount: Decimal | None, reason: str, source: RefundSource, actor: str, approved: bool
) -> Refund:
    if payment.status not in REFUNDABLE:
        raise PaymentStateConflict(data={"status": shown(payment)})
    if (clicked := _clicked_twice(payment, amount, reason, actor)) is not None:
        return clicked
    left = payment.refundable_amount
    wish = left if amount is None else amount
    # Nothing may be left of a payment that is not refunded yet: another refund holds it.
    if not 0 < wish <= left:
        if source is RefundSource.BUYER and (open_wish := _open_wish(payment)) is not None:
            return _same_or_refused(open_wish, amount)
        raise RefundExceedsPayment
    change_payment(payment, refund_pending_amount=payment.refund_pending_amount + wish)
    refund = _insert(payment, wish, reason, source, actor, approved)
    if not approved:
        publish(*refund_events("payment.refund_requested.v1", payment, refund, reason=reason))
    bind("refund", refund.refund_uuid)
    return refund


def add_automatic_refund(payment: Payment, *, source: RefundSource) -> Refund:
    """Send late or double money back, inside the transaction that booked it and already holds its amount."""
    return _insert(payment, payment.charged_amount, source, source, SYSTEM, True, due=clock.now())


def refund_approve(*, refund_uuid: UUID, actor: str, reason: str) -> Refund:
    """The seller or an administrator agrees: PROCESSING, to be sent. RefundStateConflict when decided
    already."""

    def approve() -> Refund:
        refund = _requested(refund_uuid)
        move_refund(
            refund, "approve", actor=actor, reason=reason, decided_by=actor[:64], decision_reason=reason
        )
        move_refund(refund, "send", actor=actor, sync_due_at=clock.now() + FIRST_LOOK)
        bind("refund", refund.refund_uuid)
        return refund

    return again(approve)


def refund_reject(*, refund_uuid: UUID, actor: str, reason: str) -> Refund:
    """The seller or an administrator refuses: the amount is free again. RefundStateConflict when decided
    already."""

    def reject() -> Refund:
        refund = _requested(refund_uuid)
        payment = refund.payment
        move_refund(
            refund,
            "reject",
            actor=actor,
            reason=reason,
            decided_by=actor[:64],
            decision_reason=reason,
            open_key=None,
            settled_at=clock.now(),
        )
        change_payment(payment, refund_pending_amount=payment.refund_pending_amount - refund.amount)
        book(
            payment,
            LedgerKind.REFUND_CANCEL,
            reference=refund.out_request_no,
            amount=refund.amount,
            actor=actor,
            note=reason,
        )
        publish(*refund_events("payment.refund_rejected.v1", payment, refund, reason=reason))
        bind("refund", refund.refund_uuid)
        return refund

    return again(reject)


def _insert(
    payment: Payment,
    amount: Decimal,
    reason: str,
    source: RefundSource,
    actor: str,
    approved: bool,
    due: datetime | None = None,
) -> Refund:
    refund = Refund(
        payment=payment,
        order_uuid=payment.order_uuid,
        buyer_uuid=payment.user_uuid,
        seller_uuid=payment.seller_uuid,
        requested_by=actor[:64],
        source=source,
        amount=amount,
        reason=reason[:255],
        status=RefundStatus.PROCESSING if approved else RefundStatus.REQUESTED,
        open_key=payment.payment_uuid.hex if source is RefundSource.BUYER else None,
        decided_by=actor[:64] if approved else "",
        sync_due_at=(due or clock.now() + FIRST_LOOK) if approved else None,
    )
    refund.save(force_insert=True)
    book(
        payment,
        LedgerKind.REFUND_REQUEST,
        reference=refund.out_request_no,
        amount=amount,
        actor=actor,
        note=reason,
    )
    _record_birth(refund, actor, ["created", "approve", "send"] if approved else ["created"])
    return refund


def _record_birth(refund: Refund, actor: str, events: list[str]) -> None:
    """The history of a refund that may be approved and on its way when it is born: one INSERT."""
    rows, source = [], ""
    for event in events:
        target = REFUND_MACHINE.initial if event == "created" else REFUND_MACHINE.target(event)
        rows.append(
            PaymentTransition(
                entity_uuid=refund.refund_uuid,
                axis="status",
                event=event,
                source=source,
                target=target.name.lower(),
                actor=actor[:80],
                reason=refund.reason,
                request_id=tracing.current().request_id,
            )
        )
        source = target.name.lower()
    PaymentTransition.objects.bulk_create(rows)


def _requested(refund_uuid: UUID) -> Refund:
    refunds = Refund.objects.select_related("payment").defer("payment__client_ip")
    refund = refunds.filter(refund_uuid=refund_uuid).first()
    if refund is None:
        raise RefundNotFound
    if refund.status != RefundStatus.REQUESTED:
        raise RefundStateConflict(data={"status": RefundStatus(refund.status).name.lower()})
    return refund


def _clicked_twice(payment: Payment, amount: Decimal | None, reason: str, actor: str) -> Refund | None:
    if amount is None or is_keyed() or not (payment.refund_pending_amount or payment.refunded_amount):
        return None
    same = Refund.objects.filter(
        payment=payment, requested_by=actor[:64], amount=amount, reason=reason[:255]
    ).exclude(status__in=(RefundStatus.FAILED, RefundStatus.REJECTED))
    return same.filter(created_at__gt=clock.now() - DOUBLE_CLICK).first()


def _open_wish(payment: Payment) -> Refund | None:
    return Refund.objects.filter(open_key=payment.payment_uuid.hex).first()


def _same_or_refused(open_wish: Refund, amount: Decimal | None) -> Refund:
    if amount not in (None, open_wish.amount):
        raise RefundInProgress
    return open_wish
