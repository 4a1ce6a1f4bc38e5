"""What this service tells the others, and to which doors: thin events (ids, version, amounts), never
personal data.

Room: names, routes and which transition tells what. Publishing happens in services, within their transaction.
"""

from typing import Any
from uuid import UUID

from common.money import format_amount
from common.outbox.publish import Event
from order.states import FulfilmentStatus, OrderStatus, PaymentStatus, shown_status

CREATED = "order.created.v1"
AUTHORIZED = "order.authorized.v1"
PAID = "order.paid.v1"
PURCHASED = "order.purchased.v1"  # money is final; told once per order
VOIDED = "order.authorization_voided.v1"
SHIPPED = "order.shipped.v1"
DELIVERED = "order.delivered.v1"
COMPLETED = "order.completed.v1"
CANCELLING = "order.cancelling.v1"
CANCEL_FAILED = "order.cancel_failed.v1"
CANCELLED = "order.cancelled.v1"
EXPIRED = "order.expired.v1"
REFUNDED = "order.refunded.v1"

_INBOX = ("NotificationService", "/event/inbox")

_ALL = (
    CREATED, AUTHORIZED, PAID, PURCHASED, VOIDED, SHIPPED, DELIVERED, COMPLETED, CANCELLING, CANCEL_FAILED,
    CANCELLED, EXPIRED, REFUNDED,
)  # fmt: skip
ROUTES: dict[str, tuple[tuple[str, str], ...]] = dict.fromkeys(_ALL, (_INBOX,))

# (axis, event of the state machine) -> the event told in the same transaction. `audit_orders` checks it
# row by row.
TOLD_BY: dict[tuple[str, str], str] = {
    ("status", "place"): CREATED,
    ("status", "pay"): PAID,
    ("status", "cancel"): CANCELLED,
    ("status", "expire"): EXPIRED,
    ("status", "begin_cancel"): CANCELLING,
    ("status", "abort_cancel"): CANCEL_FAILED,
    ("status", "refund"): CANCELLED,
    ("status", "complete"): COMPLETED,
    ("fulfilment_status", "ship"): SHIPPED,
    ("fulfilment_status", "receive"): DELIVERED,
    ("payment_status", "authorize"): AUTHORIZED,
    ("payment_status", "void"): VOIDED,
    ("payment_status", "capture"): PURCHASED,
    ("payment_status", "refund_part"): REFUNDED,
    ("payment_status", "refund_whole"): REFUNDED,
}


def order_event(order: Any, type_: str, *, reason: str = "") -> Event:
    """The thin event of `type_` about `order` (an Order row as it is after the change)."""
    uuid: UUID = order.order_uuid
    return Event(type=type_, aggregate=uuid, version=order.version, data=_data(order, reason))


def _data(order: Any, reason: str) -> dict[str, Any]:
    return {
        "order_uuid": str(order.order_uuid),
        "order_id": order.order_id,
        "buyer_uuid": str(order.buyer_uuid),
        "seller_uuid": str(order.seller_uuid),
        "total_amount": format_amount(order.total_amount),
        "status": int(shown_status(order.status)),
        "cancelling": order.status == OrderStatus.CANCELLING,
        "fulfilment_status": int(FulfilmentStatus(order.fulfilment_status)),
        "payment_status": PaymentStatus(order.payment_status).name.lower(),
        "refunded_amount": format_amount(order.refunded_amount),
        "reason": reason,
        "tracking_no": order.tracking_no,
        "product_name": order.headline,
    }
