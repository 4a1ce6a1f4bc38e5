"""An attempt that will never be paid: risk control or the provider said a final no."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from payment.errors import PaymentStateConflict
from payment.models import LedgerKind, Payment
from payment.services.booking import again, book, move_payment
from payment.states import PaymentStatus, shown_status


def payment_fail(*, payment_uuid: UUID, reason: str, actor: str) -> bool:
    """Fail a pending attempt; False when it failed already. PaymentStateConflict when it was paid or
    closed."""

    def fail() -> bool:
        payment = Payment.objects.get(payment_uuid=payment_uuid)
        if payment.status == PaymentStatus.FAILED:
            return False
        refuse_unless_pending(payment)
        give_up(payment, reason=reason, actor=actor)
        return True

    return again(fail)


def give_up(payment: Payment, *, reason: str, actor: str, **changes: Any) -> None:
    """The failing itself, inside the caller's transaction."""
    move_payment(
        payment,
        "fail",
        actor=actor,
        reason=reason,
        failure_reason=reason[:255],
        living_key=None,
        sync_due_at=None,
        unknown=False,
        **changes,
    )
    book(
        payment,
        LedgerKind.CHARGE_FAILURE,
        reference=payment.out_trade_no,
        amount=payment.amount,
        actor=actor,
        note=reason,
    )


def refuse_unless_pending(payment: Payment) -> None:
    """PaymentStateConflict that says what the payment is instead."""
    if payment.status not in (PaymentStatus.PENDING, PaymentStatus.AUTHORIZED):
        raise PaymentStateConflict(data={"status": shown(payment)})


def shown(payment: Payment) -> str:
    """The CFMP word for a payment's status."""
    return shown_status(payment.status, unknown=payment.unknown, settles_order=payment.settles_order)
