"""How a stored event leaves: one seam, HTTP to the peer's door by default. When and again is `relay`'s
decision.
"""

from abc import ABC, abstractmethod
from typing import Any

from common import clock
from common.service_client import service_client


def wire(row: Any) -> dict[str, Any]:
    """The envelope that consumers read, whatever carries it."""
    return {
        "event_id": str(row.event_id),
        "type": row.type,
        "aggregate_id": str(row.aggregate_id),
        "version": row.version,
        "occurred_at": clock.rfc3339(row.occurred_at),
        "data": row.data,
    }


class EventTransport(ABC):
    """Carries one outbox row to its destination. Returning means it arrived; raising a SuiteError means
    it did not.
    """

    @abstractmethod
    def deliver(self, row: Any) -> None: ...


class HttpEventTransport(EventTransport):
    """POST to the destination's door, signed as this service, keyed by the event's id."""

    timeout_seconds = 5.0

    def deliver(self, row: Any) -> None:
        service_client.post(
            row.destination,
            row.path,
            json=wire(row),
            idempotency_key=str(row.event_id),
            timeout=self.timeout_seconds,
        )
