"""The order app's name, and its figures at `/metrics`."""

from django.apps import AppConfig


class OrderConfig(AppConfig):
    name = "order"
    label = "order"
    verbose_name = "订单 Orders"

    def ready(self) -> None:
        from common.web import metrics
        from order.services.figures import OrderCollector

        metrics.asked_at_scrape.append(OrderCollector())
