"""What becomes of a payment's facts: the order is moved, and money that covers nothing starts its way back.

Room: facts from an event or from a read, put to `services/mark_paid.py`, with the stray saga begun in the
same transaction.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from common.errors import InvalidInput
from common.money import parse_amount
from common.outbox.inbox import IncomingEvent, accept
from common.sagas import journal
from common.sagas.runner import start
from common.transactions import transactional
from order.clients.payment import PaymentSeen
from order.sagas.stray import STRAY
from order.services.mark_paid import PaymentFacts, payment_learn

CONSUMER = "order.payments"
# Late and double money that the payment service gives back by itself: the order never heard that it came.
RETURNED_BY_PAYMENTS = frozenset({"late_payment", "overpayment"})
_PAID = frozenset({"payment.succeeded.v1", "payment.refund_succeeded.v1"})
_FAILED = frozenset({"payment.failed.v1", "payment.closed.v1"})


@transactional
def payment_event_take(event: IncomingEvent) -> str:
    """Book one payment event and move the order; duplicates do nothing. Returns the outcome's name.

    An older event is as good as a newer one: facts only add up. Raises OrderNotFound, InvalidInput.
    """
    if accept(event, CONSUMER) == "duplicate":
        return "duplicate"
    if event.data.get("refund_source") in RETURNED_BY_PAYMENTS:
        return "ignored"
    is_stray = learn(_facts(event), actor="service:PaymentService")
    return "stray" if is_stray else "handled"


@transactional
def learn(facts: PaymentFacts, *, actor: str) -> bool:
    """Merge the facts; a payment found stray is given back by a saga that commits together with the
    finding.
    """
    is_stray = payment_learn(facts=facts, actor=actor)
    if is_stray:
        context = {"order_uuid": str(facts.order_uuid), "payment_uuid": str(facts.payment_uuid)}
        row = start(STRAY, key=str(facts.payment_uuid), context=context, entity=facts.order_uuid)
        # The worker carries it on: the payment service is waiting for our answer just now.
        journal.let_go(row)
    return is_stray


def facts_seen(seen: PaymentSeen) -> PaymentFacts:
    """The facts in a payment that was read."""
    return PaymentFacts(
        payment_uuid=seen.payment_uuid,
        order_uuid=seen.order_uuid,
        amount=seen.amount,
        refunded_amount=seen.refunded_amount,
        is_paid=seen.is_paid,
        paid_at=seen.paid_at,
    )


def _facts(event: IncomingEvent) -> PaymentFacts:
    data = event.data
    try:
        return PaymentFacts(
            payment_uuid=UUID(str(data["payment_uuid"])),
            order_uuid=UUID(str(data["order_uuid"])),
            amount=parse_amount(data["amount"]),
            refunded_amount=_refunded(data),
            is_paid=event.type in _PAID or data.get("status") in ("success", "part_refunded", "refunded"),
            is_authorized=event.type == "payment.authorized.v1",
            failure=str(data.get("reason") or event.type) if event.type in _FAILED else "",
            version=event.version,
            paid_at=datetime.fromisoformat(data["paid_at"]) if data.get("paid_at") else None,
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise InvalidInput(fields={"data": [str(problem)]}) from problem


def _refunded(data: dict[str, Any]) -> Decimal:
    return parse_amount(data.get("refunded_amount") or "0", field="refunded_amount", zero_ok=True)
