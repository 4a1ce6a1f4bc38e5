"""The tables of this app."""

from notification.models.notification import Notification, NotificationDelivery, NotificationPreference
from notification.models.plumbing import (
    NotificationConfigChange,
    NotificationIdempotencyKey,
    NotificationInbox,
    NotificationLease,
    NotificationOutbox,
    NotificationSaga,
)

__all__ = [
    "Notification",
    "NotificationConfigChange",
    "NotificationDelivery",
    "NotificationIdempotencyKey",
    "NotificationInbox",
    "NotificationLease",
    "NotificationOutbox",
    "NotificationPreference",
    "NotificationSaga",
]
