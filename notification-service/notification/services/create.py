"""Store a message that a sibling service wrote itself."""

from typing import Any
from uuid import UUID

from common.idempotency.claim import bind
from common.transactions import transactional
from notification.models import Notification, NotificationDelivery
from notification.selectors import muted_pairs
from notification.states import ChannelName, DeliveryDetail, DeliveryState


@transactional
def notification_create(
    *,
    user_uuid: UUID,
    type: int,
    title: str,
    content: str,
    related_id: str = "",
    related_data: dict[str, Any] | None = None,
) -> Notification:
    """Put a message into the person's box and queue its deliveries.

    The worker finds out whether the person exists.
    A muted type is stored outside the box: the fact stays, the person is left alone.
    """
    notification = Notification(
        user_uuid=user_uuid,
        type=type,
        title=title,
        content=content,
        related_id=related_id,
        related_data=related_data or {},
    )
    notifications_store([notification])
    bind("notification", notification.notification_uuid)
    return notification


def notifications_store(notifications: list[Notification], *, critical: frozenset[str] = frozenset()) -> None:
    """INSERT messages and their deliveries in the caller's transaction, keeping muted ones out of the box.

    Messages whose `template_key` is in `critical` are never muted.
    """
    muted = muted_pairs({notification.user_uuid for notification in notifications})
    for notification in notifications:
        switched_off = (notification.user_uuid, int(notification.type)) in muted
        notification.in_box = not switched_off or notification.template_key in critical
    Notification.objects.bulk_create(notifications)
    NotificationDelivery.objects.bulk_create([_delivery(notification) for notification in notifications])


def _delivery(notification: Notification) -> NotificationDelivery:
    delivery = NotificationDelivery(notification=notification, channel=ChannelName.IN_APP)
    if not notification.in_box:
        delivery.state, delivery.detail = DeliveryState.SKIPPED, DeliveryDetail.MUTED
        delivery.settled_at = notification.received_at
    return delivery
