"""What may be read, and by whom. Rows come as plain dictionaries: lists are the hot path."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from common.web.converters import Ref
from notification.errors import NotificationNotFound
from notification.models import Notification, NotificationPreference
from notification.states import NotificationType

COLUMNS = (
    "id",
    "notification_uuid",
    "user_uuid",
    "type",
    "title",
    "content",
    "template_key",
    "params",
    "read",
    "read_at",
    "created_at",
    "related_id",
    "related_data",
)


def notifications_for(
    user_uuid: UUID, *, type: int | None = None, read: bool | None = None, related_id: str = ""
) -> QuerySet[Any]:
    """The person's box, newest fact first."""
    rows = Notification.objects.filter(user_uuid=user_uuid, in_box=True)
    wanted = {"type": type, "read": read, "related_id": related_id or None}
    rows = rows.filter(**{field: value for field, value in wanted.items() if value is not None})
    return rows.order_by("-created_at", "-id").values(*COLUMNS)


def notifications_about(
    related_id: str, *, type: int | None = None, read: bool | None = None
) -> QuerySet[Any]:
    """Everybody's messages about one order, deleted and muted ones too: for a sibling's timeline."""
    rows = Notification.objects.filter(related_id=related_id)
    wanted = {"type": type, "read": read}
    rows = rows.filter(**{field: value for field, value in wanted.items() if value is not None})
    return rows.order_by("created_at", "id").values(*COLUMNS)


def notification_get_for(user_uuid: UUID, ref: Ref) -> dict[str, Any]:
    """One message of the person's box, by id or UUID. Raises NotificationNotFound."""
    field = "notification_uuid" if ref.kind == "uuid" else "id"
    row = notifications_for(user_uuid).filter(**{field: ref.value}).first()
    if row is None:
        raise NotificationNotFound
    return row


def unread_count(user_uuid: UUID, *, type: int | None = None) -> int:
    """Unread messages in the person's box: counted over one index, so it can never disagree with the rows."""
    rows = Notification.objects.filter(user_uuid=user_uuid, in_box=True, read=False)
    return (rows if type is None else rows.filter(type=type)).count()


def preferences_for(user_uuid: UUID) -> Mapping[str, bool]:
    """The person's switch per type, by its name; what was never touched is on."""
    stored = dict(NotificationPreference.objects.filter(user_uuid=user_uuid).values_list("type", "enabled"))
    return {kind.name.lower(): stored.get(kind.value, True) for kind in NotificationType}


def muted_pairs(user_uuids: Iterable[UUID]) -> set[tuple[UUID, int]]:
    """(person, type) for every switch that is off."""
    off = NotificationPreference.objects.filter(user_uuid__in=user_uuids, enabled=False)
    return set(off.values_list("user_uuid", "type"))


def notification_stored(notification_uuid: UUID) -> Notification:
    """A message by its UUID, whoever's it is.

    For rebuilding a sibling's answer. Raises NotificationNotFound.
    """
    row = Notification.objects.filter(notification_uuid=notification_uuid).first()
    if row is None:
        raise NotificationNotFound
    return row
