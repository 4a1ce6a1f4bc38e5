"""Giving money back: the wish is committed, then the provider is asked, under a lease that makes waiting
polite.

The refund row is its own stored job (PROCESSING with `sync_due_at`): whatever dies here, the sweeper goes
on from it.
"""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from common.leases.lease import lease
from payment.models import Payment, Refund
from payment.sagas.sync import refund_send
from payment.services.refund import refund_approve, refund_request
from payment.states import RefundSource, RefundStatus

# Reference 4's named lock: wait 3 s, hold 20 s. Alipay wants refunds of one trade one after another.
WAIT, HOLD = 3.0, 20.0


def refund_start(
    *, payment: Payment, amount: Decimal | None, reason: str, source: RefundSource, actor: str, approved: bool
) -> Refund:
    """Ask for `amount` (None: all that is left) back and, when approved, from the provider at once; the
    refund as far as it got.

    Raises RefundExceedsPayment, RefundInProgress, PaymentStateConflict, LeaseTimeout.
    """
    with lease(_name(payment.pk), wait=WAIT, hold=HOLD):
        refund = refund_request(
            payment=payment, amount=amount, reason=reason, source=source, actor=actor, approved=approved
        )
        # An open wish found again is under way already.
        if refund.status == RefundStatus.PROCESSING and refund.sync_attempts == 0:
            refund_send(refund)
    return refund


def refund_approve_and_send(*, refund: Refund, actor: str, reason: str) -> Refund:
    """Approve a waiting refund and send it. RefundStateConflict when it is decided already."""
    with lease(_name(refund.payment_id), wait=WAIT, hold=HOLD):
        approved = refund_approve(refund_uuid=refund.refund_uuid, actor=actor, reason=reason)
        refund_send(approved)
    return approved


def _name(payment_id: int | UUID) -> str:
    return f"payment:refund:{payment_id}"
