"""The steps that cancelling and expiring share: look, close the living payment at the provider, settle."""

from uuid import UUID

from common.errors import PeerUnavailable
from common.money import format_amount
from common.sagas.definition import Context
from order.clients import payment
from order.sagas.payments import facts_seen, learn
from order.selectors import order_by_uuid, order_snapshot
from order.services.cancel import order_cancel_abort, order_cancel_settle
from order.states import OrderStatus

ACTOR = "system:closing"


def look(context: Context, key: UUID) -> None:
    """The order is marked; nothing to do but to have something to undo."""


def reopen(context: Context, key: UUID) -> None:
    """The undo of the whole: the order is what it was before somebody wanted it ended."""
    order_cancel_abort(order_uuid=UUID(context["order_uuid"]), actor=ACTOR, reason="refused")


def close_payment(context: Context, key: UUID) -> Context | None:
    """Close the living payment; one that turns out paid pays the order instead."""
    order_uuid = UUID(context["order_uuid"])
    if order_by_uuid(order_uuid).status != OrderStatus.PENDING_PAYMENT:
        return None
    seen = payment.payment_read(order_uuid)
    if seen is not None and seen.is_living:
        status = payment.payment_close(seen.payment_uuid, key=key)
        if status in payment.LIVING:
            raise PeerUnavailable(peer=payment.PEER, reason="the payment is not closed yet")
        seen = payment.payment_read(order_uuid)
    if seen is not None and seen.is_paid:
        learn(facts_seen(seen), actor="service:PaymentService")
    return None


def settle(context: Context, key: UUID) -> Context:
    """End the pending order, or turn to the refund of a paid one, whose terms are stored before it is
    asked for.
    """
    order_uuid = UUID(context["order_uuid"])
    status = order_cancel_settle(order_uuid=order_uuid, actor=context["actor"], event=context["event"])
    if status != OrderStatus.CANCELLING:
        return {"status": int(status)}
    order = order_by_uuid(order_uuid)
    return {
        "status": int(status),
        "refund_amount": format_amount(order.paid_amount - order.refunded_amount),
        "snapshot": order_snapshot(order_uuid),
    }
