"""The tables of this app."""

from notification.models.notification import Notification, NotificationDelivery, NotificationPreference
from notification.models.plumbing import (
    NotificationIdempotencyKey,
    NotificationInbox,
    NotificationLease,
    NotificationOutbox,
    NotificationSaga,
)

__all__ = [
    "Notification",
    "NotificationDelivery",
    "NotificationIdempotencyKey",
    "NotificationInbox",
    "NotificationLease",
    "NotificationOutbox",
    "NotificationPreference",
    "NotificationSaga",
]
