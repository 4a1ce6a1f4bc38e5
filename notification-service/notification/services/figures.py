"""How messages are doing, for `/metrics`: what waits, since when, what an operator must look at."""

from collections.abc import Iterator

from django.db.models import Count, Min
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from common import clock
from notification.models import NotificationDelivery
from notification.states import DeliveryState


class DeliveryCollector(Collector):
    """`notification_deliveries{state}` and the age of the oldest one still queued."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        states = (DeliveryState.QUEUED, DeliveryState.FAILED)
        rows = NotificationDelivery.objects.filter(state__in=states).values("state")
        figures = rows.annotate(count=Count("id"), since=Min("notification__received_at"))
        found = {row["state"]: row for row in figures}
        count = GaugeMetricFamily("notification_deliveries", "Deliveries that did not end.", labels=["state"])
        for state in states:
            count.add_metric([state.name.lower()], found.get(state, {}).get("count", 0))
        yield count
        age = clock.age(found.get(DeliveryState.QUEUED, {}).get("since"))
        yield GaugeMetricFamily(
            "notification_delivery_oldest_seconds", "Age of the oldest queued.", value=age
        )
