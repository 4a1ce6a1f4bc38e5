"""One gRPC connection to Nacos: the SDK's messages and handshake, kept alive in our own way.

Room: network; imports the SDK (`v2.nacos`), so only the agent's process may import it. The SDK reconnects
from three places at once, sleeps up to five seconds between tries, takes "unregistered" for healthy and a
stream that ended for living, does not know `ConnectResetRequest`, leaves tasks behind and measures silence by
a clock that may be set. Here one loop connects, watches and connects again, and every wait is bounded; by
`asyncio.timeout`, since `wait_for` of Python 3.11 can forget that its task was asked to stop.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, TypeVar

import grpc
from pydantic import ValidationError
from v2.nacos.common.client_config import ClientConfig
from v2.nacos.common.nacos_exception import UN_REGISTER, NacosException
from v2.nacos.transport.grpc_client import GrpcClient
from v2.nacos.transport.grpc_util import GrpcUtils
from v2.nacos.transport.model.internal_request import HealthCheckRequest, InternalRequest
from v2.nacos.transport.model.internal_response import ConnectResetResponse
from v2.nacos.transport.model.rpc_request import Request
from v2.nacos.transport.model.rpc_response import Response
from v2.nacos.transport.rpc_client import RpcClientStatus
from v2.nacos.transport.server_request_handler import ClientDetectionRequestHandler, IServerRequestHandler
from v2.nacos.utils.net_util import NetUtils

from common.log import get_logger
from common.nacos_login import (
    NO_RIGHT,
    Login,
    NacosError,
    NacosForbidden,
    NacosRefused,
    NacosUnreachable,
    Target,
)

log = get_logger(__name__)
SDK_REPEATS_SECONDS = 60.0


class Chatter(logging.Filter):
    """The SDK speaks at every try, twice in four seconds while Nacos is away. Why a try failed it raises
    too, and the agent tells that; of anything else it says each place is heard once a minute.
    """

    def __init__(self) -> None:
        super().__init__()
        self._silent_until: dict[tuple[str, int], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        place, now = (record.pathname, record.lineno), time.monotonic()
        if record.getMessage().startswith("connect to server fail") or now < self._silent_until.get(place, 0):
            return False
        self._silent_until[place] = now + SDK_REPEATS_SECONDS
        return True


# The SDK's own words: errors of its handshake only, through our handlers, which take secrets out.
_sdk_log = logging.getLogger("nacos.sdk")
_sdk_log.setLevel(logging.ERROR)
_sdk_log.addFilter(Chatter())

ASK_SECONDS = 3.0
CONNECT_SECONDS = 6.0
HEALTH_SECONDS = 3.0
# Short and steady: a server that is back has every instance within ASK + PAUSE, however long it was away.
PAUSE_SECONDS = 0.5

R = TypeVar("R", bound=Response)


class ConnectResetRequest(InternalRequest):
    """The server asks us to go elsewhere (it drains or has too many). The SDK's own class cannot be read."""

    serverIp: str | None = None
    serverPort: str | int | None = None

    def get_request_type(self) -> str:
        return "ConnectResetRequest"


# The SDK reads and writes messages through these two; both are tables, not behaviour.
GrpcUtils.remote_type["ConnectResetRequest"] = ConnectResetRequest
# It looks for a non-loopback IPv4 address to name itself, and without one every message fails. The server
# takes a connection's address from the connection.
NetUtils.get_local_ip = staticmethod(lambda: "127.0.0.1")


class Handler(IServerRequestHandler):
    """Answers one kind of the server's requests, after telling `act` about it."""

    def __init__(self, answer: type[Response], act: Callable[[Any], None]) -> None:
        self._answer = answer
        self._act = act

    def name(self) -> str:
        return self._answer.__name__

    async def request_reply(self, request: Request) -> Response:
        self._act(request)
        return self._answer()


class _Servers:
    """The addresses, in turn."""

    def __init__(self, servers: tuple[str, ...]) -> None:
        self._servers = servers
        self._next = 0

    def get_server_list(self) -> tuple[str, ...]:
        return self._servers

    def get_next_server(self) -> str:
        self._next += 1
        return self._servers[self._next % len(self._servers)]


