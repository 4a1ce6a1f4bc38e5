"""The notification app's name, and its figures at `/metrics`."""

from django.apps import AppConfig


class NotificationConfig(AppConfig):
    name = "notification"
    label = "notification"
    verbose_name = "通知 Notifications"

    def ready(self) -> None:
        from common.web import metrics
        from notification.services.figures import DeliveryCollector

        metrics.asked_at_scrape.append(DeliveryCollector())
