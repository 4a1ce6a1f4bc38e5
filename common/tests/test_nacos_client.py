"""The client against the protocol fake: each fault of the SDK that it works around, each call's bounds.

Every test here fails with the SDK as it is, and without the line that mends it.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from v2.nacos.transport.model.internal_request import HealthCheckRequest
from v2.nacos.transport.model.internal_response import HealthCheckResponse
from v2.nacos.transport.rpc_client import RpcClientStatus
from v2.nacos.utils.net_util import NetUtils

from common.config_store import md5_of
from common.nacos_client import (
    Heard,
    NacosClient,
    NacosForbidden,
    NacosUnreachable,
    Registration,
    Target,
)
from common.nacos_connection import Connection
from common.nacos_login import Login
from common.testing.nacos_server import NacosServer

SERVICE = "OrderService"
OURS = Registration(SERVICE, "127.0.0.1", 8001, 1.0, {"version": "1"})


@pytest.fixture
def server() -> Iterator[NacosServer]:
    server = NacosServer().start()
    yield server
    server.http.answers.set()
    server.answer_after = 0.0
    server.stop()


@pytest.fixture(scope="module", autouse=True)
def _one_loop() -> Iterator[None]:
    """gRPC keeps to the loop that it met first, so all tests here share one."""
    global run
    with asyncio.Runner() as runner:
        run = runner.run
        yield


run: Callable[[Coroutine[Any, Any, Any]], Any]


class Listener:
    """A client and what it was told."""

    def __init__(self, server: NacosServer, password: str = "") -> None:
        self.pushes: list[Heard] = []
        self.configs: list[str] = []
        self.connected = 0
        self.client = NacosClient(
            Target((server.address,), server.namespace, server.username, password or server.password),
            on_connected=self._connected,
            on_instances=self.pushes.append,
            on_config=self.configs.append,
        )

    def _connected(self) -> None:
        self.connected += 1

    @property
    def ports(self) -> list[int] | None:
        return [one.port for one in self.pushes[-1].instances] if self.pushes else None


@asynccontextmanager
async def listening(server: NacosServer, password: str = "") -> AsyncIterator[Listener]:
    listener = Listener(server, password)
    await listener.client.start()
    try:
        await until(lambda: listener.connected >= 2)
        yield listener
    finally:
        await listener.client.close()


async def until(true: Callable[[], object], within: float = 10.0) -> None:
    ends = time.monotonic() + within
    while not true():
        assert time.monotonic() < ends, f"not within {within} s"
        await asyncio.sleep(0.02)


Story = Callable[[Listener], Awaitable[None]]


def tell(server: NacosServer, story: Story, password: str = "") -> None:
    """Run `story` with a connected client."""

    async def told() -> None:
        async with listening(server, password) as listener:
            await story(listener)

    run(told())


# --- connections --------------------------------------------------------------------------------


def test_a_server_that_was_away_for_long_is_found_again_at_once(server: NacosServer) -> None:
    """The SDK's pauses grow to five seconds, beside the three of each try."""

    async def story(listener: Listener) -> None:
        for away in (1.5, 5.0):
            before = listener.connected
            await asyncio.to_thread(server.restart, away_seconds=away)
            await until(lambda known=before: listener.connected >= known + 2, within=3.0)

    tell(server, story)


def test_a_server_that_sends_clients_away_is_obeyed(server: NacosServer) -> None:
    """The SDK cannot read the request, and its handler could not run."""

    async def story(listener: Listener) -> None:
        server.send_away()
        await until(lambda: listener.connected == 4, within=3.0)
        await listener.client.register(OURS)

    tell(server, story)
    assert server.acknowledged.count("ConnectResetResponse") == 2


def test_a_stream_that_ends_quietly_is_a_lost_connection(server: NacosServer) -> None:
    """The SDK takes the end of its loop for nothing."""

    async def story(listener: Listener) -> None:
        server.end_streams()
        await until(lambda: listener.connected == 4, within=3.0)

    tell(server, story)


def test_being_forgotten_is_noticed_without_a_request(server: NacosServer) -> None:
    """The code for it (301) is among the codes that the SDK's health check takes for healthy."""

    async def story(listener: Listener) -> None:
        server.forget_connections()
        await until(lambda: listener.connected == 4, within=8.0)

    tell(server, story)


def test_one_message_that_cannot_be_read_ends_nothing(server: NacosServer) -> None:
    async def story(listener: Listener) -> None:
        await listener.client.subscribe(SERVICE)
        for peer in list(server.peers.values()):
            server._tell(peer, "NotifySubscriberRequest", {"serviceInfo": "nonsense"})
            server._tell(peer, "SomethingNewRequest", {})
        await listener.client.register(OURS)
        await until(lambda: listener.ports == [8001])
        assert listener.connected == 2

    tell(server, story)


