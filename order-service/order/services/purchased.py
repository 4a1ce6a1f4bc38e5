"""Purchases told from outside.

They are noted once and move nothing: only the payment service says what is paid.
"""

from common.outbox.inbox import IncomingEvent, accept
from common.transactions import transactional

CONSUMER = "order.purchased"


@transactional
def purchased_take(event: IncomingEvent) -> str:
    """Note the event; the order's state rests on `payment.succeeded.v1` alone."""
    return "duplicate" if accept(event, CONSUMER) == "duplicate" else "noted"
