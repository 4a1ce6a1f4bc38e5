"""Writing events in the transaction that made them true. Delivery is `relay`'s work."""

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings

from common import clock, tracing
from common.atomic import inside_atomic
from common.concrete import concrete
from common.ids import new_id, new_uuid

Routes = Mapping[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class Event:
    """A fact about one aggregate. `version` is the aggregate row's version after the change; `data` is thin:

    ids, versions, amounts as strings; never plain PII. `door` stands for the route's path where that is no
    peer's: letters to one door share its fate.
    """

    type: str
    aggregate: UUID
    version: int
    data: dict[str, Any] = field(default_factory=dict)
    door: str = ""


def publish(*events: Event) -> None:
    """Store one row per event and destination, by one INSERT. Raises RuntimeError outside a transaction.

    An event without a route in the service's ROUTES raises LookupError: a fact that nobody is told is a
    slip; a route with no destinations, `()`, says that nobody needs it.
    """
    if not events:
        return
    if not inside_atomic():
        raise RuntimeError("publish() needs the transaction whose facts it tells.")
    rows = list(_rows(events))
    if rows:
        concrete("outbox").objects.bulk_create(rows)


def routes() -> Routes:
    """The service's ROUTES: event type -> ((service, path), …)."""
    module, _, name = settings.CFMP_EVENT_ROUTES.rpartition(".")
    return getattr(importlib.import_module(module), name)


def _rows(events: tuple[Event, ...]) -> Iterator[Any]:
    model, table = concrete("outbox"), routes()
    context, now = tracing.current(), clock.now()
    for event in events:
        event_id = new_uuid()
        for destination, path in table[event.type]:
            yield model(
                id=new_id(),
                event_id=event_id,
                type=event.type,
                aggregate_id=event.aggregate,
                version=event.version,
                data=event.data,
                destination=destination,
                path=event.door or path,
                request_id=context.request_id,
                traceparent=context.traceparent,
                occurred_at=now,
                next_at=now,
            )