def test_nothing_runs_after_close(server: NacosServer) -> None:
    """The SDK leaves six tasks and an open stream behind."""

    async def story() -> set[str]:
        async with listening(server) as listener:
            await listener.client.subscribe(SERVICE)
            server.end_streams()
            await until(lambda: listener.connected == 4)
        await asyncio.sleep(0.1)
        return {str(task) for task in asyncio.all_tasks() if task is not asyncio.current_task()}

    assert run(story()) == set()


def test_closing_is_quick_while_the_server_hangs(server: NacosServer) -> None:
    async def story() -> float:
        async with listening(server):
            server.answer_after = 20.0
            began = time.monotonic()
        return time.monotonic() - began

    assert run(story()) < 2.0


# --- bounds -------------------------------------------------------------------------------------


def test_a_slow_server_holds_nobody(server: NacosServer) -> None:
    async def story(listener: Listener) -> None:
        await listener.client.register(OURS)
        server.answer_after = 20.0
        began = time.monotonic()
        with pytest.raises(NacosUnreachable):
            await listener.client.query(SERVICE)
        assert time.monotonic() - began < 5.0

    tell(server, story)


def test_a_connection_that_is_given_up_below_a_call_is_an_error_of_that_call(server: NacosServer) -> None:
    """gRPC raises CancelledError then, which would end whoever made the call."""

    async def story(listener: Listener) -> None:
        server.answer_after = 20.0
        call = asyncio.create_task(listener.client.query(SERVICE))
        await until(lambda: "ServiceQueryRequest" in server.heard)
        listener.client.drop_naming()
        with pytest.raises(NacosUnreachable):
            await call

    tell(server, story)


def test_a_login_without_an_answer_holds_nobody(server: NacosServer) -> None:
    """The SDK waits for it ten thousand seconds: it takes milliseconds for seconds."""

    async def story(listener: Listener) -> None:
        server.http.answers.clear()
        began = time.monotonic()
        with pytest.raises(NacosUnreachable):
            await listener.client.register(OURS)
        assert time.monotonic() - began < 5.0

    tell(server, story)


def test_a_login_without_an_answer_costs_no_connection(server: NacosServer) -> None:
    """While a token is renewed the old one does, and the health check needs none."""
    server.token_seconds = 10.0

    async def story(listener: Listener) -> None:
        await listener.client.register(OURS)
        listener.client._login._fresh_until = 0.0
        server.http.answers.clear()
        await listener.client.query(SERVICE)
        await asyncio.sleep(4.0)
        assert (server.registered(SERVICE), listener.connected) == ([("127.0.0.1", 8001, 1.0)], 2)

    tell(server, story)


class Answering:
    """A connection whose answer comes when `future` is done."""

    def __init__(self) -> None:
        self.future: asyncio.Future[HealthCheckResponse] = asyncio.get_running_loop().create_future()

    async def request(self, request: Any, milliseconds: float) -> HealthCheckResponse:
        return await self.future


@pytest.mark.parametrize("moments", range(5))
def test_who_is_asked_to_stop_while_an_answer_comes_in_stops(moments: int) -> None:
    """`asyncio.wait_for` of Python 3.11 then returns the answer and forgets that it was asked."""

    async def story() -> None:
        target = Target(("127.0.0.1:1",), "")
        connection = Connection("naming", target, Login(target), lambda: None)
        connection.current_connection = answering = Answering()
        connection.rpc_client_status = RpcClientStatus.RUNNING
        asking = asyncio.create_task(connection.ask(HealthCheckRequest(), HealthCheckResponse))
        await asyncio.sleep(0.01)

        answering.future.set_result(HealthCheckResponse(resultCode=200))
        for _ in range(moments):
            await asyncio.sleep(0)
        if asking.cancel():
            await asyncio.wait({asking})
            assert asking.cancelled()

    run(story())


# --- who we are ---------------------------------------------------------------------------------


