"""`make start DISCOVERY=nacos`: the whole system meets in a real Nacos, which an operator sees and steers."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from common.config import PORTS
from common.testing.processes import eventually
from scripts.demo import Story
from scripts.nacos_server.console import Console
from scripts.nacos_server.server import Server
from scripts.stack.announce import announcement
from scripts.stack.ready import unreached
from tests.browser.conftest import browser  # noqa: F401
from tests.conftest import Stack, running_stack, stack_verb
from tests.journey.test_telemetry import PAGES, SERVICES, scrape, told_by, total
from tests.nacos.conftest import demand


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    demand()
    with running_stack(DISCOVERY="nacos") as stack:
        yield stack


@pytest.fixture(scope="module")
def server(stack: Stack) -> Server:
    return Server(stack.var / "nacos")


@pytest.fixture(scope="module")
def console(server: Server) -> Console:
    return server.console()


@pytest.fixture(scope="module")
def story(stack: Stack) -> Story:
    return Story(stack.gateway)


@pytest.mark.parametrize("name", ["golden", "cancelled", "partly_refunded", "held"])
def test_the_story_of_the_demo_holds(stack: Stack, story: Story, name: str) -> None:
    getattr(story, name)()

    stack.manage("payment-service", "audit_money")


def test_every_service_and_neighbour_is_listed_where_it_listens(console: Console) -> None:
    listed = {name: [row["port"] for row in console.instances(name)] for name in console.services()}

    assert listed == {name: [port] for name, port in PORTS.items()}


# Beside what it has without Nacos: the workers have places, and so pages, of their own.
WITH_NACOS = {
    **{
        f"{name}-worker": (f"{9101 + number}/metrics", "worker_heartbeat_timestamp_seconds")
        for number, name in enumerate(SERVICES)
    },
    "sandbox-agent": ("9104/metrics", "nacos_agent_connected"),
    "endpoints": ("9105/metrics", "endpoints_look_timestamp_seconds"),
}


def test_each_program_of_the_stack_has_a_page(stack: Stack, server: Server) -> None:
    nacos = (f"{server.port}/nacos/actuator/prometheus", "nacos_monitor")

    found = told_by(stack, {**PAGES, **WITH_NACOS, "nacos": nacos})

    # Each agent, beside a service, a worker or the neighbours, is connected and complains of nothing.
    agents = [page for page, samples in found.items() if total(samples, "nacos_agent_connected") == 1]
    assert len(agents) == 7
    assert [page for page in agents if total(found[page], "nacos_agent_problem")] == []
    assert total(found["9104/metrics"], "nacos_agent_registered") == 3
    assert total(found["9105/metrics"], "endpoints_listed") == len(PORTS)
    assert total(found["9105/metrics"], "endpoints_unwritten") == 0
    assert "nacos_agent_registered" not in {name for name, _ in found["9101/metrics"]}


@pytest.mark.parametrize(("service", "port"), SERVICES.items())
def test_each_service_tells_what_its_agent_says(stack: Stack, service: str, port: int) -> None:
    found = scrape(port)

    assert total(found, "nacos_agent_connected") == total(found, "nacos_agent_registered") == 1, service
    assert total(found, "nacos_agent_problem") == 0
    assert 0 <= total(found, "nacos_agent_age_seconds") < 30
    assert total(found, "nacos_list_instances", peer="UserService") == 1


def test_the_console_shows_them(server: Server, browser: Browser) -> None:  # noqa: F811
    page = browser.new_context(viewport={"width": 1400, "height": 1000}).new_page()
    page.goto(f"http://{server.address}/nacos/#/login")
    page.fill("#username", "nacos")
    page.fill("#password", server.password)
    page.keyboard.press("Enter")
    page.get_by_text(server.namespace).first.wait_for()

    where = f"namespace={server.namespace}&namespaceShowName={server.namespace}"
    page.goto(f"http://{server.address}/nacos/#/serviceManagement?{where}")

    for name in PORTS:
        page.get_by_text(name, exact=True).first.wait_for()


def test_a_service_disabled_in_the_console_gets_nothing_from_the_gateway(
    story: Story, console: Console
) -> None:
    port = PORTS["OrderService"]
    assert _status(story, "/api/orders/") == 200

    console.change_instance("OrderService", port, enabled=False)
    try:
        eventually(lambda: _status(story, "/api/orders/") == 503, 4, "the gateway still asks it")
        # A stack that starts is not called ready before.
        assert unreached(9091) == ["gateway does not know order"]
    finally:
        console.change_instance("OrderService", port, enabled=True)
    eventually(lambda: _status(story, "/api/orders/") == 200, 4, "the gateway does not ask it again")


def test_a_killed_nacos_is_started_again_and_nobody_notices(server: Server, story: Story) -> None:
    before = server.pid

    server.kill()
    story.golden()

    eventually(lambda: server.pid not in (None, before), 20, "supervisor did not start it again")
    server.settle(90, ended=lambda: False)
    eventually(lambda: _all_listed(server.console()), 30, "not all are listed again")


def test_the_announcement_says_how_to_get_into_the_console(server: Server) -> None:
    said = announcement(1.0, server)

    assert f"http://{server.address}/nacos/#/login" in said
    assert server.password in said


def test_status_and_stop_know_it(stack: Stack, server: Server) -> None:
    stack_verb("status", stack.environment)

    stack_verb("stop", stack.environment)

    assert server.pid is None


def _status(story: Story, path: str) -> int:
    return story.alice.session.get(f"{story.alice.gateway}{path}", timeout=10).status_code


def _all_listed(console: Console) -> bool:
    return console.services() == dict.fromkeys(PORTS, 1)
