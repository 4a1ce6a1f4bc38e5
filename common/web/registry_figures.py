"""What this instance's Nacos agent says of itself and of the peers, and how old that is. For `/metrics`.

All of it is read from the agent's files; with fixed addresses (DISCOVERY=static) there is nothing to tell.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from common.agent_figures import agent_figures
from common.service_client import service_client
from common.service_registry import NacosRegistry


class RegistryCollector(Collector):
    """Reads the files at the moment of the scrape."""

    def describe(self) -> list[GaugeMetricFamily]:
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        registry = service_client.registry
        if not isinstance(registry, NacosRegistry):
            return
        age = GaugeMetricFamily(
            "nacos_list_age_seconds",
            "Seconds since Nacos last confirmed the list of a peer.",
            labels=["peer"],
        )
        count = GaugeMetricFamily(
            "nacos_list_instances", "Instances of a peer that take traffic.", labels=["peer"]
        )
        for peer, seconds in registry.ages().items():
            age.add_metric([peer], seconds)
            count.add_metric([peer], len(registry.instances(peer)))
        yield from (age, count)
        yield from agent_figures(registry.folder)