def test_neither_password_nor_token_is_told_to_logs_and_urls(
    server: NacosServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def story(listener: Listener) -> None:
        await listener.client.register(OURS)
        await listener.client.namespace_exists()

    tell(server, story)
    said = caplog.text + "".join(server.http.urls)
    assert server.http.logins == 1
    assert not [secret for secret in (server.password, *server.tokens) if secret in said]


def test_a_wrong_password_is_told_apart_and_not_repeated(server: NacosServer) -> None:
    async def story(listener: Listener) -> None:
        for _ in range(10):
            with pytest.raises(NacosForbidden):
                await listener.client.register(OURS)

    tell(server, story, password="guessed")
    assert server.http.logins == 1


def test_a_token_that_is_refused_is_renewed_at_once(server: NacosServer) -> None:
    """The SDK keeps it until its time is over: a server with a new secret stays closed for hours."""

    async def story(listener: Listener) -> None:
        await listener.client.register(OURS)
        server.revoke_tokens()
        await listener.client.register(OURS)

    tell(server, story)
    assert server.http.logins == 2


def test_the_login_of_newer_servers_is_found(server: NacosServer) -> None:
    """Nacos 3.2 has no other; the SDK knows only the old one."""
    server.http.login_path = "/nacos/v3/auth/user/login"

    async def story(listener: Listener) -> None:
        await listener.client.register(OURS)
        assert server.registered(SERVICE) == [("127.0.0.1", 8001, 1.0)]

    tell(server, story)


def test_a_host_without_an_interface_can_speak() -> None:
    """The SDK looks for an IPv4 address besides loopback for every message, and raises without one."""
    assert NetUtils.get_local_ip() == "127.0.0.1"


# --- files and logs -----------------------------------------------------------------------------


def test_no_file_is_written_and_no_logger_taken_over(
    server: NacosServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK keeps lists, contents and logs below the home folder, and must have one."""
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    loggers = [logging.getLogger(name) for name in ("naming", "config", "nacos.sdk")]
    before = [(list(one.handlers), one.propagate) for one in loggers]

    async def story(listener: Listener) -> None:
        await listener.client.register(OURS)
        await listener.client.subscribe(SERVICE)
        server.publish("x.yaml", "a: 1")
        assert await listener.client.config("x.yaml") == "a: 1"

    tell(server, story)
    assert not home.exists()
    assert [(list(one.handlers), one.propagate) for one in loggers] == before


# --- lists --------------------------------------------------------------------------------------


def test_an_empty_list_is_told(server: NacosServer) -> None:
    """The SDK ignores it: the last instance, disabled, would take traffic for ever."""

    async def story(listener: Listener) -> None:
        await listener.client.subscribe(SERVICE)
        await listener.client.register(OURS)
        await until(lambda: listener.ports == [8001])
        server.console(SERVICE, "127.0.0.1", 8001, enabled=False)
        await until(lambda: listener.ports == [])
        assert (await listener.client.query(SERVICE)).instances == ()

    tell(server, story)


def test_a_servers_clock_that_is_set_back_silences_nobody(server: NacosServer) -> None:
    """The SDK drops what is older than what it has, by the server's clock."""

    async def story(listener: Listener) -> None:
        await listener.client.subscribe(SERVICE)
        server.clock_offset = -3600.0
        await listener.client.register(OURS)
        await until(lambda: listener.ports == [8001])

    tell(server, story)


def test_an_instance_lives_as_long_as_its_connection(server: NacosServer) -> None:
    async def story(listener: Listener) -> None:
        await listener.client.subscribe(SERVICE)
        async with listening(server) as other:
            await other.client.register(OURS)
            await until(lambda: listener.ports == [8001])
        await until(lambda: listener.ports == [])

    tell(server, story)


# --- configuration ------------------------------------------------------------------------------


def test_a_configuration_that_is_missing_is_none_and_no_error(server: NacosServer) -> None:
    async def story(listener: Listener) -> None:
        assert await listener.client.config("x.yaml") is None
        assert await listener.client.changed_configs({"x.yaml": ""}) == []

    tell(server, story)


def test_a_change_is_told_and_a_missed_one_is_found(server: NacosServer) -> None:
    async def story(listener: Listener) -> None:
        client = listener.client
        await client.changed_configs({"x.yaml": ""})
        server.publish("x.yaml", "金额: 1")
        await until(lambda: listener.configs == ["x.yaml"])
        assert await client.config("x.yaml") == "金额: 1"
        assert await client.changed_configs({"x.yaml": md5_of("金额: 1")}) == []
        server.loses_pushes = True
        server.remove("x.yaml")
        assert await client.changed_configs({"x.yaml": md5_of("金额: 1")}) == ["x.yaml"]

    tell(server, story)


# --- the namespace ------------------------------------------------------------------------------


def test_a_namespace_that_nobody_made_is_told(server: NacosServer) -> None:
    found: list[bool | None] = []

    async def story(listener: Listener) -> None:
        found.append(await listener.client.namespace_exists())
        server.namespaces.clear()
        found.append(await listener.client.namespace_exists())

    tell(server, story)
    assert found == [True, False]
