"""What risk control said of an attempt, and what the reviewer decided later."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from common import clock
from payment.errors import PaymentNotFound
from payment.models import Payment
from payment.services.booking import again, change_payment
from payment.services.fail import give_up
from payment.services.figures import RISK
from payment.states import PaymentStatus, RiskOutcome

ACTOR = "system:risk"


def payment_record_risk(
    *, payment: Payment, outcome: RiskOutcome, assessment_uuid: UUID | None, hold_unevaluated: bool
) -> None:
    """Write the outcome: approve and review go on, block_and_review holds, decline fails the attempt.

    `hold_unevaluated` is RISK_FAILURE_MODE=closed: silence of risk control then holds like a review.
    Writing it again changes nothing, so that the saga step may be repeated.
    """

    def record() -> None:
        if payment.status != PaymentStatus.PENDING or payment.risk_outcome != RiskOutcome.EMPTY:
            return
        transaction.on_commit(RISK.labels(outcome.name.lower()).inc)
        told = {"risk_outcome": outcome, "assessment_uuid": assessment_uuid}
        if outcome is RiskOutcome.DECLINE:
            give_up(payment, reason="risk_declined", actor=ACTOR, **told)
            return
        held = outcome is RiskOutcome.BLOCK_AND_REVIEW
        held = held or (outcome is RiskOutcome.NOT_EVALUATED and hold_unevaluated)
        change_payment(payment, under_review=held, **told)

    again(record, payment)


def payment_release(*, payment_uuid: UUID) -> Payment | None:
    """The reviewer lets a held attempt go on; None when it is not held (any more) or its time is over."""

    def release() -> Payment | None:
        payment = _get(payment_uuid)
        held = payment.status == PaymentStatus.PENDING and payment.under_review
        if not held or payment.expires_at <= clock.now():
            return None
        change_payment(payment, under_review=False)
        return payment

    return again(release)


def payment_stop(*, payment_uuid: UUID, reason: str) -> bool:
    """The reviewer stops a held attempt. False when it is not held (any more): a paid one is never failed."""

    def stop() -> bool:
        payment = _get(payment_uuid)
        if payment.status != PaymentStatus.PENDING or not payment.under_review:
            return False
        give_up(payment, reason=reason or "risk_stopped", actor=ACTOR, under_review=False)
        return True

    return again(stop)


def payment_is_open_for_review(*, payment_uuid: UUID) -> bool:
    """Whether an attempt that went on while a reviewer was to look at it still waits for its money."""
    payment = _get(payment_uuid)
    return payment.status == PaymentStatus.PENDING and payment.risk_outcome == RiskOutcome.REVIEW


def _get(payment_uuid: UUID) -> Payment:
    payment = Payment.objects.filter(payment_uuid=payment_uuid).first()
    if payment is None:
        raise PaymentNotFound
    return payment
