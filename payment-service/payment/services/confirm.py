"""Money came in. Every road to "paid" ends here: notify, query, return page, sweeper, operator."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from common import clock
from payment.errors import CallbackRefused
from payment.models import LedgerKind, Payment
from payment.services.booking import again, book, move_payment
from payment.services.refund import add_automatic_refund
from payment.states import CHARGED, PAYMENT_MACHINE, RefundSource


class Booked(StrEnum):
    """NEW paid the order; LATE came for an attempt given up and is being sent back; ALREADY changed
    nothing."""

    NEW = "new"
    LATE = "late"
    ALREADY = "already"


def payment_confirm(
    *, payment_uuid: UUID, transaction_id: str, amount: Decimal, paid_at: datetime | None, actor: str
) -> Booked:
    """Book what the provider reports as paid. CallbackRefused("wrong_amount") unless `amount` is the
    payment's."""
    return again(
        lambda: book_charge(
            Payment.objects.get(payment_uuid=payment_uuid),
            transaction_id=transaction_id,
            amount=amount,
            paid_at=paid_at,
            actor=actor,
        )
    )


def book_charge(
    payment: Payment, *, transaction_id: str, amount: Decimal, paid_at: datetime | None, actor: str
) -> Booked:
    """The booking itself, inside the caller's transaction."""
    if amount != payment.amount:
        raise CallbackRefused(reason="wrong_amount")
    if payment.status in CHARGED:
        return Booked.ALREADY
    late = not PAYMENT_MACHINE.allows(payment.status, "succeed")
    moved: dict[str, Any] = {
        "charged_amount": amount,
        "transaction_id": transaction_id,
        "paid_at": paid_at or clock.now(),
        "sync_due_at": None,
        "unknown": False,
        "under_review": False,
    }
    if late:
        source = _why_back(payment)
        held: dict[str, Any] = {"settles_order": False, "refund_pending_amount": amount}
        move_payment(payment, "succeed_late", actor=actor, reason=source, **moved, **held)
    else:
        move_payment(payment, "succeed", actor=actor, **moved)
    book(payment, LedgerKind.CHARGE_SUCCESS, reference=payment.out_trade_no, amount=amount, actor=actor)
    if late:
        add_automatic_refund(payment, source=source)
        return Booked.LATE
    return Booked.NEW


def _why_back(payment: Payment) -> RefundSource:
    """Paid twice, or paid after the end: both go back, and the accounts say which it was."""
    others = Payment.objects.filter(order_uuid=payment.order_uuid, settles_order=True, charged_amount__gt=0)
    paid_already = others.exclude(pk=payment.pk).exists()
    return RefundSource.OVERPAYMENT if paid_already else RefundSource.LATE_PAYMENT
