"""Carrying outbox rows out: claimed by conditional UPDATE, in order per aggregate and door, outside any
transaction.

1. Look for due rows that nothing of the same aggregate precedes on the way to the same destination.
2. Claim them: set owner and lease end where still pending and free. An expired lease is taken over.
3. Deliver each. 4. Book it: delivered, again later, or dead. How it travels is `transport`'s affair.
"""

import random
import time
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q

from common import clock, telemetry, tracing
from common.atomic import in_transaction
from common.concrete import concrete
from common.counters import EVENTS_SENT
from common.errors import PeerUnavailable
from common.ids import new_uuid
from common.log import get_logger
from common.outbox.models import OutboxState
from common.outbox.transport import EventTransport, HttpEventTransport, outside, outside_transport

log = get_logger(__name__)

# What one delivery, the transport's time-out with its repeats, may take of the lease.
SLOWEST_SHARE = 0.5
FIRST_PAUSE = 1.0
# A dead letter holds back its own aggregate no longer than this.
BLOCKS = timedelta(minutes=15)
# Destination and path: where letters that are no peer's share one fate.
Door = tuple[str, str]
_transport: EventTransport = HttpEventTransport()


def use_transport(transport: EventTransport) -> EventTransport:
    """Let `transport` carry the events of this process. Returns what did before."""
    global _transport
    before, _transport = _transport, transport
    return before


def relay_once(limit: int = 50) -> bool:
    """Carry out up to `limit` due rows to our peers. True when any was due: there may be more."""
    park_overdue()
    return _relay(_due().exclude(destination__in=outside()), limit)


def relay_outside(limit: int = 50) -> bool:
    """The same for those that are no peers, one door after another; a worker has `lanes` for them."""
    seen: set[Door] = set()
    while door := door_waiting(seen):
        seen.add(door)
        relay_door(door, limit)
    return bool(seen)


def door_waiting(besides: Collection[Door]) -> Door | None:
    """The door, of those that are no peers', whose letter has been due the longest."""
    due = _due().filter(destination__in=outside())
    for destination, path in besides:
        due = due.exclude(destination=destination, path=path)
    door: Door | None = due.values_list("destination", "path").first()
    return door


def relay_door(door: Door, limit: int = 50) -> bool:
    """Carry out up to `limit` due rows to `door`. False when nobody answers there."""
    destination, path = door
    rows = list(_due().filter(destination=destination, path=path)[:limit])
    return _carry_all(_claimed(rows))


def _relay(due: Any, limit: int) -> bool:
    rows = list(due[:limit])
    if rows:
        _carry_all(_claimed(rows))
    return bool(rows)


def park_overdue() -> int:
    """Dead letters that have blocked their aggregate long enough step aside."""
    too_long = clock.now() - BLOCKS
    dead = concrete("outbox").objects.filter(state=OutboxState.DEAD, died_at__lte=too_long)
    return dead.update(state=OutboxState.PARKED) if dead.exists() else 0


def _due() -> Any:
    rows, now = concrete("outbox").objects, clock.now()
    before = rows.filter(
        Q(version__lt=OuterRef("version")) | Q(version=OuterRef("version"), id__lt=OuterRef("id")),
        aggregate_id=OuterRef("aggregate_id"),
        destination=OuterRef("destination"),
        state__in=(OutboxState.PENDING, OutboxState.DEAD),
    )
    free = Q(lease_until=None) | Q(lease_until__lte=now)
    return rows.filter(free, ~Exists(before), state=OutboxState.PENDING, next_at__lte=now).order_by(
        "next_at", "id"
    )


def _claimed(rows: list[Any]) -> list[Any]:
    """Those of `rows` that are ours now; another relay may have been faster with some."""
    now = clock.now()
    free = Q(lease_until=None) | Q(lease_until__lte=now)
    owner, until = new_uuid().hex, now + timedelta(seconds=settings.CFMP.lease_seconds)
    outbox, wanted = concrete("outbox").objects, [row.pk for row in rows]
    mine = outbox.filter(free, pk__in=wanted, state=OutboxState.PENDING, next_at__lte=now)
    won = in_transaction(lambda: mine.update(lease_owner=owner, lease_until=until))
    if won < len(rows):
        rows = list(outbox.filter(pk__in=wanted, lease_owner=owner).order_by("next_at", "id"))
    for row in rows:
        row.lease_owner = owner
    return rows


