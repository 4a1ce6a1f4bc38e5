"""How the outbox is doing: depth, age, dead letters. For `/metrics`, the status command and alerts."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Min, Q
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from common import clock
from common.concrete import concrete, has_part
from common.outbox.models import OutboxState
from common.outbox.transport import outside


@dataclass(frozen=True)
class OutboxFigures:
    """Row counts by state, and the age in seconds of the oldest event still on its way to a peer of ours: a
    client that is away is nobody's alarm until its letter is dead."""

    pending: int
    dead: int
    parked: int
    oldest_seconds: float


def outbox_figures() -> OutboxFigures:
    """Count what has not been delivered, by one query."""
    waiting = concrete("outbox").objects.exclude(state=OutboxState.DELIVERED)
    since = Min("occurred_at", filter=~Q(destination__in=outside()))
    found: dict[int, dict[str, Any]] = {
        row["state"]: row for row in waiting.values("state").annotate(count=Count("id"), since=since)
    }
    return OutboxFigures(
        pending=found.get(OutboxState.PENDING, {}).get("count", 0),
        dead=found.get(OutboxState.DEAD, {}).get("count", 0),
        parked=found.get(OutboxState.PARKED, {}).get("count", 0),
        oldest_seconds=clock.age(found.get(OutboxState.PENDING, {}).get("since")),
    )


class OutboxCollector(Collector):
    """Asks the database at the moment of the scrape, so that any process of the service tells the same."""

    def describe(self) -> list[GaugeMetricFamily]:
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        if not has_part("outbox"):
            return
        figures = outbox_figures()
        depth = GaugeMetricFamily("outbox_depth", "Events not delivered, by state.", labels=["state"])
        for state in ("pending", "dead", "parked"):
            depth.add_metric([state], getattr(figures, state))
        yield depth
        yield GaugeMetricFamily(
            "outbox_lag_seconds",
            "Age of the oldest event on its way to a peer.",
            value=figures.oldest_seconds,
        )
