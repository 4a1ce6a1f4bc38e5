"""What this instance's Nacos agent says of itself and of the peers, and how old that is. For `/metrics`.

All of it is read from the agent's files; with fixed addresses (DISCOVERY=static) there is nothing to tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from common import clock
from common.service_client import service_client
from common.service_registry import NacosRegistry
from common.snapshots import SnapshotFolder, read_snapshot


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


def agent_figures(folder: SnapshotFolder) -> Iterator[GaugeMetricFamily]:
    """Of the agent that writes into `folder`; one that never wrote is not connected, and has no age."""
    told = read_snapshot(folder.agent) or {}
    yield GaugeMetricFamily(
        "nacos_agent_connected", "1 while the agent is connected to Nacos.", value=bool(told.get("connected"))
    )
    yield GaugeMetricFamily(
        "nacos_agent_registered",
        "Services that the agent has in the registry.",
        value=len(told.get("registered", ())),
    )
    yield GaugeMetricFamily(
        "nacos_agent_problem",
        "1 while the agent names a problem that somebody has to mend.",
        value=bool(told.get("problem")),
    )
    if told:
        age = (clock.now() - datetime.fromisoformat(told["written_at"])).total_seconds()
        yield GaugeMetricFamily(
            "nacos_agent_age_seconds", "Seconds since the agent last wrote.", value=max(0.0, age)
        )
