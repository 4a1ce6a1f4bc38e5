"""The way to the cashier is known, or the provider was silent about it."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from common import clock
from payment.models import Payment
from payment.services.booking import again, change_payment, next_sync
from payment.services.create import GRACE
from payment.states import PaymentStatus

# A buyer at the cashier needs a minute; then a lost notification is looked for.
FIRST_LOOK = timedelta(seconds=60)
# The pauses after the first look go on from here (see booking.SYNC_PAUSES).
FIRST_PAUSE = 3


def payment_opened(*, payment: Payment, pay_url: str, qr_code: str) -> None:
    """Store how to pay. Harmless on an attempt that is decided already."""

    def opened() -> None:
        if payment.status == PaymentStatus.PENDING:
            due = min(clock.now() + FIRST_LOOK, payment.expires_at + GRACE)
            change_payment(
                payment,
                pay_url=pay_url,
                qr_code=qr_code,
                unknown=False,
                sync_due_at=due,
                sync_attempts=FIRST_PAUSE,
            )

    again(opened, payment)


def payment_unknown(*, payment_uuid: UUID) -> None:
    """A call about this attempt ended without a believable answer: pending, and to be asked about soon."""

    def unknown() -> None:
        payment = Payment.objects.get(payment_uuid=payment_uuid)
        if payment.status == PaymentStatus.PENDING and not payment.unknown:
            change_payment(payment, unknown=True, sync_attempts=0, sync_due_at=next_sync(0))

    again(unknown)


def payment_claim_sync(payment: Payment) -> bool:
    """Win the next question about `payment`: sets when to ask after this one. False when another worker did.

    Claimed before asking, so that a crash inside the question costs a pause and never the question.
    """
    due = _next_look(payment)
    won = Payment.objects.filter(pk=payment.pk, sync_due_at=payment.sync_due_at)
    if won.update(sync_due_at=due, sync_attempts=payment.sync_attempts + 1) != 1:
        return False
    payment.sync_due_at, payment.sync_attempts = due, payment.sync_attempts + 1
    return True


def _next_look(payment: Payment) -> datetime:
    due, end = next_sync(payment.sync_attempts), payment.expires_at + GRACE
    return min(due, end) if clock.now() < end else due
