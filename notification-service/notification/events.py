"""What this service hears, and who is told what: event type -> (field that names the reader, message key).

Room: plain data. An event may tell several people; the same person is told once per event (buyer before
seller). A type that is missing here is answered "ignored".
"""

from collections.abc import Mapping
from typing import Any

Told = tuple[tuple[str, str], ...]

HEARD: dict[str, Told] = {
    "order.created.v1": (("buyer_uuid", "order.created.buyer"), ("seller_uuid", "order.created.seller")),
    "order.authorized.v1": (("seller_uuid", "order.authorized.seller"),),
    "order.authorization_voided.v1": (
        ("buyer_uuid", "order.authorization_voided.buyer"),
        ("seller_uuid", "order.authorization_voided.seller"),
    ),
    "order.paid.v1": (("buyer_uuid", "order.paid.buyer"), ("seller_uuid", "order.paid.seller")),
    "order.purchased.v1": (("seller_uuid", "order.purchased.seller"),),
    "order.shipped.v1": (("buyer_uuid", "order.shipped.buyer"),),
    "order.delivered.v1": (
        ("buyer_uuid", "order.delivered.buyer"),
        ("seller_uuid", "order.delivered.seller"),
    ),
    "order.completed.v1": (
        ("buyer_uuid", "order.completed.buyer"),
        ("seller_uuid", "order.completed.seller"),
    ),
    "order.cancelling.v1": (
        ("buyer_uuid", "order.cancelling.buyer"),
        ("seller_uuid", "order.cancelling.seller"),
    ),
    "order.cancel_failed.v1": (
        ("buyer_uuid", "order.cancel_failed.buyer"),
        ("seller_uuid", "order.cancel_failed.seller"),
    ),
    "order.cancelled.v1": (
        ("buyer_uuid", "order.cancelled.buyer"),
        ("seller_uuid", "order.cancelled.seller"),
    ),
    "order.expired.v1": (("buyer_uuid", "order.expired.buyer"), ("seller_uuid", "order.expired.seller")),
    # The buyer hears of the refund from the payment, with its amount.
    "order.refunded.v1": (("seller_uuid", "order.refunded.seller"),),
    "payment.succeeded.v1": (("user_uuid", "payment.succeeded.buyer"),),
    "payment.authorized.v1": (("user_uuid", "payment.authorized.buyer"),),
    "payment.failed.v1": (("user_uuid", "payment.failed.buyer"),),
    "payment.closed.v1": (("user_uuid", "payment.closed.buyer"),),
    "payment.succeeded_late.v1": (("user_uuid", "payment.succeeded_late.buyer"),),
    "payment.refund_requested.v1": (
        ("user_uuid", "payment.refund_requested.buyer"),
        ("seller_uuid", "payment.refund_requested.seller"),
    ),
    "payment.refund_rejected.v1": (("user_uuid", "payment.refund_rejected.buyer"),),
    "payment.refund_succeeded.v1": (("user_uuid", "payment.refund_succeeded.buyer"),),
    "payment.refund_failed.v1": (
        ("user_uuid", "payment.refund_failed.buyer"),
        ("seller_uuid", "payment.refund_failed.seller"),
    ),
    # Speaks to operators, who read the payment service's own list of them; it names no person.
    "payment.security_event.v1": (),
    "risk.review_requested.v1": (("user_uuid", "risk.review_requested.buyer"),),
    "risk.decided.v1": (),
}


def told_by(event_type: str, data: Mapping[str, Any]) -> Told:
    """Who is told what by an event.

    Most say it by type alone; a reviewer's decision says it by its content.
    """
    if event_type == "risk.decided.v1":
        key = "risk.released.buyer" if data.get("decision") == "release" else "risk.stopped.buyer"
        return (("user_uuid", key),)
    # A review that does not hold the payment is no business of the buyer's.
    if event_type == "risk.review_requested.v1" and data.get("outcome") == "review":
        return ()
    return HEARD[event_type]
