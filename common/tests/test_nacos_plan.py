"""What an agent sets out to do, and how it tells ready from not ready."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.config import ConfigError
from common.nacos_agent.plan import Plan, advertised, make_plan, only_here
from common.nacos_agent.readiness import Readiness
from common.testing.agents import ReadyPage


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    for name in ("SERVICE_PORT", "SERVICE_HOST", "SERVICE_RUN_DIR", "NACOS_USERNAME", "NACOS_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DISCOVERY", "nacos")
    monkeypatch.setenv("NACOS_SERVER", "127.0.0.1:8848")
    monkeypatch.setenv("CFMP_VAR_DIR", str(tmp_path))
    return monkeypatch


def plan(name: str = "OrderService", watched: list[str] | None = None, only: bool = False) -> Plan:
    return make_plan(name, watched, subscribe_only=only)


def test_a_service_registers_itself_and_watches_the_others() -> None:
    made = plan()

    (seat,) = made.seats
    assert (seat.registration.service, seat.registration.host, seat.registration.port) == (
        "OrderService",
        "127.0.0.1",
        8001,
    )
    assert seat.ready_url == "http://127.0.0.1:8001/readyz"
    assert "OrderService" not in made.watched and {"PaymentService", "UserService"} <= set(made.watched)
    assert made.configs == ("cfmp-common.yaml", "OrderService.yaml")


def test_a_worker_registers_nothing_and_watches_all() -> None:
    made = plan(only=True)

    assert (made.seats, "OrderService" in made.watched, bool(made.configs)) == ((), True, True)


def test_a_gateway_has_no_configuration() -> None:
    made = plan("gateway", ["OrderService"], only=True)

    assert (made.seats, made.watched, made.configs) == ((), ("OrderService",), ())


def test_the_sandbox_registers_its_neighbours(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SANDBOX_USER_PORT", "9004")

    found = {one.registration.service: one.ready_url for one in plan("sandbox").seats}

    assert found == {
        "UserService": "http://127.0.0.1:9004/health",
        "ProductService": "http://127.0.0.1:8005/health",
        "RootService": "http://127.0.0.1:8006/health",
    }


def test_a_bad_port_of_the_sandbox_is_named(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SANDBOX_ROOT_PORT", "0")

    with pytest.raises(ConfigError) as refused:
        plan("sandbox")
    assert refused.value.problems == ["SANDBOX_ROOT_PORT must be a whole number from 1 to 65535"]


@pytest.mark.parametrize("listens", ["0.0.0.0", "::"])
def test_who_listens_everywhere_tells_the_address_that_leads_to_nacos(
    environment: pytest.MonkeyPatch, listens: str
) -> None:
    environment.setenv("SERVICE_HOST", listens)

    (seat,) = plan().seats

    assert (seat.registration.host, seat.ready_url) == ("127.0.0.1", "http://127.0.0.1:8001/readyz")


def test_the_address_to_tell_can_be_given(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SERVICE_HOST", "0.0.0.0")
    environment.setenv("SERVICE_ADVERTISE_HOST", "orders-7.internal")

    assert plan().seats[0].registration.host == "orders-7.internal"


def test_a_loopback_address_told_to_other_machines_is_noticed(environment: pytest.MonkeyPatch) -> None:
    assert only_here(plan()) == []
    environment.setenv("NACOS_SERVER", "nacos:8848")
    assert only_here(plan()) == ["OrderService"]
    environment.setenv("SERVICE_ADVERTISE_HOST", "10.0.0.7")
    assert only_here(plan()) == []


def test_the_kernel_chooses_the_address_to_tell() -> None:
    """Here there is one network for sure; tests/registry/test_interfaces.py makes two."""
    assert advertised("0.0.0.0", ["127.0.0.9:8848"]) == "127.0.0.1"
    assert advertised("10.1.2.3", ["127.0.0.9:8848"]) == "10.1.2.3"


def test_a_nacos_that_has_no_address_is_told() -> None:
    with pytest.raises(ConfigError) as refused:
        advertised("0.0.0.0", ["nowhere.invalid:8848"])
    assert "SERVICE_ADVERTISE_HOST is missing" in refused.value.problems[0]


def test_the_agent_asks_its_environment_whether_documents_may_say_whom_buyers_pay(
    environment: pytest.MonkeyPatch,
) -> None:
    assert plan().settings.config_may_set_alipay
    environment.setenv("CONFIG_MAY_SET_ALIPAY", "false")
    assert not plan().settings.config_may_set_alipay


# --- ready or not -------------------------------------------------------------------------------


@pytest.fixture
def page() -> Iterator[ReadyPage]:
    page = ReadyPage()
    yield page
    page.close()


def judged(*answers: bool | None) -> list[bool]:
    """What is believed after each answer."""
    readiness = Readiness("", lambda: None)
    found = []
    for answer in answers:
        readiness._judge(answer)
        found.append(readiness.ready)
    return found


def test_a_clear_answer_counts_at_once() -> None:
    assert judged(True, False, True) == [True, False, True]


def test_silence_counts_the_third_time_and_never_means_yes() -> None:
    assert judged(None, True, None, None, True, None, None, None, True) == [
        False,
        True,
        True,
        True,
        True,
        True,
        True,
        False,
        True,
    ]


def test_only_a_change_is_told() -> None:
    told: list[int] = []
    readiness = Readiness("", lambda: told.append(1))
    for answer in (False, True, True, None, False, False):
        readiness._judge(answer)

    assert len(told) == 2


def asked(url: str) -> bool | None:
    import aiohttp

    async def ask() -> bool | None:
        timeout = aiohttp.ClientTimeout(total=0.3)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            return await Readiness(url, lambda: None)._ask(session)

    return asyncio.run(ask())


def test_the_instance_is_asked_over_http(page: ReadyPage) -> None:
    url = f"http://127.0.0.1:{page.port}/readyz"
    ready = asked(url)
    page.ready = False

    assert (ready, asked(url)) == (True, False)


def test_nobody_there_is_a_clear_no_and_a_hanging_one_is_silence() -> None:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{door.getsockname()[1]}/readyz"
        nobody = asked(url)
        door.listen()

        assert (nobody, asked(url)) == (False, None)
