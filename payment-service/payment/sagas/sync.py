"""Asking the provider what is true, and booking the answer. The one way out of "unknown", for payments and
refunds.

Flows without a stored run: the payment or refund row with its `sync_due_at` is the stored job, claimed
before the question, so that a crash anywhere only costs one pause.
"""

from __future__ import annotations

from common import clock
from common.log import get_logger
from payment.errors import CallbackRefused, PaymentStateConflict, ProviderUnknown
from payment.gateways import gateway_for
from payment.gateways.base import CloseState, RefundAnswer, RefundState, Trade, TradeState
from payment.models import Payment, Refund
from payment.selectors import payment_by_uuid, payments_due, refunds_due
from payment.services.close import payment_close, payment_look_no_more
from payment.services.confirm import payment_confirm
from payment.services.open import payment_claim_sync, payment_unknown
from payment.services.security import security_record
from payment.services.settle_refund import NoRoomForRefund, refund_claim_sync, refund_fail, refund_settle
from payment.states import PaymentStatus

log = get_logger(__name__)
ACTOR = "system:sync"
BATCH = 20


def payment_sync(payment: Payment, *, actor: str = ACTOR) -> Trade | None:
    """Ask about one attempt and book what is final; the provider's answer.

    None for an attempt the provider never heard of because it was never opened. Raises ProviderUnknown.
    """
    if not payment.pay_url and not payment.qr_code and not payment.unknown:
        _end_unopened(payment, actor)
        return None
    trade = gateway_for(payment.payment_method).query(payment.out_trade_no)
    if trade.state is TradeState.PAID:
        _book_paid(payment, trade, actor)
    elif trade.state is TradeState.CLOSED and payment.status == PaymentStatus.PENDING:
        _close(payment, "closed_at_provider", actor)
    return trade


def payment_end(payment: Payment, *, reason: str, actor: str) -> None:
    """Close an attempt, at the provider first: query → close → ours. What is paid wins and is booked instead.

    Raises PaymentStateConflict (it is paid), ProviderUnknown (nobody can say: ask again).
    """
    if payment.status != PaymentStatus.PENDING:
        payment_close(payment_uuid=payment.payment_uuid, reason=reason, actor=actor)
        return
    try:
        trade = payment_sync(payment, actor=actor)
        if trade is not None and trade.state is TradeState.WAITING:
            _close_there(payment)
    except ProviderUnknown:
        payment_unknown(payment_uuid=payment.payment_uuid)
        raise
    payment_close(payment_uuid=payment.payment_uuid, reason=reason, actor=actor)


def refund_send(refund: Refund) -> None:
    """Ask the provider to pay back, and book its answer; silence leaves it PROCESSING for the sweeper."""
    gateway = gateway_for(refund.payment.payment_method)
    try:
        answer = gateway.refund(
            out_trade_no=refund.payment.out_trade_no,
            out_request_no=refund.out_request_no,
            amount=refund.amount,
            reason=refund.reason,
        )
    except ProviderUnknown:
        return
    _book_refund(refund, answer)


def refund_sync(refund: Refund) -> None:
    """Ask about one refund; one the provider never heard of is sent (again), under the same number."""
    gateway = gateway_for(refund.payment.payment_method)
    try:
        answer = gateway.query_refund(
            out_trade_no=refund.payment.out_trade_no, out_request_no=refund.out_request_no
        )
    except ProviderUnknown:
        return
    if answer.state is RefundState.NOT_FOUND:
        refund_send(refund)
    else:
        _book_refund(refund, answer)


def sweep_payments() -> bool:
    """Job: ask about every attempt that is due, end those whose time is over. True when there may be more."""
    due = payments_due(clock.now(), BATCH)
    for payment in due:
        if payment_claim_sync(payment):
            _sweep_one(payment)
    return len(due) == BATCH


def sweep_refunds() -> bool:
    """Job: send or ask about every refund that is due. True when there may be more."""
    due = refunds_due(clock.now(), BATCH)
    for refund in due:
        if refund_claim_sync(refund):
            refund_sync(refund)
    return len(due) == BATCH


def _sweep_one(payment: Payment) -> None:
    try:
        if payment.status == PaymentStatus.PENDING and payment.expires_at <= clock.now():
            payment_end(payment, reason="expired", actor=ACTOR)
        else:
            trade = payment_sync(payment)
            if trade is not None and trade.state in (TradeState.CLOSED, TradeState.NOT_EXIST):
                payment_look_no_more(payment)
    except (ProviderUnknown, PaymentStateConflict, CallbackRefused) as unclear:
        log.info("payment_sync_unclear", payment_uuid=str(payment.payment_uuid), error=unclear.name)


def _book_paid(payment: Payment, trade: Trade, actor: str) -> None:
    amount = trade.total_amount
    try:
        if amount is None:
            raise ProviderUnknown
        payment_confirm(
            payment_uuid=payment.payment_uuid,
            transaction_id=trade.trade_no,
            amount=amount,
            paid_at=trade.paid_at,
            actor=actor,
        )
    except CallbackRefused as refused:
        security_record(
            kind=str(refused.params.get("reason")),
            method="query",
            body=payment.out_trade_no.encode(),
            payment=payment,
            detail={"total_amount": str(amount)},
        )
        raise


def _close_there(payment: Payment) -> None:
    gateway = gateway_for(payment.payment_method)
    if gateway.close(payment.out_trade_no) is not CloseState.REFUSED:
        return
    # Past closing between our two questions: paid, most likely. The answer is booked; ours then refuses.
    trade = payment_sync(payment_by_uuid(payment.payment_uuid))
    if trade is None or trade.state is TradeState.WAITING:
        raise ProviderUnknown


def _end_unopened(payment: Payment, actor: str) -> None:
    # Held by risk control, or its flow died before the provider heard of it: nobody can have paid it.
    if payment.status == PaymentStatus.PENDING and payment.expires_at <= clock.now():
        _close(payment, "expired", actor)


def _close(payment: Payment, reason: str, actor: str) -> None:
    payment_close(payment_uuid=payment.payment_uuid, reason=reason, actor=actor)


def _book_refund(refund: Refund, answer: RefundAnswer) -> None:
    if answer.amount is not None and answer.amount != refund.amount:
        _raise_alarm(refund, "wrong_refund_amount", amount=str(answer.amount))
    elif answer.state is RefundState.SUCCEEDED:
        try:
            refund_settle(refund=refund, actor=ACTOR)
        except NoRoomForRefund:
            _raise_alarm(refund, "refund_without_room")
    elif answer.state is RefundState.FAILED:
        refund_fail(refund=refund, reason=answer.reason, actor=ACTOR)


def _raise_alarm(refund: Refund, kind: str, **detail: str) -> None:
    security_record(
        kind=kind,
        method="query",
        body=refund.out_request_no.encode(),
        payment=refund.payment,
        detail={"refund_uuid": str(refund.refund_uuid), **detail},
    )
