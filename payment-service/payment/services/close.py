"""An attempt given up without payment. Ask the provider first: that is `sagas/cancel.py`'s work, not this
room's."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from common import clock
from payment.models import LedgerKind, Payment
from payment.services.booking import again, book, move_payment
from payment.services.create import GRACE
from payment.services.fail import refuse_unless_pending
from payment.states import PaymentStatus


def payment_close(*, payment_uuid: UUID, reason: str, actor: str) -> bool:
    """Close a pending attempt; False when it is closed or failed already. PaymentStateConflict when it was
    paid."""

    def close() -> bool:
        payment = Payment.objects.get(payment_uuid=payment_uuid)
        if payment.status in (PaymentStatus.CLOSED, PaymentStatus.FAILED):
            return False
        refuse_unless_pending(payment)
        shut(payment, reason=reason, actor=actor)
        return True

    return again(close)


def shut(payment: Payment, *, reason: str, actor: str) -> None:
    """The closing itself, inside the caller's transaction."""
    move_payment(
        payment,
        "close",
        actor=actor,
        reason=reason,
        living_key=None,
        closed_at=clock.now(),
        sync_due_at=_last_look(payment),
        unknown=False,
        under_review=False,
    )
    book(
        payment,
        LedgerKind.CHARGE_CLOSE,
        reference=payment.out_trade_no,
        amount=payment.amount,
        actor=actor,
        note=reason,
    )


def _last_look(payment: Payment) -> datetime | None:
    """After the cashier's own end: a trade nobody had opened could not be closed at the provider, and the
    address or code the buyer still holds pays it until then. Its notification may be lost."""
    due = payment.expires_at + GRACE
    known = payment.pay_url or payment.qr_code
    return due if known and due > clock.now() else None


def payment_look_no_more(payment: Payment) -> None:
    """The provider says that a closed attempt's trade is over, or never was, and its cashier has ended."""
    Payment.objects.filter(pk=payment.pk, status=PaymentStatus.CLOSED).update(sync_due_at=None)
