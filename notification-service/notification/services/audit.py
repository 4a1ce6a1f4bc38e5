"""What must hold for messages at rest. Reads only; the check after every test that touched the database."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Count, F, Q, QuerySet

from notification.messages import MESSAGES
from notification.models import Notification, NotificationDelivery
from notification.states import DeliveryState


def message_problems() -> Iterator[str]:
    """One sentence per row that does not add up; nothing when all is well."""
    rows = Notification.objects
    yield from _each(rows.filter(read=True, read_at=None), "read without a time")
    yield from _each(rows.filter(read=False).exclude(read_at=None), "unread with a time of reading")
    yield from _each(rows.filter(in_box=True).exclude(deleted_at=None), "deleted and still in the box")
    yield from _each(rows.filter(created_at__gt=F("received_at")), "from the future")
    yield from _each(rows.exclude(template_key__in=["", *MESSAGES]), "rendered by an unknown key")
    nowhere = rows.annotate(ways=Count("deliveries")).filter(ways=0)
    yield from _each(nowhere, "on its way through no channel")
    queued = Q(state=DeliveryState.QUEUED)
    deliveries = NotificationDelivery.objects
    yield from _each(deliveries.filter(queued).exclude(settled_at=None), "queued and settled")
    yield from _each(deliveries.filter(~queued, settled_at=None), "settled without a time")


def _each(rows: QuerySet[Any], problem: str) -> Iterator[str]:
    return (f"{row._meta.model_name} {row.pk}: {problem}" for row in rows)