class Connection(GrpcClient):
    """Stays connected from `start` to `shutdown`; each new connection is told to `on_connected`."""

    def __init__(self, module: str, target: Target, login: Login, on_connected: Callable[[], None]) -> None:
        config = ClientConfig(server_addresses=",".join(target.servers), namespace_id=target.namespace)
        super().__init__(_sdk_log, module, config, _Servers(target.servers))
        self.put_all_labels({"source": "sdk", "module": module})
        self._login = login
        self._told_connected = on_connected
        self._lost = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._watchers: set[asyncio.Task[None]] = set()
        self._channel: grpc.aio.Channel | None = None
        self.problem = ""

    def answer(self, kind: str, handler: Handler) -> None:
        """Let `handler` answer the server's requests of `kind`."""
        self.server_request_handler_mapping[kind] = handler

    async def start(self) -> None:
        self.answer("ConnectResetRequest", Handler(ConnectResetResponse, self._sent_away))
        self.server_request_handler_mapping["ClientDetectionRequest"] = ClientDetectionRequestHandler()
        self._keeper = asyncio.create_task(self._keep())

    async def shutdown(self) -> None:
        """Close; nothing of it runs afterwards."""
        self.rpc_client_status = RpcClientStatus.SHUTDOWN
        if self._keeper is not None:
            await _ended(self._keeper)

    def _sent_away(self, _: Any) -> None:
        # A moment for our answer to get out.
        asyncio.get_running_loop().call_later(0.1, self.drop)

    def drop(self) -> None:
        """Give this connection up and make another; Nacos forgets what was registered over it."""
        self._lost.set()

    async def ask(self, request: Request, answer: type[R], seconds: float = ASK_SECONDS) -> R:
        """Send `request` and return its answer, within `seconds` for each of login and exchange.

        Raises NacosUnreachable, NacosForbidden or NacosRefused.
        """
        for last in (False, True):
            await self._login.sign(request.get_headers())
            response = await self._exchange(request, seconds)
            code = response.get_error_code() or response.get_result_code()
            if code == NO_RIGHT and not last:
                self._login.forget()
                continue
            if isinstance(response, answer) and response.get_result_code() == 200:
                return response
            raise self._refusal(code, response.get_message())
        raise AssertionError("unreachable")

    def _refusal(self, code: int, message: str) -> NacosError:
        if code == UN_REGISTER:
            self.drop()
            return NacosUnreachable("the server forgot this connection")
        return (NacosForbidden if code == NO_RIGHT else NacosRefused)(code, message)

    async def _exchange(self, request: Request, seconds: float) -> Response:
        connection = self.current_connection
        if connection is None or not self.is_running():
            raise NacosUnreachable("not connected")
        try:
            async with asyncio.timeout(seconds + 0.5):
                return await connection.request(request, seconds * 1000)
        except (grpc.aio.AioRpcError, TimeoutError, asyncio.InvalidStateError) as error:
            raise NacosUnreachable(_reason(error)) from None
        except asyncio.CancelledError:
            # gRPC says so too when the channel is closed below a call, by whoever gave the connection up.
            if _asked_to_stop():
                raise
            raise NacosUnreachable("the connection was closed") from None
        except (NacosException, ValidationError, ValueError) as error:
            raise NacosRefused(500, f"an answer that cannot be read: {type(error).__name__}") from None

    async def _keep(self) -> None:
        while True:
            self._lost.clear()
            try:
                await self._live()
            except Exception as error:
                # Whatever it was: there is no life without a next try.
                self.problem = _reason(error)
            finally:
                self.rpc_client_status = RpcClientStatus.UNHEALTHY
                self.current_connection = None
                await self._close_channel()
            await asyncio.sleep(PAUSE_SECONDS)

    async def _live(self) -> None:
        """One connection, from its handshake until it is lost."""
        server = self._next_rpc_server()
        async with asyncio.timeout(CONNECT_SECONDS):
            connection = await self.connect_to_server(server)
        if connection is None:
            self.problem = "the handshake failed"
            return
        self.current_connection = connection
        self.rpc_client_status = RpcClientStatus.RUNNING
        self.problem = ""
        log.info("nacos_connected", module=self.name, server=server.get_address())
        self._told_connected()
        while not await self._is_lost():
            await self._check_health()
        log.info("nacos_connection_lost", module=self.name, server=server.get_address())

    async def _is_lost(self) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(HEALTH_SECONDS):
                await self._lost.wait()
        return self._lost.is_set()

    async def _check_health(self) -> None:
        # Without the login: that Nacos' HTTP hangs is no reason to leave a connection that works.
        try:
            answer = await self._exchange(HealthCheckRequest(), ASK_SECONDS)
        except NacosError:
            self.drop()
            return
        if answer.get_error_code() == UN_REGISTER:
            self.drop()

    async def _server_request_watcher(self, grpc_conn: Any) -> None:
        """The server's half of the stream. Runs as a task that the SDK starts and forgets."""
        task = asyncio.current_task()
        assert task is not None
        self._watchers.add(task)
        try:
            async for payload in grpc_conn.bi_stream_client.requestBiStream(_outgoing(grpc_conn)):
                await self._receive(payload, grpc_conn)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError) as error:
            log.info("nacos_stream_ended", module=self.name, reason=_reason(error))
        finally:
            # A stream that ends without an error is just as dead; the SDK would wait on.
            grpc_conn.queue.put_nowait(None)
            self.drop()

    async def _receive(self, payload: Any, connection: Any) -> None:
        try:
            await self._handle_server_request(GrpcUtils.parse(payload), connection)
        except Exception as error:
            # One message that cannot be read or handled must not end the stream.
            log.error("nacos_message_failed", kind=payload.metadata.type, error=type(error).__name__)

    async def _create_new_managed_channel(self, server_ip: str, grpc_port: int) -> grpc.aio.Channel:
        options = [
            ("grpc.max_receive_message_length", self.grpc_config.max_receive_message_length),
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.initial_reconnect_backoff_ms", 200),
            ("grpc.max_reconnect_backoff_ms", 500),
            ("grpc.enable_http_proxy", 0),
        ]
        self._channel = grpc.aio.insecure_channel(f"{server_ip}:{grpc_port}", options=options)
        try:
            async with asyncio.timeout(ASK_SECONDS):
                await self._channel.channel_ready()
        except TimeoutError:
            raise NacosException(0, f"no connection to {server_ip}:{grpc_port}") from None
        return self._channel

    async def _close_channel(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()
        watchers, self._watchers = self._watchers, set()
        await _ended(*watchers)


async def _outgoing(connection: Any) -> AsyncIterator[Any]:
    """Our half of the stream. The SDK's has no end, and its task none either."""
    while (payload := await connection.queue.get()) is not None:
        yield payload


async def _ended(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _asked_to_stop() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _reason(error: BaseException) -> str:
    if isinstance(error, grpc.aio.AioRpcError):
        return str(error.code().name)
    return str(error) if isinstance(error, NacosException) else type(error).__name__
