"""What an operator may do to outbox rows: send dead letters again, and forget what was delivered long ago."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from common import clock
from common.concrete import concrete
from common.outbox.models import OutboxState

UNDELIVERED = (OutboxState.DEAD, OutboxState.PARKED)


def redrive(*, event_ids: Collection[UUID] = (), type: str = "", destination: str = "") -> int:
    """Put dead and parked rows that match back on their way, with all their tries anew. Returns how many."""
    rows = concrete("outbox").objects.filter(state__in=UNDELIVERED)
    if event_ids:
        rows = rows.filter(event_id__in=event_ids)
    if type:
        rows = rows.filter(type=type)
    if destination:
        rows = rows.filter(destination=destination)
    fresh = {"attempts": 0, "next_at": clock.now(), "died_at": None, "lease_owner": "", "lease_until": None}
    return rows.update(state=OutboxState.PENDING, **fresh)


def forget_delivered(days: int = 90, limit: int = 1000) -> int:
    """Delete up to `limit` rows delivered more than `days` ago. Returns how many; the timeline loses them."""
    old = clock.now() - timedelta(days=days)
    outbox = concrete("outbox").objects
    rows = outbox.filter(state=OutboxState.DELIVERED, delivered_at__lt=old).values_list("pk", flat=True)
    return outbox.filter(pk__in=list(rows[:limit])).delete()[0]
