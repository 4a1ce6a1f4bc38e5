"""A callback's way in: prove it, find its payment, book it, and only then say yes. Refusals leave a
security event.

An unstored flow; it calls nobody, so the provider's answer never waits for another machine.
"""

from __future__ import annotations

from uuid import UUID

from common.log import get_logger
from payment.errors import CallbackRefused, PaymentNotFound
from payment.gateways import gateway_for
from payment.gateways.base import Notification, TradeState
from payment.models import Payment, Refund
from payment.selectors import payment_by_trade_no, payment_known, refund_by_number
from payment.services.notify import Notice, notify_book
from payment.services.security import security_record

log = get_logger(__name__)
ACTOR = "provider:alipay"


def notify_receive(*, body: bytes, client_ip: str) -> str:
    """Book one raw Alipay notification; what became of it. CallbackRefused, with nothing moved, when it
    proves nothing or contradicts our books."""
    payment: Payment | None = None
    try:
        notification = gateway_for("alipay").read_notify(body)
        payment = _payment_of(notification)
        outcome = notify_book(
            payment=payment, refund=_refund_of(payment, notification), notice=_notice(notification)
        )
    except CallbackRefused as refused:
        callback_refused(
            method="alipay",
            reason=str(refused.params.get("reason", "refused")),
            body=body,
            payment=payment,
            client_ip=client_ip,
        )
        raise
    if outcome not in ("booked", "duplicate"):
        security_record(
            kind=outcome,
            method="alipay",
            body=notification.notify_id.encode(),
            payment=payment,
            detail={"out_biz_no": notification.refund_no, "refund_fee": str(notification.refund_fee)},
            client_ip=client_ip,
        )
    log.info("notify_booked", out_trade_no=notification.out_trade_no, word=notification.word, outcome=outcome)
    return outcome


def callback_refused(
    *, method: str, reason: str, body: bytes, payment: Payment | None = None, client_ip: str = ""
) -> None:
    """Book a refused callback, and say so in the log."""
    log.warning("notify_rejected", method=method, reason=reason)
    security_record(kind=reason, method=method, body=body, payment=payment, client_ip=client_ip)


def return_read(method: str, parameters: dict[str, str]) -> Payment | None:
    """The payment a returning browser speaks of, if what it brought is signed; None otherwise."""
    try:
        return payment_by_trade_no(gateway_for(method).read_return(parameters))
    except (CallbackRefused, PaymentNotFound):
        return None


def _payment_of(notification: Notification) -> Payment:
    try:
        payment = payment_known(UUID(hex=notification.out_trade_no))
    except ValueError:
        payment = None
    # UUID() also takes hyphens and braces: a trade of that number is not ours, and we could not refund it.
    if payment is None or payment.out_trade_no != notification.out_trade_no:
        raise CallbackRefused(reason="unknown_out_trade_no")
    return payment


def _refund_of(payment: Payment, notification: Notification) -> Refund | None:
    return refund_by_number(payment, notification.refund_no) if notification.refund_no else None


def _notice(notification: Notification) -> Notice:
    return Notice(
        notify_id=notification.notify_id,
        word=notification.word,
        paid=notification.state is TradeState.PAID,
        closed=notification.state is TradeState.CLOSED,
        transaction_id=notification.trade_no,
        total_amount=notification.total_amount,
        refund_fee=notification.refund_fee,
        refund_no=notification.refund_no,
        paid_at=notification.paid_at,
        actor=ACTOR,
    )
