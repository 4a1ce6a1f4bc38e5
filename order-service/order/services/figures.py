"""How orders and stock are doing: what is overdue, what cannot be decided. For `/metrics` and alerts. Reads
only."""

from collections.abc import Iterator

from django.db.models import Count, Min, Sum
from django.db.models.functions import Abs
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from common import clock
from order.models import Order, ProductStock, StockPush
from order.states import OrderStatus, PushState, StockState


class OrderCollector(Collector):
    """Asks the database at the moment of the scrape: small queries, on an index or a small table."""

    def describe(self) -> list[GaugeMetricFamily]:
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield from _overdue()
        yield from _stock()
        yield from _pushes()


def _overdue() -> Iterator[GaugeMetricFamily]:
    due = Order.objects.filter(status=OrderStatus.PENDING_PAYMENT, expires_at__lte=clock.now())
    found = due.aggregate(count=Count("id"), since=Min("expires_at"))
    yield GaugeMetricFamily("orders_overdue", "Unpaid orders past their time.", value=found["count"])
    age = clock.age(found["since"])
    yield GaugeMetricFamily("orders_overdue_seconds", "How long the oldest of them is past it.", value=age)


def _stock() -> Iterator[GaugeMetricFamily]:
    unknown = ProductStock.objects.filter(state=StockState.UNKNOWN).count()
    unsent = ProductStock.objects.exclude(unsent=0).aggregate(units=Sum(Abs("unsent")))
    yield GaugeMetricFamily("stock_unknown", "Products not sold until an operator has looked.", value=unknown)
    yield GaugeMetricFamily(
        "stock_unsent_units", "Units that ProductService has not heard of.", value=unsent["units"] or 0
    )


def _pushes() -> Iterator[GaugeMetricFamily]:
    since = StockPush.objects.filter(state=PushState.INTENDED).aggregate(since=Min("created_at"))["since"]
    yield GaugeMetricFamily(
        "stock_push_oldest_seconds", "Age of the oldest push without an answer.", value=clock.age(since)
    )
