"""The bookkeeping of deliveries.

Take what is due, write down how it ended. Sending happens in between, elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, QuerySet

from common import clock
from common.ids import new_uuid
from common.transactions import transactional
from notification.messages import render
from notification.models import NotificationDelivery
from notification.states import DELIVERY_MACHINE, DeliveryDetail, DeliveryState

HOLD = timedelta(seconds=60)
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(hours=1)
# With the pauses above: about eight hours of trying.
MOST_ATTEMPTS = 18


@dataclass(frozen=True, slots=True)
class Due:
    """One delivery in our hands: what to say to whom, through which channel."""

    id: int
    claim: UUID
    channel: str
    attempts: int
    user_uuid: UUID
    title: str
    content: str


@transactional
def deliveries_claim(*, limit: int = 50) -> list[Due]:
    """Take up to `limit` due deliveries.

    Two workers never hold the same one; a dead worker's come back after HOLD.
    """
    now, claim = clock.now(), new_uuid()
    queued = NotificationDelivery.objects.filter(state=DeliveryState.QUEUED, due_at__lte=now)
    ids = list(queued.order_by("due_at").values_list("id", flat=True)[:limit])
    if not ids:
        return []
    # Again with the conditions: between the two statements another worker may have taken some.
    queued.filter(id__in=ids).update(claim=claim, due_at=now + HOLD, attempts=F("attempts") + 1)
    rows = NotificationDelivery.objects.filter(id__in=ids, claim=claim).select_related("notification")
    return [_due(row) for row in rows.order_by("id")]


def _due(row: NotificationDelivery) -> Due:
    message = row.notification
    title, content = message.title, message.content
    if message.template_key:
        title, content = render(message.template_key, message.params, "zh")
    return Due(row.id, row.claim, row.channel, row.attempts, message.user_uuid, title, content)


@transactional
def deliveries_settle(*, due: Sequence[Due], event: str, detail: DeliveryDetail) -> int:
    """End deliveries by `event` ("deliver", "skip", "give_up"); returns how many were still ours to end."""
    return _ours(due, event).update(
        state=DELIVERY_MACHINE.target(event), detail=detail, settled_at=clock.now(), last_error=""
    )


@transactional
def deliveries_postpone(*, due: Sequence[Due], error: str) -> int:
    """Try these again later, each after its own pause.

    Those that were tried too often fail for an operator to see.
    """
    now = clock.now()
    hopeless = [one for one in due if one.attempts >= MOST_ATTEMPTS]
    for one in due:
        if one.attempts < MOST_ATTEMPTS:
            _ours([one], "deliver").update(due_at=_next_due(now, one.attempts), last_error=error[:200])
    _ours(hopeless, "give_up").update(
        state=DELIVERY_MACHINE.target("give_up"),
        detail=DeliveryDetail.GAVE_UP,
        settled_at=now,
        last_error=error[:200],
    )
    return len(hopeless)


@transactional
def deliveries_redrive(*, ids: Sequence[int]) -> int:
    """Queue failed deliveries anew (an operator's doing); returns how many were failed."""
    failed = NotificationDelivery.objects.filter(id__in=ids, state__in=DELIVERY_MACHINE.sources("redrive"))
    return failed.update(
        state=DELIVERY_MACHINE.target("redrive"),
        detail=DeliveryDetail.NONE,
        attempts=0,
        due_at=clock.now(),
        settled_at=None,
    )


def _ours(due: Sequence[Due], event: str) -> QuerySet[NotificationDelivery]:
    """The given rows while our claim holds: a worker that was too slow must not overwrite its successor."""
    claims = {one.claim for one in due}
    return NotificationDelivery.objects.filter(
        id__in=[one.id for one in due], claim__in=claims, state__in=DELIVERY_MACHINE.sources(event)
    )


def _next_due(now: datetime, attempts: int) -> datetime:
    return now + min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempts - 1))
