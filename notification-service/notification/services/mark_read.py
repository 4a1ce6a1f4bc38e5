"""Mark messages read. Reading twice is no error and moves nothing."""

from uuid import UUID

from django.db.models import QuerySet

from common import clock
from common.transactions import transactional
from notification.models import Notification


@transactional
def notification_mark_read(*, user_uuid: UUID, notification_id: int) -> bool:
    """Mark one of the person's messages read; False when it was read already (or is not in the box)."""
    unread = _unread(user_uuid).filter(id=notification_id)
    return unread.update(read=True, read_at=clock.now()) == 1


@transactional
def notifications_mark_all_read(*, user_uuid: UUID, type: int | None = None) -> int:
    """Mark everything in the person's box read, or one type of it; returns how many were unread."""
    unread = _unread(user_uuid)
    if type is not None:
        unread = unread.filter(type=type)
    return unread.update(read=True, read_at=clock.now())


def _unread(user_uuid: UUID) -> QuerySet[Notification]:
    return Notification.objects.filter(user_uuid=user_uuid, in_box=True, read=False)
