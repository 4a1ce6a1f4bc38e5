"""The notification app's name."""

from django.apps import AppConfig


class NotificationConfig(AppConfig):
    name = "notification"
    label = "notification"
    verbose_name = "通知 Notifications"
