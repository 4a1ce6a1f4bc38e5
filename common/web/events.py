"""The door events come in by: checks the wire form and hands on.

Deduplication happens in the handler's own transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from common import tracing
from common.counters import EVENTS_TAKEN
from common.web.views import InternalAPIView


@dataclass(frozen=True, slots=True)
class IncomingEvent:
    """One event as it came over the wire; `version` is the aggregate's after the change."""

    event_id: UUID
    type: str
    aggregate_id: UUID
    version: int
    occurred_at: datetime
    data: dict[str, Any]


class EventSerializer(serializers.Serializer):
    """The wire form of every event."""

    event_id = serializers.UUIDField()
    type = serializers.RegexField(r"^[a-z_]+(\.[a-z_]+)+\.v[0-9]+$", max_length=100)
    aggregate_id = serializers.UUIDField()
    version = serializers.IntegerField(min_value=0, max_value=2**53 - 1)
    occurred_at = serializers.DateTimeField()
    data = serializers.DictField()


class EventInboxAPIView(InternalAPIView):
    """A consumer's door: subclasses name `handled_types` and implement `handle(event)`.

    Duplicates answer 200 like the first delivery; types outside `handled_types` answer 200 "ignored".
    An error raised by `handle` goes back to the sender's relay, which tries again.
    """

    family = "shopping"
    request_schema = EventSerializer
    # None: every type is handed to `handle`.
    handled_types: ClassVar[frozenset[str] | None] = None

    def post(self, request: Request) -> Response:
        event = IncomingEvent(**self.body())
        tracing.about(event_id=event.event_id, aggregate=event.aggregate_id)
        if self.handled_types is not None and event.type not in self.handled_types:
            return self._told("ignored")
        return self._told(self.handle(event) or "handled")

    def _told(self, outcome: str) -> Response:
        EVENTS_TAKEN.labels(outcome).inc()
        return self.answer({"outcome": outcome})

    def handle(self, event: IncomingEvent) -> str | None:
        """Apply `event` in one transaction that begins with `inbox.accept`; the answer names the outcome."""
        raise NotImplementedError
