"""Keeping what came through the open door and was refused. Writes its row and tells risk control; moves
nothing."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError
from django.db.models import F

from common import clock
from common.outbox.publish import publish
from common.transactions import transactional
from payment.events import security_event
from payment.models import Payment, SecurityEvent
from payment.services.figures import REFUSED

# Rows per kind and hour. Beyond it a flood is counted by metrics and logs, not by the disk.
HOURLY_ROWS = 500


def security_record(
    *,
    kind: str,
    method: str,
    body: bytes,
    payment: Payment | None = None,
    detail: dict[str, Any] | None = None,
    client_ip: str = "",
) -> None:
    """Book one refused callback; an equal one before is counted instead. `detail` holds ids and words, no
    PII."""
    REFUSED.labels(kind[:40]).inc()
    fingerprint = hashlib.sha256(b"\n".join([kind.encode(), method.encode(), body])).hexdigest()
    seen = SecurityEvent.objects.filter(fingerprint=fingerprint)
    if seen.update(times=F("times") + 1, last_seen_at=clock.now()) or _flooded(kind):
        return
    try:
        _insert(kind, fingerprint, payment, {"method": method, **(detail or {})}, client_ip)
    except IntegrityError:
        # The same body at the same moment: the other thread's row counts us too.
        seen.update(times=F("times") + 1, last_seen_at=clock.now())


def _flooded(kind: str) -> bool:
    an_hour_ago = clock.now() - timedelta(hours=1)
    return SecurityEvent.objects.filter(kind=kind, created_at__gt=an_hour_ago).count() >= HOURLY_ROWS


@transactional
def _insert(
    kind: str, fingerprint: str, payment: Payment | None, detail: dict[str, Any], client_ip: str
) -> None:
    payment_uuid: UUID | None = payment.payment_uuid if payment else None
    order_uuid: UUID | None = payment.order_uuid if payment else None
    row = SecurityEvent.objects.create(
        kind=kind[:40],
        fingerprint=fingerprint,
        payment_uuid=payment_uuid,
        order_uuid=order_uuid,
        detail=detail,
        client_ip=client_ip,
    )
    publish(security_event(row.event_uuid, kind=kind, payment_uuid=payment_uuid, order_uuid=order_uuid))
