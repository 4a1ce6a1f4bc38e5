"""How a stored event leaves: one seam, HTTP to the peer's door by default. When and again is `relay`'s
decision.

A service may have destinations that are no peers (CFMP_OUTSIDE): each has a transport of its own.
"""

from abc import ABC, abstractmethod
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from common import clock
from common.errors import PeerRejected
from common.service_client import service_client


def outside() -> list[str]:
    """Destinations that are no peers of ours, which may be as slow as they like."""
    return list(settings.CFMP_OUTSIDE)


def outside_transport(destination: str) -> "EventTransport":
    transport: EventTransport = import_string(settings.CFMP_OUTSIDE[destination])()
    return transport


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


# What a peer will say again however often it is asked; everything else may be a deploy or an outage.
HOPELESS = frozenset({400, 413, 415, 422})


class EventTransport(ABC):
    """Carries one outbox row to its destination. Returning means it arrived; raising means it did not.

    A row is given up after `attempts`, between which pauses double up to `longest_pause` seconds.
    """

    attempts = 14
    longest_pause = 300.0

    @abstractmethod
    def deliver(self, row: Any) -> None: ...

    def is_hopeless(self, error: Exception) -> bool:
        """Whether what `deliver` raised makes another try pointless."""
        return isinstance(error, PeerRejected) and error.peer_status in HOPELESS

    def is_away(self, error: Exception) -> bool:
        """Whether nobody answers at that door: its other letters need not wait for the same. A peer has its
        breaker."""
        return False


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
