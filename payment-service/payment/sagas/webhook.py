"""Events on their way to a client's `notifyUrl`: the message as it is written down, and where it goes.

An unstored flow: the outbox row is the stored job, repeated with growing pauses for about a day.
"""

from __future__ import annotations

from typing import Any

import orjson

from common.clock import rfc3339
from common.outbox.transport import EventTransport
from payment.events import CLIENT_PREFIX
from payment.gateways.webhook import WebhookUndelivered, webhook_sender
from payment.selectors import payment_by_uuid


class ClientTransport(EventTransport):
    """POST to the address that the payment was created with."""

    attempts = 32
    longest_pause = 3600.0

    def deliver(self, row: Any) -> None:
        """Raises WebhookUndelivered."""
        url = payment_by_uuid(row.aggregate_id).notify_url
        webhook_sender().send(url, event_id=str(row.event_id), body=webhook_body(row))

    def is_hopeless(self, error: Exception) -> bool:
        return isinstance(error, WebhookUndelivered) and error.hopeless

    def is_away(self, error: Exception) -> bool:
        return isinstance(error, WebhookUndelivered) and error.away


def webhook_body(row: Any) -> bytes:
    """The same bytes at every try: a receiver may compare them."""
    return orjson.dumps(
        {
            "type": row.type.removeprefix(CLIENT_PREFIX),
            "timestamp": rfc3339(row.occurred_at),
            "data": row.data,
        }
    )
