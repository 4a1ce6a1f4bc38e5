"""From Nacos' console to a running process, on any Nacos: the fake (`tests/registry`) and a real server.

Import the tests with `from common.testing.config_suite import *` beside a fixture `nacos` (`Nacos` of
`common.testing.agents`) and a fixture `agents` (`Agents`). The agents are real processes; a "process" here is
the part of a web or worker process that follows the files.
"""

import signal

import pytest

from common.config_store import ACCEPTED, REFUSED, ConfigStore
from common.live_settings import Overlay
from common.live_table import LiveSettings
from common.testing.agents import AgentProcess, Agents, Nacos
from common.testing.processes import eventually

COMMON, OWN = "cfmp-common.yaml", "OrderService.yaml"
# An operator sees a change take effect within two seconds.
SOON = 2.0
STARTED = 15.0
BASE = LiveSettings(order_expire_minutes=30, order_max_lines=7)


@pytest.fixture(autouse=True)
def no_documents(nacos: Nacos) -> None:
    """A real server remembers what the test before published."""
    for data_id in (COMMON, OWN):
        nacos.remove(data_id)


def store_of(agent: AgentProcess) -> ConfigStore:
    return ConfigStore(agent.folder, agent.service)


def process_beside(agent: AgentProcess) -> Overlay:
    return Overlay(BASE, store_of(agent).watched(), look_seconds=0.0)


def outcomes(agent: AgentProcess, data_id: str = OWN) -> list[str]:
    return [one.outcome for one in store_of(agent).arrivals(data_id)]


def test_what_is_published_is_in_force_within_two_seconds(nacos: Nacos, agents: Agents) -> None:
    agent = agents.registered("OrderService")
    process = process_beside(agent)
    assert process.values() == BASE

    nacos.publish(OWN, "order_expire_minutes: 5")
    eventually(lambda: process.values().order_expire_minutes == 5, within=SOON)
    nacos.publish(COMMON, "{order_expire_minutes: 9, order_max_lines: 3}")
    eventually(lambda: process.values().order_max_lines == 3, within=SOON)
    assert process.values().order_expire_minutes == 5


def test_a_worker_follows_too(nacos: Nacos, agents: Agents) -> None:
    nacos.publish(COMMON, "order_max_lines: 3")
    process = process_beside(agents.watching("OrderService"))

    eventually(lambda: process.values().order_max_lines == 3, within=STARTED)


def test_who_published_is_known(nacos: Nacos, agents: Agents) -> None:
    agent = agents.registered("OrderService")
    nacos.publish(OWN, "order_expire_minutes: 5")
    eventually(lambda: outcomes(agent) == [ACCEPTED], within=SOON)

    (arrival,) = store_of(agent).arrivals(OWN)

    assert (arrival.operator, arrival.address) == (nacos.username, "127.0.0.1")


def test_bad_content_and_a_deleted_document_leave_the_good_in_force(nacos: Nacos, agents: Agents) -> None:
    agent = agents.registered("OrderService")
    process = process_beside(agent)
    nacos.publish(OWN, "order_expire_minutes: 5")
    eventually(lambda: outcomes(agent) == [ACCEPTED], within=SOON)

    nacos.publish(OWN, "order_expire_minutes: soon")
    eventually(lambda: outcomes(agent) == [ACCEPTED, REFUSED], within=SOON)
    nacos.remove(OWN)
    eventually(lambda: outcomes(agent) == [ACCEPTED, REFUSED, REFUSED], within=SOON)

    assert process.values().order_expire_minutes == 5
    assert agent.events("config_refused")[0]["problems"] == [
        "order_expire_minutes must be a whole number from 1 to 1440"
    ]
    nacos.publish(OWN, "order_expire_minutes: 6")
    eventually(lambda: process.values().order_expire_minutes == 6, within=SOON)


def test_without_nacos_the_good_stays_and_what_was_published_meanwhile_arrives(
    nacos: Nacos, agents: Agents
) -> None:
    agent = agents.registered("OrderService")
    process = process_beside(agent)
    nacos.publish(OWN, "order_expire_minutes: 5")
    eventually(lambda: process.values().order_expire_minutes == 5, within=SOON)

    nacos.restart(away_seconds=1.0)
    assert process.values().order_expire_minutes == 5
    assert process_beside(agent).values().order_expire_minutes == 5, "also in a process that starts now"
    nacos.publish(OWN, "order_expire_minutes: 6")
    eventually(lambda: process.values().order_expire_minutes == 6, within=STARTED)
    assert outcomes(agent) == [ACCEPTED, ACCEPTED]


def test_an_agent_that_starts_anew_notes_nothing_twice(nacos: Nacos, agents: Agents) -> None:
    agent = agents.registered("OrderService")
    nacos.publish(OWN, "order_expire_minutes: 5")
    eventually(lambda: outcomes(agent) == [ACCEPTED], within=SOON)

    agent.signal(signal.SIGKILL)
    agent.wait()
    nacos.publish(COMMON, "order_max_lines: 3")
    agent.start()

    process = process_beside(agent)
    eventually(lambda: process.values().order_max_lines == 3, within=STARTED)
    assert outcomes(agent) == [ACCEPTED]
    assert process.values().order_expire_minutes == 5
