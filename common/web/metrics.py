"""HTTP metrics and the `/metrics` page, right with one process or many.

Business metrics are declared by the services.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from common.log import get_logger
from common.metrics_files import VARIABLE

log = get_logger(__name__)

REQUESTS = Counter("http_requests", "Answered requests.", ["method", "route", "status"])
SECONDS = Histogram(
    "http_request_seconds",
    "Time from the first middleware to the answer.",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


def observe_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count one answered request.

    `route` is the URL pattern, never the path (its values would be unbounded).
    """
    count, time = _series(method if method in METHODS else "other", route, status)
    count.inc()
    time.observe(seconds)


@lru_cache(maxsize=4096)
def _series(verb: str, route: str, status: int) -> tuple[Counter, Histogram]:
    return REQUESTS.labels(verb, route, str(status)), SECONDS.labels(verb, route)


# Figures read from the database at the moment of the scrape; `common.apps` adds the outbox's and the sagas'.
asked_at_scrape: list[Collector] = []


class _Careful:
    """Leaves a collector out when its database does not answer: the other figures are wanted then most."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def collect(self) -> Iterable[Metric]:
        try:
            return list(self._collector.collect())
        except DatabaseError as error:
            log.warning("figures_missing", of=type(self._collector).__name__, error=type(error).__name__)
            return []


class _AllProcesses:
    """Reads what every process of this service wrote.

    Gunicorn's workers and the worker process beside them.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def collect(self) -> Iterable[Metric]:
        # A process that has just begun has a file without a header yet.
        files = [str(file) for file in self._directory.glob("**/*.db") if file.stat().st_size > 8]
        return MultiProcessCollector.merge(files, accumulate=True)


def counted() -> CollectorRegistry:
    """What the processes of this service on this machine counted."""
    registry = CollectorRegistry()
    directory = os.environ.get(VARIABLE)
    registry.register(_AllProcesses(Path(directory).parent) if directory else REGISTRY)  # type: ignore[arg-type]
    return registry


def figures() -> list[Metric]:
    """What the database says now, by every collector that can be asked."""
    return [family for collector in asked_at_scrape for family in _Careful(collector).collect()]


def metrics_page(request: HttpRequest) -> HttpResponse:
    """Everything in Prometheus' text format."""
    registry = counted()
    for collector in asked_at_scrape:
        registry.register(_Careful(collector))  # type: ignore[arg-type]
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
