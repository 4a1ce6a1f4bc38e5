"""What a Nacos agent says of itself in `agent.json`, as figures for the page of whoever stands beside it.

Room: plain. A service's page and a worker's tell it of the agent beside them; an agent that stands beside
neither has a page of its own (AGENT_METRICS_PORT).
"""

from collections.abc import Iterator
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from common import clock
from common.snapshots import SnapshotFolder, read_snapshot


class AgentCollector(Collector):
    """Reads the file at the moment of the scrape."""

    def __init__(self, folder: SnapshotFolder) -> None:
        self._folder = folder

    def describe(self) -> list[GaugeMetricFamily]:
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        return agent_figures(self._folder)


def agent_figures(folder: SnapshotFolder) -> Iterator[GaugeMetricFamily]:
    """Of the agent that writes into `folder`; one that never wrote is not connected, and has no age.

    An agent that only watches, as a worker's does, has nothing in the registry and tells nothing of it.
    """
    told = read_snapshot(folder.agent) or {}
    yield GaugeMetricFamily(
        "nacos_agent_connected", "1 while the agent is connected to Nacos.", value=bool(told.get("connected"))
    )
    if told.get("registers", True):
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
