"""One suite for both transports, so that a test against the fake says something about the network."""

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

import pytest

from common.errors import PeerBroken, PeerError, PeerTimeout, PeerUnavailable
from common.exchange import OutboundCall, RawAnswer, Transport
from common.service_client import LARGEST_ANSWER, PooledTransport
from common.testing.transport import FakeTransport, SeenCall, UnexpectedCall

PEER = "PaymentService"


class Peer(Protocol):
    """The other side: says what it is told, remembers what it heard, and can misbehave."""

    transport: Transport
    url: str

    def say(self, status: int, body: Any = None, headers: dict[str, str] | None = None) -> None: ...
    def heard(self) -> list[dict[str, Any]]: ...
    def misbehave(self, how: str) -> None: ...


# --- the real one, against a real server --------------------------------------------------------


@dataclass
class RealPeer:
    transport: Transport = field(default_factory=PooledTransport)
    url: str = ""
    sockets: set[int] = field(default_factory=set)
    _said: tuple[int, bytes, dict[str, str]] = (200, b"", {})
    _heard: list[dict[str, Any]] = field(default_factory=list)
    _how: str = ""

    def say(self, status: int, body: Any = None, headers: dict[str, str] | None = None) -> None:
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        self._said = (status, content, headers or {})

    def heard(self) -> list[dict[str, Any]]:
        return self._heard

    def misbehave(self, how: str) -> None:
        self._how = how
        if how == "down":
            with socket.socket() as unused:
                unused.bind(("127.0.0.1", 0))
                self.url = f"http://127.0.0.1:{unused.getsockname()[1]}"

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        path, _, query = handler.path.partition("?")
        self.sockets.add(handler.client_address[1])
        self._heard.append(
            {
                "method": handler.command,
                "path": path,
                "query": query,
                "headers": {name.lower(): value for name, value in handler.headers.items()},
                "json": json.loads(body) if body else None,
            }
        )
        misbehaviour = getattr(self, f"_{self._how}", None)
        (misbehaviour or self._answer)(handler)

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        status, content, headers = self._said
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def _silent(self, handler: BaseHTTPRequestHandler) -> None:
        time.sleep(0.6)

    def _cut(self, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b'{"half":')
        handler.close_connection = True

    def _hang_up(self, handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True

    def _drip(self, handler: BaseHTTPRequestHandler) -> None:
        # A whole answer in the end, each piece within the socket's timeout, all of it too late.
        handler.send_response(200)
        handler.send_header("Content-Length", "10")
        handler.end_headers()
        for _ in range(10):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.1)

    def _flood(self, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(LARGEST_ANSWER * 4))
        handler.end_headers()
        for _ in range(64):
            handler.wfile.write(b" " * (LARGEST_ANSWER // 16))


@pytest.fixture
def real() -> Iterator[RealPeer]:
    peer = RealPeer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:
                pass  # the client hung up on a misbehaving peer

        def log_message(self, *_: Any) -> None:
            pass

        def __getattr__(self, name: str) -> Any:
            if name.startswith("do_"):
                return lambda: peer.handle(self)
            raise AttributeError(name)

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

    server = Server(("127.0.0.1", 0), Handler)
    peer.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield peer
    server.shutdown()
    server.server_close()


# --- the fake -----------------------------------------------------------------------------------


class FakePeer:
    url = "http://127.0.0.1:8002"

    def __init__(self) -> None:
        self.fake = FakeTransport()
        self.transport: Transport = self.fake

    def say(self, status: int, body: Any = None, headers: dict[str, str] | None = None) -> None:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            said: Any = RawAnswer(status, headers or {}, body) if isinstance(body, bytes) else body
            reply: Any = (lambda _, answer=said: answer) if isinstance(body, bytes) else said
            self.fake.on(method, PEER, "/api/{thing}/", reply, status=status, headers=headers)

    def heard(self) -> list[dict[str, Any]]:
        return [
            {
                "method": call.method,
                "path": call.path,
                "query": "&".join(f"{name}={value}" for name, value in call.query.items()),
                "headers": {name.lower(): value for name, value in call.headers.items()},
                "json": call.json,
            }
            for call in self.fake.calls
        ]

    def misbehave(self, how: str) -> None:
        errors: dict[str, type[PeerError]] = {
            "down": PeerUnavailable,
            "silent": PeerTimeout,
            "drip": PeerTimeout,
        }
        self.fake.fail(PEER, error=errors.get(how, PeerBroken))


@pytest.fixture(params=["real", "fake"])
def peer(request: pytest.FixtureRequest) -> Peer:
    if request.param == "real":
        return request.getfixturevalue("real")
    return FakePeer()


def call(peer: Peer, **changes: Any) -> OutboundCall:
    usual = OutboundCall(
        method="POST",
        url="",
        service=PEER,
        path="/api/thing/?page=2&size=5",
        headers={"X-Request-ID": "r1", "Content-Type": "application/json"},
        body=b'{"amount":"12.00"}',
        timeout=0.3,
    )
    changed = replace(usual, **changes)
    return changed if changed.url else replace(changed, url=peer.url + changed.path)


# --- the suite ----------------------------------------------------------------------------------


def test_what_is_sent_arrives(peer: Peer) -> None:
    peer.say(200, {"ok": True})

    peer.transport.send(call(peer))

    (heard,) = peer.heard()
    assert (heard["method"], heard["path"], heard["query"]) == ("POST", "/api/thing/", "page=2&size=5")
    assert heard["json"] == {"amount": "12.00"}
    assert heard["headers"]["x-request-id"] == "r1"


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_every_method_goes_through_without_a_body(peer: Peer, method: str) -> None:
    peer.say(200, {})

    peer.transport.send(call(peer, method=method, body=b""))

    assert (peer.heard()[0]["method"], peer.heard()[0]["json"]) == (method, None)


@pytest.mark.parametrize("status", [200, 201, 202, 301, 400, 404, 409, 429, 500, 503])
def test_any_status_is_an_answer(peer: Peer, status: int) -> None:
    peer.say(
        status, {"code": "6001", "message": "支付不存在"}, {"Retry-After": "3", "Location": "/elsewhere/"}
    )

    answer = peer.transport.send(call(peer))

    assert answer.status == status
    assert json.loads(answer.body) == {"code": "6001", "message": "支付不存在"}
    assert answer.headers["retry-after"] == "3"
    assert len(peer.heard()) == 1


def test_no_body_is_no_bytes(peer: Peer) -> None:
    peer.say(204)

    assert peer.transport.send(call(peer)).body == b""


def test_bytes_come_back_as_they_are(peer: Peer) -> None:
    peer.say(200, b"<html>\xff")

    assert peer.transport.send(call(peer)).body == b"<html>\xff"


@pytest.mark.parametrize(
    ("how", "error"),
    [("down", PeerUnavailable), ("silent", PeerTimeout), ("hang_up", PeerBroken), ("cut", PeerBroken)],
)
def test_a_misbehaving_peer_is_named_for_what_is_known(peer: Peer, how: str, error: type[PeerError]) -> None:
    peer.say(200, {})
    peer.misbehave(how)

    with pytest.raises(PeerError) as raised:
        peer.transport.send(call(peer))

    assert type(raised.value) is error
    assert raised.value.peer == PEER


UNSENDABLE: list[dict[str, Any]] = [
    {"headers": {"X-A": "a\r\nX-User-UUID: b"}},
    {"headers": {"X-A\r\nB": "a"}},
    {"headers": {"X-A": 5}},
    {"headers": {"X-A": "订单"}},
    {"timeout": 0},
    {"timeout": -1},
    {"method": "POST /x HTTP/1.1\r\n"},
    {"url": "file:///etc/passwd"},
    {"url": "/api/thing/"},
]


@pytest.mark.parametrize("change", UNSENDABLE, ids=lambda change: repr(change)[:30])
def test_what_cannot_be_sent_reaches_nobody(peer: Peer, change: dict[str, Any]) -> None:
    peer.say(200, {})

    with pytest.raises(ValueError):
        peer.transport.send(call(peer, **change))

    assert peer.heard() == []


# --- the real one alone -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body"), [(200, {"a": 1}), (200, None), (204, None), (404, {"code": "6001"})]
)
def test_connections_are_kept(real: RealPeer, status: int, body: Any) -> None:
    real.say(status, body)
    for _ in range(5):
        real.transport.send(call(real))

    assert len(real.sockets) == 1


def test_threads_have_connections_of_their_own(real: RealPeer) -> None:
    real.say(200, {"n": 1})
    failures: list[Exception] = []

    def work() -> None:
        try:
            for _ in range(20):
                assert real.transport.send(call(real, timeout=5)).body == b'{"n": 1}'
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert len(real.heard()) == 160


def test_a_peer_that_drips_does_not_outlive_the_calls_time(real: RealPeer) -> None:
    real.misbehave("drip")

    with pytest.raises(PeerTimeout):
        real.transport.send(call(real))


def test_a_flood_is_cut_off(real: RealPeer) -> None:
    real.misbehave("flood")

    with pytest.raises(PeerBroken):
        real.transport.send(call(real, timeout=10))


def test_a_kept_connection_that_died_meanwhile_is_replaced(real: RealPeer) -> None:
    real.say(200, {}, {"Connection": "close"})
    real.transport.send(call(real))

    real.transport.send(call(real))

    assert len(real.sockets) == 2


def test_a_forked_process_opens_connections_of_its_own(real: RealPeer) -> None:
    real.say(200, {})
    real.transport.send(call(real))
    child = os.fork()
    if child == 0:
        done = 1
        try:
            real.transport.send(call(real, timeout=5))
            done = 0
        finally:
            os._exit(done)
    _, status = os.waitpid(child, 0)
    real.transport.send(call(real, timeout=5))

    assert status == 0
    assert len(real.sockets) == 2


# --- the fake alone -----------------------------------------------------------------------------


@pytest.fixture
def fake() -> FakeTransport:
    return FakeTransport()


def send(fake: FakeTransport, **changes: Any) -> RawAnswer:
    return fake.send(call(FakePeer(), **{"path": "/api/thing/", **changes}))


def test_what_is_not_prepared_fails_the_test(fake: FakeTransport) -> None:
    fake.on("GET", PEER, "/api/thing/", {})
    fake.on("POST", "OrderService", "/api/thing/", {})
    fake.on("POST", PEER, "/api/{a}/more/", {})

    with pytest.raises(UnexpectedCall, match="POST PaymentService /api/thing/"):
        send(fake)
    assert len(fake.calls) == 1


def test_a_placeholder_is_one_segment_and_later_routes_win(fake: FakeTransport) -> None:
    fake.on("POST", PEER, "/api/{thing}/", {"which": "pattern"})
    fake.on("POST", PEER, "/api/thing/", {"which": "literal"})

    assert json.loads(send(fake).body) == {"which": "literal"}
    assert json.loads(send(fake, path="/api/other.thing/").body) == {"which": "pattern"}
    with pytest.raises(UnexpectedCall):
        send(fake, path="/api/a/b/")


REPLIES: list[tuple[Callable[[SeenCall], Any], int, Any]] = [
    (lambda seen: {"echo": seen.json["amount"]}, 200, {"echo": "12.00"}),
    (lambda seen: (409, {"code": "6002"}), 409, {"code": "6002"}),
    (lambda seen: RawAnswer(202, {}, b"[1]"), 202, [1]),
]


@pytest.mark.parametrize(("reply", "status", "body"), REPLIES)
def test_a_reply_may_be_worked_out(
    fake: FakeTransport, reply: Callable[[SeenCall], Any], status: int, body: Any
) -> None:
    fake.on("POST", PEER, "/api/thing/", reply)

    answer = send(fake)

    assert (answer.status, json.loads(answer.body)) == (status, body)


def test_an_outage_lasts_until_it_is_healed(fake: FakeTransport) -> None:
    fake.on("POST", PEER, "/api/thing/", {})
    fake.fail(PEER)
    for _ in range(3):
        with pytest.raises(PeerTimeout):
            send(fake)
    fake.heal()

    assert send(fake).status == 200


def test_an_outage_may_be_counted_and_narrow(fake: FakeTransport) -> None:
    fake.on("POST", PEER, "/api/{thing}/", {})
    fake.fail(PEER, method="POST", path="/api/thing/", error=PeerBroken(peer=PEER, reason="mine"), times=1)

    assert send(fake, path="/api/other/").status == 200
    with pytest.raises(PeerBroken) as broken:
        send(fake)
    assert broken.value.reason == "mine"
    assert send(fake).status == 200


def test_an_answer_may_be_lost_after_its_effect(fake: FakeTransport) -> None:
    done: list[Any] = []
    fake.on("POST", PEER, "/api/thing/", lambda seen: done.append(seen.json))
    fake.fail(PEER, times=1, after_effect=True)

    with pytest.raises(PeerTimeout):
        send(fake)

    assert done == [{"amount": "12.00"}]
    assert len(fake.calls_to(PEER, "POST", "/api/{x}/")) == 1
    assert fake.calls_to(PEER, "GET") == fake.calls_to("OrderService") == []
