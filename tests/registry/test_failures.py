"""Agents when something is wrong: with Nacos, with the network, with the settings. The fake can be so."""

import os
import signal
import subprocess
import time

import pytest

from common.service_registry import NacosRegistry
from common.testing.agents import AgentProcess, Agents
from common.testing.nacos_server import NacosServer
from common.testing.processes import eventually

SOON = 2.0
HOST = "127.0.0.1"


def ended(agent: AgentProcess, *arguments: str) -> tuple[int, str]:
    """The exit status and what it said."""
    agent.start(*arguments)
    return agent.wait(20), agent.log


# --- the server ---------------------------------------------------------------------------------


def test_without_nacos_at_start_it_keeps_trying(nacos: NacosServer, agents: Agents) -> None:
    nacos.stop()
    agent = agents.make("OrderService").start()
    eventually(lambda: agent.state.get("problem"), within=10)
    assert f"无法连接 Nacos（{nacos.address}）" in agent.state["problem"]
    assert "check NACOS_SERVER" in agent.state["problem"]

    nacos.start()

    eventually(lambda: agent.state["registered"] == ["OrderService"], within=6)
    assert agent.state["problem"] == ""


def test_a_server_that_is_away_is_told_once_and_when_it_is_back(nacos: NacosServer, agents: Agents) -> None:
    """That it is told again every minute is common/tests/test_nacos_agent.py's, without waiting."""
    agent = agents.registered("OrderService")
    before = len(agent.log)
    nacos.stop()
    eventually(lambda: agent.events("nacos_problem"), within=10)
    # Long enough for two tries, each with its failure.
    time.sleep(8.0)
    (problem,) = agent.events("nacos_problem")
    assert "no connection to" in problem["reason"], "what the SDK knows is not lost"

    nacos.start()

    eventually(lambda: agent.events("nacos_problem_over"), within=6)
    (over,) = agent.events("nacos_problem_over")
    assert over["problem"] == problem["problem"] and over["seconds"] >= 8
    assert "nacos.sdk" not in agent.log[before:]


def test_the_files_of_the_last_life_serve_until_nacos_is_there(nacos: NacosServer, agents: Agents) -> None:
    payment = agents.registered("PaymentService")
    order = agents.watching("OrderService")
    eventually(lambda: order.knows("PaymentService"), within=SOON)
    order.stop()
    nacos.stop()

    order.start("worker")
    eventually(lambda: order.state.get("problem"), within=10)

    registry = NacosRegistry(order.folder)
    assert [one.port for one in registry.instances("PaymentService")] == [payment.page.port]
    eventually(lambda: registry.ages()["PaymentService"] > 3, within=10, what="its age is known")


def test_a_wrong_password_is_told_in_words_to_act_on(nacos: NacosServer, agents: Agents) -> None:
    agent = agents.make("OrderService", {"NACOS_PASSWORD": "guessed"}).start()

    eventually(lambda: "NACOS_PASSWORD" in agent.state.get("problem", ""), within=10)

    assert "Nacos 拒绝访问" in agent.state["problem"]
    assert (agent.state["registered"], agent.state["connected"]) == ([], True)
    assert "guessed" not in agent.log
    time.sleep(2.0)
    assert len(agent.events("nacos_problem")) == 1
    assert nacos.http.logins <= 3


def test_a_missing_namespace_is_told_until_it_is_there(nacos: NacosServer, agents: Agents) -> None:
    nacos.namespaces.clear()
    agent = agents.registered("OrderService")
    eventually(lambda: "cfmp-microservices" in agent.state["problem"], within=5)
    assert "create it in the console" in agent.state["problem"]

    nacos.namespaces.add(nacos.namespace)

    eventually(lambda: agent.state["problem"] == "", within=10)


def test_a_namespace_that_a_restart_lost_is_told(nacos: NacosServer, agents: Agents) -> None:
    agent = agents.registered("OrderService")
    nacos.namespaces.clear()

    nacos.restart()

    eventually(lambda: "cfmp-microservices" in agent.state["problem"], within=15)


def test_a_slow_server_is_served_too(nacos: NacosServer, agents: Agents) -> None:
    nacos.answer_after = 0.7

    agent = agents.registered("OrderService")

    assert nacos.registered("OrderService") == [(HOST, agent.page.port, 1.0)]


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGTERM])
@pytest.mark.parametrize("seconds", [1.5, 30.0], ids=["slow", "hanging"])
def test_leaving_does_not_wait_for_a_server(
    nacos: NacosServer, agents: Agents, number: signal.Signals, seconds: float
) -> None:
    agent = agents.registered("OrderService")
    nacos.answer_after = seconds
    asked = nacos.heard.count("ServiceQueryRequest")
    eventually(
        lambda: nacos.heard.count("ServiceQueryRequest") > asked, within=8, what="it waits for an answer"
    )

    agent.signal(number)

    eventually(lambda: agent.state["registered"] == [], within=2.5)
    # Without an answer, going is what makes Nacos forget.
    eventually(lambda: not nacos.registered("OrderService"), within=SOON)
    nacos.answer_after = 0.0
    if number == signal.SIGTERM:
        assert agent.wait(5) == 0


def test_a_registration_that_nacos_lost_is_made_again(nacos: NacosServer, agents: Agents) -> None:
    agent = agents.registered("OrderService")
    time.sleep(1.0)

    nacos.forget_instances()

    eventually(lambda: nacos.registered("OrderService"), within=8)
    assert agent.events("registered_again")


def test_a_push_that_got_lost_is_only_late(nacos: NacosServer, agents: Agents) -> None:
    order = agents.watching("OrderService")
    nacos.loses_pushes = True

    payment = agents.registered("PaymentService")

    eventually(lambda: order.knows("PaymentService") == [(payment.page.port, 1.0)], within=8)


