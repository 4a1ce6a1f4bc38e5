"""The key's row through its life: claimed, bound to what the request made, answered, or let go.

The HTTP side (header, body, stored answer) is `decorator`. Services import only `bind` and `is_keyed`.
"""

from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError
from django.db.models import F

from common import clock, tracing
from common.atomic import in_transaction, inside_atomic
from common.concrete import concrete
from common.errors import IdempotencyKeyReused, RequestInProgress

KEPT = timedelta(hours=24)
# Longer than any request may run; after a crash the key is free again, or rebuilt, once this has passed.
RUNNING = timedelta(seconds=60)


@dataclass
class Claim:
    """The right to carry out one keyed request; `fence` tells it from an earlier holder that died."""

    row_id: int
    fence: int


@dataclass(frozen=True)
class Earlier:
    """What an earlier request with this key left: a stored answer, or the resource to rebuild it from."""

    status: int | None
    answer: str | None
    resource_type: str
    resource_uuid: UUID | None


_claim: ContextVar[Claim | None] = ContextVar("idempotency_claim", default=None)
current = _claim


def is_keyed() -> bool:
    """Whether the running request carries a key, so that a repeat of it would carry the same."""
    return _claim.get() is not None


def bind(resource_type: str, uuid: UUID) -> None:
    """Point the running request's key at the row it makes, in the same transaction, and its log lines too.
    Without a key it does only the latter.

    Raises RequestInProgress when another request has taken the key over (ours ran longer than its lease): the
    transaction then rolls back, and only one of the two makes anything. RuntimeError outside a transaction.
    """
    tracing.about(**{resource_type: uuid})
    claim = _claim.get()
    if claim is None:
        return
    if not inside_atomic():
        raise RuntimeError("bind() needs the transaction that makes the resource.")
    bound = _mine(claim).filter(resource_uuid=None).update(resource_type=resource_type, resource_uuid=uuid)
    if bound != 1:
        raise RequestInProgress(retry_after=1)


def claim_key(digest: str, body_digest: str) -> Claim | Earlier:
    """Win the key, or learn what became of it.

    Raises IdempotencyKeyReused (422) for another body, RequestInProgress (409, retry_after) while it
    still runs.
    """
    keys, now = concrete("idempotency").objects, clock.now()
    fresh = {"body_digest": body_digest, "lease_until": now + RUNNING, "expires_at": now + KEPT}
    try:
        row = in_transaction(lambda: keys.create(digest=digest, **fresh))
    except IntegrityError:
        row = keys.filter(digest=digest).first()
        if row is None:  # let go in this very moment
            raise RequestInProgress(retry_after=1) from None
        return _settle(row, body_digest, now)
    return Claim(row.pk, row.fence)


def _settle(row: Any, body_digest: str, now: datetime) -> Claim | Earlier:
    if row.expires_at <= now:
        return _take_over(row, body_digest, now)
    if row.body_digest != body_digest:
        raise IdempotencyKeyReused()
    if row.answer_status is not None:
        return _earlier(row)
    if row.lease_until > now:
        raise RequestInProgress(retry_after=_retry_after(row, now))
    return _earlier(row) if row.resource_uuid else _take_over(row, body_digest, now)


def _earlier(row: Any) -> Earlier:
    return Earlier(row.answer_status, row.answer, row.resource_type, row.resource_uuid)


def _retry_after(row: Any, now: datetime) -> int:
    return max(1, min(5, int((row.lease_until - now).total_seconds())))


def _take_over(row: Any, body_digest: str, now: datetime) -> Claim:
    """The row's holder died, or its day is over: whoever moves the fence first begins anew."""
    same = {name: getattr(row, name) for name in ("fence", "expires_at", "resource_uuid", "answer_status")}
    won = concrete("idempotency").objects.filter(pk=row.pk, **same)
    anew = {
        "fence": F("fence") + 1,
        "body_digest": body_digest,
        "lease_until": now + RUNNING,
        "expires_at": now + KEPT,
        "resource_type": "",
        "resource_uuid": None,
        "answer_status": None,
        "answer": None,
        "created_at": now,
    }
    if in_transaction(lambda: won.update(**anew)) != 1:
        raise RequestInProgress(retry_after=1)
    return Claim(row.pk, row.fence + 1)


def keep_answer(claim: Claim, status: int, answer: str) -> None:
    """Store what was answered, as ciphertext."""
    in_transaction(lambda: _mine(claim).update(answer_status=status, answer=answer))


def let_go(claim: Claim) -> None:
    """Free the key of a request that made nothing; one that is bound stays, to be rebuilt, and stops
    waiting.
    """
    if not _mine(claim).filter(resource_uuid=None).delete()[0]:
        _mine(claim).update(lease_until=clock.now())


def forget_expired(limit: int = 1000) -> int:
    """Delete up to `limit` keys whose 24 hours are over."""
    keys = concrete("idempotency").objects
    rows = keys.filter(expires_at__lt=clock.now()).values_list("pk", flat=True)
    return keys.filter(pk__in=list(rows[:limit]), expires_at__lt=clock.now()).delete()[0]


def _mine(claim: Claim) -> Any:
    return concrete("idempotency").objects.filter(pk=claim.row_id, fence=claim.fence)
