"""Taking a foreign event once. The HTTP door that parses it is `common.web.events`."""

from datetime import timedelta
from typing import Literal

from django.db import IntegrityError, transaction

from common import clock
from common.atomic import inside_atomic
from common.concrete import concrete
from common.web.events import IncomingEvent

__all__ = ["IncomingEvent", "Taken", "accept"]

Taken = Literal["new", "duplicate", "stale"]


def accept(event: IncomingEvent, consumer: str) -> Taken:
    """Book `event` for `consumer` in the caller's transaction, and say what to do with it.

    "duplicate": this consumer has it already, do nothing. "stale": a newer version of its aggregate came
    before it; a handler that copies state ignores it, one whose facts only add up handles it as new. Two
    at once: the second waits for the first transaction and then sees the duplicate. Raises RuntimeError
    outside a transaction.
    """
    if not inside_atomic():
        raise RuntimeError("accept() needs the transaction of the handler: taken and handled go together.")
    inbox = concrete("inbox")
    try:
        with transaction.atomic():
            inbox.objects.create(
                consumer=consumer,
                event_id=event.event_id,
                type=event.type,
                aggregate_id=event.aggregate_id,
                version=event.version,
            )
    except IntegrityError:
        if inbox.objects.filter(consumer=consumer, event_id=event.event_id).exists():
            return "duplicate"
        raise
    newer = inbox.objects.filter(
        aggregate_id=event.aggregate_id, consumer=consumer, version__gt=event.version
    )
    return "stale" if newer.exists() else "new"


def forget_taken(days: int = 90, limit: int = 1000) -> int:
    """Delete up to `limit` rows taken more than `days` ago; no relay sends anything again after so long."""
    old = clock.now() - timedelta(days=days)
    inbox = concrete("inbox").objects
    rows = inbox.filter(received_at__lt=old).values_list("pk", flat=True)
    return inbox.filter(pk__in=list(rows[:limit])).delete()[0]
