"""How sagas are doing: counts by state, and the age of the oldest that has not come to rest. For
`/metrics`.
"""

from collections.abc import Iterator

from django.db.models import Count, Min
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from common import clock
from common.concrete import concrete, has_part
from common.sagas.models import SagaState

UNFINISHED = (SagaState.RUNNING, SagaState.COMPENSATING, SagaState.PARKED)


def saga_figures() -> dict[tuple[str, str], tuple[int, float]]:
    """(saga name, state) -> (how many, age in seconds of the oldest), for those not at rest, by one query."""
    rows = concrete("saga").objects.filter(state__in=UNFINISHED).values("name", "state")
    now = clock.now()
    return {
        (row["name"], SagaState(row["state"]).label): (row["count"], (now - row["since"]).total_seconds())
        for row in rows.annotate(count=Count("id"), since=Min("created_at"))
    }


class SagaCollector(Collector):
    """Asks the database at the moment of the scrape."""

    def describe(self) -> list[GaugeMetricFamily]:
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        if not has_part("saga"):
            return
        count = GaugeMetricFamily("sagas_unfinished", "Runs not at rest.", labels=["saga", "state"])
        age = GaugeMetricFamily(
            "saga_oldest_seconds", "Age of the oldest such run.", labels=["saga", "state"]
        )
        for labels, (number, seconds) in saga_figures().items():
            count.add_metric(labels, number)
            age.add_metric(labels, seconds)
        yield count
        yield age
