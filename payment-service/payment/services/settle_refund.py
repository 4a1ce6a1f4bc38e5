"""What became of a refund at the provider: paid back, refused for good, or still to be asked about."""

from __future__ import annotations

from common import clock
from common.outbox.publish import publish
from payment.errors import RefundStateConflict
from payment.events import refund_events
from payment.models import LedgerKind, Payment, Refund
from payment.services.booking import again, book, change_payment, move_payment, move_refund, next_sync
from payment.states import RefundStatus


class NoRoomForRefund(Exception):
    """The provider paid back a refund we had written off, and its amount is promised elsewhere: an
    operator's case."""


def refund_settle(*, refund: Refund, actor: str) -> bool:
    """Book that the provider paid `refund` back; False when that is booked already.

    `refund` comes with its payment, in hand or stale. A refund written off as failed is revived where its
    amount is still free; NoRoomForRefund otherwise. RefundStateConflict for one that was never sent.
    """
    return again(lambda: book_refund(refund, actor=actor), refund, refund.payment)


def book_refund(refund: Refund, *, actor: str) -> bool:
    """The booking itself, inside the caller's transaction."""
    payment = refund.payment
    if refund.status == RefundStatus.SUCCEEDED:
        return False
    revived = refund.status == RefundStatus.FAILED
    if revived and refund.amount > payment.refundable_amount:
        raise NoRoomForRefund(str(refund.refund_uuid))
    if refund.status not in (RefundStatus.PROCESSING, RefundStatus.FAILED):
        raise RefundStateConflict(data={"status": RefundStatus(refund.status).name.lower()})
    event = "succeed_late" if revived else "succeed"
    move_refund(refund, event, actor=actor, settled_at=clock.now(), sync_due_at=None, open_key=None)
    _give_back(payment, refund, held=not revived, actor=actor)
    book(
        payment, LedgerKind.REFUND_SUCCESS, reference=refund.out_request_no, amount=refund.amount, actor=actor
    )
    return True


def _give_back(payment: Payment, refund: Refund, *, held: bool, actor: str) -> None:
    refunded = payment.refunded_amount + refund.amount
    pending = payment.refund_pending_amount - (refund.amount if held else 0)
    whole = refunded == payment.charged_amount
    move_payment(
        payment,
        "refund_whole" if whole else "refund_part",
        actor=actor,
        reason=refund.reason,
        refunded_amount=refunded,
        refund_pending_amount=pending,
        living_key=None if whole else payment.living_key,
        publish=lambda row: refund_events("payment.refund_succeeded.v1", row, refund),
    )


def refund_fail(*, refund: Refund, reason: str, actor: str) -> bool:
    """Book the provider's final no: the amount is free again. False when it is decided already."""

    def fail() -> bool:
        if refund.status != RefundStatus.PROCESSING:
            return False
        _write_off(refund, reason, actor)
        return True

    return again(fail, refund, refund.payment)


def _write_off(refund: Refund, reason: str, actor: str) -> None:
    payment = refund.payment
    move_refund(
        refund,
        "fail",
        actor=actor,
        reason=reason,
        failure_reason=reason[:255],
        settled_at=clock.now(),
        sync_due_at=None,
        open_key=None,
    )
    change_payment(payment, refund_pending_amount=payment.refund_pending_amount - refund.amount)
    book(
        payment,
        LedgerKind.REFUND_FAILURE,
        reference=refund.out_request_no,
        amount=refund.amount,
        actor=actor,
        note=reason,
    )
    publish(*refund_events("payment.refund_failed.v1", payment, refund, reason=reason))


def refund_claim_sync(refund: Refund) -> bool:
    """Win the next question about `refund`; False when another worker did."""
    due = next_sync(refund.sync_attempts)
    won = Refund.objects.filter(pk=refund.pk, status=RefundStatus.PROCESSING, sync_due_at=refund.sync_due_at)
    if won.update(sync_due_at=due, sync_attempts=refund.sync_attempts + 1) != 1:
        return False
    refund.sync_due_at, refund.sync_attempts = due, refund.sync_attempts + 1
    return True


def refund_look_now(payment: Payment) -> None:
    """Something hints at a refund of this payment without naming it: ask about those under way at once."""
    under_way = Refund.objects.filter(payment=payment, status=RefundStatus.PROCESSING)
    under_way.update(sync_due_at=clock.now())
