"""What an agent tells Prometheus on a page of its own, where no service stands beside it."""

import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from common.testing.agents import Agents
from common.testing.nacos_server import NacosServer
from common.testing.processes import eventually, free_port


def told(port: int) -> dict[str, float]:
    """What it says of itself, by name."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            page = answer.read().decode()
    except OSError:
        return {}
    families = text_string_to_metric_families(page)
    found = {family.name: family.samples[0].value for family in families if family.samples}
    return {
        name.removeprefix("nacos_agent_"): value for name, value in found.items() if "nacos_agent" in name
    }


def test_it_tells_that_it_registered(nacos: NacosServer, agents: Agents) -> None:
    port = free_port()

    agents.registered("OrderService", {"AGENT_METRICS_PORT": str(port)})

    eventually(lambda: told(port).get("registered") == 1, within=10, what="it is told")
    assert 0 <= told(port).pop("age_seconds") < 30
    assert told(port).items() >= {"connected": 1, "registered": 1, "problem": 0}.items()


def test_one_that_only_watches_tells_of_no_registration(nacos: NacosServer, agents: Agents) -> None:
    port = free_port()

    agents.make("OrderService", {"AGENT_METRICS_PORT": str(port)}).start("worker")

    eventually(lambda: told(port).get("connected") == 1, within=10, what="it is connected")
    assert set(told(port)) == {"connected", "problem", "age_seconds"}


def test_a_port_that_is_taken_is_named(nacos: NacosServer, agents: Agents) -> None:
    page = agents.page()
    agent = agents.make("OrderService", {"AGENT_METRICS_PORT": str(page.port)}).start()

    assert agent.wait(20) == 2
    assert f"AGENT_METRICS_PORT={page.port} cannot be used: Address already in use" in agent.log
    assert "Traceback" not in agent.log
