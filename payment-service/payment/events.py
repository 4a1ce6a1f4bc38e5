"""What this service tells others, and whom. Thin events: ids, version, amounts; readers fetch the rest.

Every payment event belongs to the payment's aggregate, refunds too: a reader sees one payment's story in
order.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import UUID

from common.clock import rfc3339
from common.money import format_amount
from common.outbox.publish import Event
from payment.states import shown_status

_INBOX = ("NotificationService", "/event/inbox")
_ORDER_PAID = ("OrderService", "/event/payment_notified_cm")
_ORDER_UNPAID = ("OrderService", "/event/payment_failed_cm")
_ORDER_REFUND = ("OrderService", "/event/refund_notified")
# The address that a client left as `notifyUrl`; who goes there is `sagas/webhook.py`. The row's path is its
# host, whose letters share their fate: not its port too, which has many spellings.
CLIENT = ("Client", "notifyUrl")
CLIENT_PREFIX = "client."
LONGEST_DOOR = 120
# Event -> what the client is told then, if it left an address.
CLIENT_FACTS: Mapping[str, str] = {
    "payment.succeeded.v1": "payment.succeeded",
    "payment.failed.v1": "payment.failed",
    "payment.closed.v1": "payment.closed",
    "payment.refund_succeeded.v1": "refund.succeeded",
    "payment.refund_failed.v1": "refund.failed",
}

ROUTES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "payment.succeeded.v1": (_ORDER_PAID, _INBOX),
    "payment.authorized.v1": (_ORDER_PAID, _INBOX),
    "payment.failed.v1": (_ORDER_UNPAID, _INBOX),
    "payment.closed.v1": (_ORDER_UNPAID, _INBOX),
    # The order was given up before the money came: it must not hear "paid", people must.
    "payment.succeeded_late.v1": (_INBOX,),
    "payment.refund_requested.v1": (_INBOX,),
    "payment.refund_rejected.v1": (_INBOX,),
    "payment.refund_succeeded.v1": (_ORDER_REFUND, _INBOX),
    "payment.refund_failed.v1": (_ORDER_REFUND, _INBOX),
    "payment.security_event.v1": (_INBOX,),
    **{f"{CLIENT_PREFIX}{fact}": (CLIENT,) for fact in CLIENT_FACTS.values()},
}

# Payment machine event -> what is published with it.
PAYMENT_FACTS: Mapping[str, str] = {
    "authorize": "payment.authorized.v1",
    "succeed": "payment.succeeded.v1",
    "fail": "payment.failed.v1",
    "close": "payment.closed.v1",
    "succeed_late": "payment.succeeded_late.v1",
    "refund_part": "payment.refund_succeeded.v1",
    "refund_whole": "payment.refund_succeeded.v1",
}


class PaymentLike(Protocol):
    """The columns of a payment an event speaks of."""

    id: int
    payment_uuid: UUID
    order_uuid: UUID
    order_id: str
    user_uuid: UUID
    seller_uuid: UUID
    amount: Decimal
    refunded_amount: Decimal
    status: int
    settles_order: bool
    unknown: bool
    transaction_id: str
    payment_method: str
    notify_url: str
    paid_at: datetime | None
    version: int


class RefundLike(Protocol):
    """The columns of a refund an event speaks of."""

    refund_uuid: UUID
    amount: Decimal
    source: str


def payment_events(kind: str, payment: PaymentLike, *, reason: str = "") -> list[Event]:
    """The event `kind` about `payment` as it is now, and the client's copy."""
    event = Event(kind, payment.payment_uuid, payment.version, _payment_data(payment, reason))
    return [event, *_for_client(kind, payment, {})]


def refund_events(kind: str, payment: PaymentLike, refund: RefundLike, *, reason: str = "") -> list[Event]:
    """The event `kind` about one refund, in its payment's order of things, and the client's copy."""
    data = _payment_data(payment, reason) | {
        "refund_uuid": str(refund.refund_uuid),
        "refund_amount": format_amount(refund.amount),
        "refund_source": str(refund.source),
    }
    event = Event(kind, payment.payment_uuid, payment.version, data)
    its = {"refundUuid": str(refund.refund_uuid), "refundAmount": format_amount(refund.amount)}
    return [event, *_for_client(kind, payment, its)]


def security_event(
    event_uuid: UUID, *, kind: str, payment_uuid: UUID | None, order_uuid: UUID | None
) -> Event:
    """Somebody tried something. Ids only: what they sent stays in the row."""
    data: dict[str, Any] = {
        "security_event_uuid": str(event_uuid),
        "kind": kind,
        "payment_uuid": str(payment_uuid) if payment_uuid else None,
        "order_uuid": str(order_uuid) if order_uuid else None,
    }
    return Event("payment.security_event.v1", event_uuid, 1, data)


def _for_client(kind: str, payment: PaymentLike, more: dict[str, str]) -> list[Event]:
    """Ids, status and amounts, in the names of the family that takes a `notifyUrl`; nothing of people."""
    if not payment.notify_url or kind not in CLIENT_FACTS:
        return []
    data = {
        "paymentId": payment.id,
        "outTradeNo": payment.payment_uuid.hex,
        "orderNo": payment.order_id,
        "orderUuid": str(payment.order_uuid),
        "status": _shown(payment),
        "amount": format_amount(payment.amount),
        "refundedAmount": format_amount(payment.refunded_amount),
        "transactionId": payment.transaction_id or None,
        "paidAt": rfc3339(payment.paid_at) if payment.paid_at else None,
        "version": payment.version,
        **more,
    }
    fact = f"{CLIENT_PREFIX}{CLIENT_FACTS[kind]}"
    host = urlsplit(payment.notify_url).hostname or ""
    return [Event(fact, payment.payment_uuid, payment.version, data, door=host[:LONGEST_DOOR])]


def _shown(payment: PaymentLike) -> str:
    return shown_status(payment.status, unknown=payment.unknown, settles_order=payment.settles_order)


def _payment_data(payment: PaymentLike, reason: str) -> dict[str, Any]:
    return {
        "payment_uuid": str(payment.payment_uuid),
        "order_uuid": str(payment.order_uuid),
        "order_id": payment.order_id,
        "user_uuid": str(payment.user_uuid),
        "seller_uuid": str(payment.seller_uuid),
        "amount": format_amount(payment.amount),
        "refunded_amount": format_amount(payment.refunded_amount),
        "status": _shown(payment),
        "transaction_id": payment.transaction_id,
        "payment_method": payment.payment_method,
        "paid_at": rfc3339(payment.paid_at) if payment.paid_at else None,
        "reason": reason,
    }
