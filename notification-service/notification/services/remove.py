"""Take a message out of its reader's box. The row stays: the timeline and the dedupe need it."""

from uuid import UUID

from common import clock
from common.transactions import transactional
from notification.errors import NotificationNotFound
from notification.models import Notification


@transactional
def notification_delete(*, user_uuid: UUID, notification_id: int) -> None:
    """Remove one of the person's messages. Raises NotificationNotFound, also the second time."""
    mine = Notification.objects.filter(id=notification_id, user_uuid=user_uuid, in_box=True)
    if mine.update(in_box=False, deleted_at=clock.now()) != 1:
        raise NotificationNotFound
