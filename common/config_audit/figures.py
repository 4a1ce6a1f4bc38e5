"""How the followed documents are doing, for `/metrics`: read from this instance's files at the scrape."""

from collections.abc import Iterator

from django.conf import settings
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from common import clock
from common.config_store import REFUSED, Documents, documents_for
from common.live_settings import documents_in_force

_LABEL = ["data_id"]


class ConfigCollector(Collector):
    """Tells nothing where no documents are followed."""

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        documents = documents_for(settings.CFMP)
        if documents is not None:
            yield from _in_force()
            yield from _refusals(documents)


def _in_force() -> Iterator[Metric]:
    revision = GaugeMetricFamily("config_revision", "Contents accepted so far.", labels=_LABEL)
    age = GaugeMetricFamily("config_age_seconds", "Since when the content is in force.", labels=_LABEL)
    for one in documents_in_force():
        revision.add_metric([one.document.data_id], one.revision)
        age.add_metric([one.document.data_id], max(0.0, (clock.now() - one.at).total_seconds()))
    yield from (revision, age)


def _refusals(documents: Documents) -> Iterator[Metric]:
    refused = CounterMetricFamily("config_refused", "Contents refused so far.", labels=_LABEL)
    standing = GaugeMetricFamily(
        "config_refusal_standing", "1 while what is published last is not in force.", labels=_LABEL
    )
    for data_id in documents.data_ids:
        last = documents.arrivals(data_id)[-1:]
        refused.add_metric([data_id], documents.refused(data_id))
        standing.add_metric([data_id], float(any(one.outcome == REFUSED for one in last)))
    yield from (refused, standing)
