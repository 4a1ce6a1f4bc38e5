"""A message to one person and its way through each channel."""

from enum import IntEnum

from django.db import models

from common import clock, ids
from notification.states import DeliveryDetail, DeliveryState, NotificationType


def _choices(states: type[IntEnum]) -> list[tuple[int, str]]:
    return [(state.value, state.name.lower()) for state in states]


class Notification(models.Model):
    """Either written by a caller (`title`, `content`) or a `template_key` with `params`, rendered when read.

    `in_box` is False for muted and deleted messages: they stay as facts, the person does not see them.
    """

    id = models.BigIntegerField(primary_key=True, default=ids.new_id, editable=False)
    notification_uuid = models.UUIDField(unique=True, default=ids.new_uuid, editable=False)
    legacy_id = models.BigIntegerField(null=True, blank=True, unique=True)
    user_uuid = models.UUIDField()
    type = models.SmallIntegerField(choices=_choices(NotificationType))
    title = models.CharField(max_length=100, blank=True, default="")
    content = models.TextField(blank=True, default="")
    template_key = models.CharField(max_length=60, blank=True, default="")
    params = models.JSONField(default=dict, blank=True)
    related_id = models.CharField(max_length=64, blank=True, default="")
    related_data = models.JSONField(default=dict, blank=True)
    # The event that told it; None for messages a caller wrote.
    event_id = models.UUIDField(null=True, blank=True)

    in_box = models.BooleanField(default=True)
    read = models.BooleanField(default=False)
    read_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    # When the fact happened, not when its event arrived: a late event does not climb to the top of the list.
    created_at = models.DateTimeField(default=clock.now)
    received_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "notification"
        indexes = [
            # The person's list, whole and by type; the unread count reads the last one alone.
            models.Index(fields=["user_uuid", "in_box", "created_at", "id"], name="notification_box"),
            models.Index(fields=["user_uuid", "in_box", "type", "created_at"], name="notification_box_type"),
            models.Index(fields=["user_uuid", "in_box", "read", "type"], name="notification_unread"),
            # The order's timeline.
            models.Index(fields=["related_id", "created_at"], name="notification_related"),
        ]
        constraints = [
            # One event tells one person once. Free messages have no event: NULLs are never equal, on every
            # database.
            models.UniqueConstraint(fields=["event_id", "user_uuid"], name="notification_once"),
        ]

    def __str__(self) -> str:
        return self.title or self.template_key


class NotificationDelivery(models.Model):
    """One message through one channel.

    Taking it moves `due_at` into the future: a worker that dies gives it back.
    """

    id = models.BigIntegerField(primary_key=True, default=ids.new_id, editable=False)
    notification = models.ForeignKey(Notification, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.CharField(max_length=20)
    state = models.SmallIntegerField(choices=_choices(DeliveryState), default=DeliveryState.QUEUED)
    detail = models.CharField(max_length=40, blank=True, default=DeliveryDetail.NONE)
    attempts = models.PositiveSmallIntegerField(default=0)
    claim = models.UUIDField(null=True, blank=True, help_text="who has it now")
    due_at = models.DateTimeField(default=clock.now)
    settled_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        db_table = "notification_delivery"
        verbose_name_plural = "notification deliveries"
        indexes = [
            # The delivery job asks for what is due.
            models.Index(fields=["state", "due_at"], name="notification_delivery_due"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["notification", "channel"], name="notification_delivery_once"),
        ]

    def __str__(self) -> str:
        return f"{self.channel}: {DeliveryState(self.state).name.lower()}"


class NotificationPreference(models.Model):
    """A person's switch for one type. No row means the type is on."""

    id = models.BigIntegerField(primary_key=True, default=ids.new_id, editable=False)
    user_uuid = models.UUIDField()
    type = models.SmallIntegerField(choices=_choices(NotificationType))
    enabled = models.BooleanField(default=True)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "notification_preference"
        constraints = [
            models.UniqueConstraint(fields=["user_uuid", "type"], name="notification_preference_once"),
        ]

    def __str__(self) -> str:
        return f"{NotificationType(self.type).name.lower()}: {'on' if self.enabled else 'off'}"