def _carry_all(rows: list[Any]) -> bool:
    """Carry `rows` one by one, and give back what the lease is too short for: a peer may be slow.

    False when nobody answers at their door: what is left of them waits as if it had been tried.
    """
    until = time.monotonic() + settings.CFMP.lease_seconds * (1 - SLOWEST_SHARE)
    for number, row in enumerate(rows):
        if time.monotonic() >= until:
            left = [one.pk for one in rows[number:]]
            mine = concrete("outbox").objects.filter(pk__in=left, lease_owner=row.lease_owner)
            mine.update(lease_owner="", lease_until=None)
            return True
        failed, carrier = _carry(row), _carrier(row)
        if failed is not None and carrier.is_away(failed):
            for waiting in rows[number + 1 :]:
                _book_untried(waiting, failed, carrier)
            return False
    return True


def _carrier(row: Any) -> EventTransport:
    return outside_transport(row.destination) if row.destination in outside() else _transport


def _carry(row: Any) -> Exception | None:
    """What kept it from arriving, if anything did; either is booked."""
    origin = {"request_id": row.request_id, "traceparent": row.traceparent}
    with tracing.bound(tracing.RequestContext(**{name: value for name, value in origin.items() if value})):
        carrier = _carrier(row)
        try:
            tracing.about(event_id=row.event_id, aggregate=row.aggregate_id)
            with telemetry.span(f"deliver {row.type}", {"event.id": str(row.event_id)}, kind="producer"):
                carrier.deliver(row)
        except Exception as error:
            _book_failure(row, error, carrier)
            return error
        EVENTS_SENT.labels(row.destination, "delivered").inc()
        now = clock.now()
        _book(row, state=OutboxState.DELIVERED, delivered_at=now, attempts=row.attempts + 1, last_error="")
        return None


def _book_failure(row: Any, error: Exception, carrier: EventTransport) -> None:
    attempts, text = _attempts(row, error, carrier.attempts), _text(error)
    given_up = carrier.is_hopeless(error) or attempts >= carrier.attempts
    EVENTS_SENT.labels(row.destination, "dead" if given_up else "retried").inc()
    if given_up:
        log.error(
            "outbox_dead_letter", event_id=str(row.event_id), type=row.type, to=row.destination, reason=text
        )
        _book(row, state=OutboxState.DEAD, died_at=clock.now(), attempts=attempts, last_error=text)
        return
    log.warning("outbox_retry", event_id=str(row.event_id), type=row.type, to=row.destination, reason=text)
    _book_retry(row, attempts, error, carrier)


def _book_untried(row: Any, error: Exception, carrier: EventTransport) -> None:
    """Nobody is at its door. It waits like one that was tried, but is given up by a try of its own alone."""
    attempts = max(row.attempts, min(row.attempts + 1, carrier.attempts - 1))
    _book_retry(row, attempts, error, carrier)


def _book_retry(row: Any, attempts: int, error: Exception, carrier: EventTransport) -> None:
    next_at = clock.now() + _pause(attempts, carrier.longest_pause)
    _book(row, attempts=attempts, last_error=_text(error), next_at=next_at)


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]


def _attempts(row: Any, error: Exception, most: int) -> int:
    """A peer that cannot be reached is not the letter's fault: that alone never uses up its tries."""
    if isinstance(error, PeerUnavailable):
        return max(row.attempts, min(row.attempts + 1, most // 2))
    return row.attempts + 1


def _pause(attempts: int, longest: float) -> timedelta:
    seconds = min(longest, FIRST_PAUSE * 2 ** (attempts - 1))
    return timedelta(seconds=seconds * random.uniform(0.75, 1.25))


def _book(row: Any, **values: Any) -> None:
    """Only while the claim is still ours: a runner that was too slow must not overwrite its successor."""
    mine = concrete("outbox").objects.filter(pk=row.pk, lease_owner=row.lease_owner)
    in_transaction(lambda: mine.update(**values, lease_owner="", lease_until=None))
