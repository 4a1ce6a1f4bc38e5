"""What an agent does, on any Nacos: the same tests run on the fake (`common/tests`) and on a real server.

Import the tests with `from common.testing.nacos_suite import *` beside a fixture `nacos` (`Nacos` of
`common.testing.agents`) and a fixture `agents` (`Agents`). Agents are real processes; each test has instances
on ports of their own, so that a real server's memory of the test before does not matter. What the agent does
with configuration is `common.testing.config_suite`'s.
"""

import signal
import time

from common.testing.agents import AgentProcess, Agents, Nacos
from common.testing.processes import eventually

# A change on the console takes effect on calls within two seconds.
SOON = 2.0
# A server that is back knows everybody within three.
BACK = 3.0
HOST = "127.0.0.1"


def port_of(agent: AgentProcess) -> int:
    return agent.page.port


def test_an_instance_is_registered_while_it_is_ready(nacos: Nacos, agents: Agents) -> None:
    page = agents.page()
    page.ready = False
    agent = agents.make("OrderService", page=page).start()
    eventually(lambda: agent.state.get("connected"), within=15)
    time.sleep(1.2)
    assert nacos.registered("OrderService") == []

    page.ready = True
    eventually(lambda: nacos.registered("OrderService") == [(HOST, page.port, 1.0)], within=5)
    eventually(lambda: agent.state["registered"] == ["OrderService"], within=SOON)

    page.ready = False
    eventually(lambda: not nacos.registered("OrderService"), within=5)
    eventually(lambda: agent.state["registered"] == [], within=SOON)


def test_a_page_that_is_gone_is_not_ready(nacos: Nacos, agents: Agents) -> None:
    agent = agents.registered("OrderService")

    agent.page.close()

    eventually(lambda: not nacos.registered("OrderService"), within=5)


def test_weight_and_metadata_reach_the_peers(nacos: Nacos, agents: Agents) -> None:
    order = agents.watching("OrderService")
    facts = {"SERVICE_WEIGHT": "2.5", "SERVICE_VERSION": "7.1"}
    payment = agents.registered("PaymentService", facts)

    eventually(lambda: order.knows("PaymentService") == [(port_of(payment), 2.5)], within=SOON)
    (told,) = order.metadata("PaymentService")
    assert {name: told[name] for name in ("version", "weight", "protocol")} == {
        "version": "7.1",
        "weight": "2.5",
        "protocol": "http",
    }
    assert told["started_at"].endswith("Z")


def test_the_console_decides_within_two_seconds(nacos: Nacos, agents: Agents) -> None:
    order = agents.watching("OrderService")
    payment = agents.registered("PaymentService")
    eventually(lambda: order.knows("PaymentService") == [(port_of(payment), 1.0)], within=SOON)

    nacos.console("PaymentService", HOST, port_of(payment), weight=3.0)
    eventually(lambda: order.knows("PaymentService") == [(port_of(payment), 3.0)], within=SOON)

    nacos.console("PaymentService", HOST, port_of(payment), enabled=False)
    eventually(lambda: order.knows("PaymentService") == [], within=SOON, what="an empty list is believed")

    nacos.console("PaymentService", HOST, port_of(payment), enabled=True)
    eventually(lambda: order.knows("PaymentService") == [(port_of(payment), 3.0)], within=SOON)


def test_a_disabled_instance_stays_disabled(nacos: Nacos, agents: Agents) -> None:
    """The agent misses itself in the list and registers again; that must not undo the operator's word."""
    order = agents.watching("OrderService")
    payment = agents.registered("PaymentService")
    eventually(lambda: order.knows("PaymentService"), within=SOON)
    nacos.console("PaymentService", HOST, port_of(payment), enabled=False)

    eventually(lambda: payment.events("registered_again"), within=10)
    time.sleep(1.0)

    assert order.knows("PaymentService") == []
    nacos.console("PaymentService", HOST, port_of(payment), enabled=True)


def test_sigusr1_deregisters_and_keeps_watching(nacos: Nacos, agents: Agents) -> None:
    order = agents.registered("OrderService")

    order.signal(signal.SIGUSR1)
    eventually(lambda: order.state["registered"] == [], within=SOON)
    eventually(lambda: not nacos.registered("OrderService"), within=SOON)

    payment = agents.registered("PaymentService")
    eventually(lambda: order.knows("PaymentService") == [(port_of(payment), 1.0)], within=SOON)
    time.sleep(1.2)
    assert nacos.registered("OrderService") == []


def test_sigterm_deregisters_and_ends_in_order(nacos: Nacos, agents: Agents) -> None:
    agent = agents.registered("OrderService")
    began = time.monotonic()

    agent.signal(signal.SIGTERM)

    assert agent.wait() == 0
    assert time.monotonic() - began < 6
    eventually(lambda: not nacos.registered("OrderService"), within=SOON)
    assert agent.state["registered"] == []
    assert "Traceback" not in agent.log


def test_a_killed_agent_is_forgotten(nacos: Nacos, agents: Agents) -> None:
    order = agents.watching("OrderService")
    payment = agents.registered("PaymentService")
    eventually(lambda: order.knows("PaymentService"), within=SOON)

    payment.signal(signal.SIGKILL)

    eventually(lambda: order.knows("PaymentService") == [], within=25)


def test_another_port_is_another_instance(nacos: Nacos, agents: Agents) -> None:
    order = agents.watching("OrderService")
    first = agents.registered("PaymentService")
    eventually(lambda: order.knows("PaymentService") == [(port_of(first), 1.0)], within=SOON)
    first.stop()

    second = agents.registered("PaymentService")

    eventually(lambda: order.knows("PaymentService") == [(port_of(second), 1.0)], within=SOON)


def test_a_restarted_server_knows_everybody_within_three_seconds(nacos: Nacos, agents: Agents) -> None:
    agents.registered("PaymentService")
    order = agents.watching("OrderService")
    eventually(lambda: order.knows("PaymentService"), within=SOON)

    nacos.restart(away_seconds=2)

    eventually(lambda: nacos.registered("PaymentService"), within=BACK)
    eventually(lambda: order.state["connected"], within=BACK)


def test_calls_never_stop_while_the_server_is_away(nacos: Nacos, agents: Agents) -> None:
    """From before it goes until after it is back, the list never loses the one who was there all the time."""
    payment = agents.registered("PaymentService")
    order = agents.watching("OrderService")
    known = [(port_of(payment), 1.0)]
    eventually(lambda: order.knows("PaymentService") == known, within=SOON)

    nacos.restart(away_seconds=1)

    ends = time.monotonic() + 10
    while time.monotonic() < ends:
        assert order.knows("PaymentService") == known
        time.sleep(0.02)


__all__ = [name for name in dir() if name.startswith("test_")]