def test_no_secret_is_in_its_log(nacos: NacosServer, agents: Agents) -> None:
    agent = agents.registered("OrderService", {"LOG_LEVEL": "DEBUG"})
    agent.stop()

    assert not [secret for secret in (nacos.password, *nacos.tokens) if secret in agent.log]


# --- the processes ------------------------------------------------------------------------------


def test_lists_outlive_an_agent_that_was_killed(nacos: NacosServer, agents: Agents) -> None:
    payment = agents.registered("PaymentService")
    order = agents.watching("OrderService")
    eventually(lambda: order.knows("PaymentService"), within=SOON)

    order.signal(signal.SIGKILL)
    order.wait()
    assert order.knows("PaymentService") == [(payment.page.port, 1.0)]

    order.start("worker")
    eventually(lambda: order.state.get("pid") == order.process.pid, within=10)
    assert order.knows("PaymentService") == [(payment.page.port, 1.0)]


def test_a_second_agent_in_the_same_folder_is_refused(nacos: NacosServer, agents: Agents) -> None:
    first = agents.registered("OrderService")
    second = AgentProcess(nacos, first.folder.root.parent.parent, "OrderService", first.page, None)

    status, said = ended(second)

    assert status == 2
    assert f"another agent works in {first.folder.root.parent}" in said
    assert first.process.poll() is None


def test_who_only_watches_waits_for_the_folder_and_takes_over(nacos: NacosServer, agents: Agents) -> None:
    first = agents.registered("OrderService")
    second = AgentProcess(nacos, first.folder.root.parent.parent, "OrderService", first.page, None)
    second.start("worker")
    time.sleep(2.0)
    assert first.state["pid"] == first.process.pid

    first.stop()

    try:
        eventually(lambda: first.state["pid"] == second.process.pid, within=10)
    finally:
        second.stop()


def test_the_sandbox_registers_its_three_neighbours(nacos: NacosServer, agents: Agents) -> None:
    pages = {name: agents.page() for name in ("User", "Product", "Root")}
    ports = {f"SANDBOX_{name.upper()}_PORT": str(page.port) for name, page in pages.items()}
    agent = agents.make("sandbox", ports)
    agent.in_folder("sandbox").start()

    eventually(lambda: len(agent.state.get("registered", [])) == 3, within=10)

    for name, page in pages.items():
        assert nacos.registered(f"{name}Service") == [(HOST, page.port, 1.0)]


def test_the_gateway_watches_whom_it_names_and_registers_nothing(nacos: NacosServer, agents: Agents) -> None:
    payment = agents.registered("PaymentService")
    gateway = agents.make("gateway").in_folder("anywhere")

    gateway.start("--subscribe", "PaymentService,OrderService")

    eventually(lambda: gateway.knows("PaymentService") == [(payment.page.port, 1.0)], within=10)
    assert gateway.folder.services() == ["OrderService", "PaymentService"]
    assert gateway.state["registered"] == []


# --- the settings -------------------------------------------------------------------------------

BAD = [
    ({"DISCOVERY": "static"}, "DISCOVERY is not nacos"),
    ({"NACOS_SERVER": ""}, "NACOS_SERVER is missing"),
    ({"NACOS_SERVER": "http://n1:8848"}, "NACOS_SERVER must be host:port"),
    ({"NACOS_USERNAME": ""}, "NACOS_USERNAME and NACOS_PASSWORD go together"),
    ({"SERVICE_PORT": "0"}, "SERVICE_PORT is 0"),
    ({"SERVICE_WEIGHT": "heavy"}, "SERVICE_WEIGHT must be a plain number"),
    ({"SERVICE_RUN_DIR": "/proc/nowhere"}, "SERVICE_RUN_DIR: /proc/nowhere cannot be written to"),
]


@pytest.mark.parametrize(("variables", "message"), BAD, ids=lambda given: str(given)[:30])
def test_bad_settings_end_it_with_one_message(
    nacos: NacosServer, agents: Agents, variables: dict[str, str], message: str
) -> None:
    status, said = ended(agents.make("OrderService", variables))

    assert (status, message in said, "Traceback" in said) == (2, True, False), said


def test_a_folder_of_nobody_needs_to_say_whom(nacos: NacosServer, agents: Agents) -> None:
    status, said = ended(agents.make("gateway").in_folder("anywhere"))

    assert status == 2
    assert "runs in a service's folder or in sandbox/, or with --subscribe" in said


def without_network() -> list[str]:
    """What starts a command on a machine of its own with no interface; a plain user may not everywhere."""
    if os.getuid() == 0:
        return ["unshare", "-n"]
    alone = ["unshare", "-rn"]
    if subprocess.run([*alone, "true"], capture_output=True).returncode:
        pytest.skip("this user may make no network namespace: an agent without any interface was not tried")
    return alone


def test_a_host_with_only_loopback_says_what_it_lacks(nacos: NacosServer, agents: Agents) -> None:
    """Nobody to reach Nacos by: the address to tell others cannot be found."""
    agent = agents.make("OrderService", {"SERVICE_HOST": "0.0.0.0", "NACOS_SERVER": "10.99.0.1:8848"})
    done = subprocess.run(
        [*without_network(), *agent.command()],
        cwd=agent.cwd,
        env=agent.environment,
        capture_output=True,
        text=True,
        timeout=20,
    )

    assert done.returncode == 2
    assert "SERVICE_ADVERTISE_HOST is missing, and no route leads to 10.99.0.1:8848" in done.stderr
