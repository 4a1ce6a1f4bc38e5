"""The client: what it sends along, what it makes of answers, what it repeats, and what it never says."""

import json
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import structlog

from common import config, log, service_client
from common.errors import (
    CallInTransaction,
    PeerBroken,
    PeerError,
    PeerRejected,
    PeerTimeout,
    PeerUnavailable,
)
from common.exchange import OutboundCall, RawAnswer
from common.resilience import RetryPolicy
from common.service_client import ServiceClient, use_transport
from common.service_registry import StaticRegistry
from common.signing import ServiceSigner, ServiceVerifier
from common.testing.transport import FakeTransport
from common.tracing import RequestContext, bound

PEER = "PaymentService"
PATH = "/api/payment/create/"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SETTINGS = config.load("OrderService")


@pytest.fixture
def fake() -> FakeTransport:
    return FakeTransport()


def client_of(transport: Any, **options: Any) -> ServiceClient:
    return ServiceClient(
        StaticRegistry({PEER: "http://127.0.0.1:8002"}),
        ServiceSigner("OrderService", SETTINGS.service_private_key),
        transport,
        retries=RetryPolicy(first_pause=0),
        **options,
    )


@pytest.fixture
def client(fake: FakeTransport) -> ServiceClient:
    return client_of(fake)


# --- what goes out ------------------------------------------------------------------------------


def test_a_call_is_signed_traced_and_timed(client: ServiceClient, fake: FakeTransport) -> None:
    fake.on("POST", PEER, PATH, {"code": "200"})

    with bound(RequestContext("r1", TRACE, time.monotonic() + 2, "en", "user:alice")):
        client.post(PEER, PATH, {"a": 1}, idempotency_key="step-1", headers={"X-Reason": "cancel"})

    (seen,) = fake.calls
    token = seen.headers["X-Service-Authorization"].removeprefix("Bearer ")
    assert ServiceVerifier(SETTINGS.service_public_keys, PEER).verify(token) == "OrderService"
    assert seen.headers["X-Request-ID"] == "r1"
    assert seen.headers["Accept-Language"] == "en"
    assert seen.headers["Idempotency-Key"] == "step-1"
    assert seen.headers["X-Reason"] == "cancel"
    assert seen.headers["traceparent"][:36] == TRACE[:36] and seen.headers["traceparent"] != TRACE
    assert 1000 < int(seen.headers["X-Deadline-Ms"]) <= 2000
    assert 1 < seen.timeout <= 2


def test_identity_headers_cannot_be_given_by_the_caller(client: ServiceClient, fake: FakeTransport) -> None:
    fake.on("GET", PEER, PATH, {})

    client.get(
        PEER, PATH, headers={"X-Service-Authorization": "Bearer x", "X-Deadline-Ms": "9", "X-Request-ID": "?"}
    )

    headers = fake.calls[0].headers
    assert headers["X-Service-Authorization"] != "Bearer x"
    assert headers["X-Deadline-Ms"] == "5000"
    assert headers["X-Request-ID"] != "?"


def test_json_goes_out_exactly(client: ServiceClient, fake: FakeTransport) -> None:
    fake.on("POST", PEER, PATH, {})

    client.post(
        PEER,
        PATH,
        {
            "amount": Decimal("0.1") * 3,
            "order_uuid": UUID("01900000-0000-7000-8000-00000000a11c"),
            "at": datetime(2026, 11, 21, 2, 0, tzinfo=UTC),
            "name": "苹果",
        },
    )

    assert fake.calls[0].json == {
        "amount": "0.30",
        "order_uuid": "01900000-0000-7000-8000-00000000a11c",
        "at": "2026-11-21T02:00:00Z",
        "name": "苹果",
    }


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes"])
def test_what_is_no_json_is_a_slip_and_nothing_is_sent(
    client: ServiceClient, fake: FakeTransport, value: Any
) -> None:
    with pytest.raises(TypeError):
        client.post(PEER, PATH, {"value": value})
    assert fake.calls == []


def test_parameters_are_quoted_and_none_is_left_out(client: ServiceClient, fake: FakeTransport) -> None:
    fake.on("GET", PEER, "/api/payments/", {})

    client.get(PEER, "/api/payments/", params={"q": "a&b=苹果", "page": 2, "status": None})

    assert fake.calls[0].query == {"q": "a&b=苹果", "page": "2"}


@pytest.mark.parametrize(
    "path",
    [
        "api/",
        "",
        "//evil.example/",
        "/api//x/",
        "/api/../admin/",
        "/api/..",
        "/./x/",
        "/api/?a=1",
        "/api/#x",
        "/api/a b/",
        "/api/订单/",
        "/api/\r\nX: y/",
        "/api\\x/",
        "http://evil.example/",
    ],
)
def test_a_path_that_is_not_plain_is_a_slip(client: ServiceClient, fake: FakeTransport, path: str) -> None:
    with pytest.raises(ValueError):
        client.get(PEER, path)
    assert fake.calls == []


def test_an_unknown_peer_is_unavailable(client: ServiceClient) -> None:
    with pytest.raises(PeerUnavailable) as refused:
        client.get("Nobody", "/x/")
    assert refused.value.reason == "no instance"


# --- what comes back ----------------------------------------------------------------------------


def test_money_comes_back_as_decimal(client: ServiceClient, fake: FakeTransport) -> None:
    fake.on("GET", PEER, PATH, lambda _: RawAnswer(200, {"x-a": "b"}, b'{"data": {"total": 12.10, "n": 3}}'))

    answer = client.get(PEER, PATH)

    assert answer.data == {"data": {"total": Decimal("12.10"), "n": 3}}
    assert isinstance(answer.data["data"]["total"], Decimal)
    assert (answer.status, answer.headers) == (200, {"x-a": "b"})


def test_no_body_is_none(client: ServiceClient, fake: FakeTransport) -> None:
    fake.on("DELETE", PEER, PATH, None, status=204)

    assert client.delete(PEER, PATH).data is None


def test_a_refusal_says_what_the_peer_said(client: ServiceClient, fake: FakeTransport) -> None:
    fake.on(
        "POST",
        PEER,
        PATH,
        {
            "code": "6002",
            "name": "PaymentStateConflict",
            "message": "状态冲突",
            "data": {"status": "success"},
        },
        status=409,
        headers={"Retry-After": "2"},
    )

    with pytest.raises(PeerRejected) as refused:
        client.post(PEER, PATH, {})

    error = refused.value
    assert (error.peer, error.peer_status, error.peer_code) == (PEER, 409, "6002")
    assert (error.peer_name, error.peer_message) == ("PaymentStateConflict", "状态冲突")
    assert error.peer_data == {"status": "success"}
    assert (error.retry_after, error.retryable) == (2, True)
    assert len(fake.calls) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"no"', b"\xff", b'{"code": null}'])
def test_a_refusal_in_no_envelope_is_still_a_refusal(
    client: ServiceClient, fake: FakeTransport, body: bytes
) -> None:
    fake.on("GET", PEER, PATH, lambda _: RawAnswer(404, {}, body))

    with pytest.raises(PeerRejected) as refused:
        client.get(PEER, PATH)
    assert (refused.value.peer_status, refused.value.peer_code, refused.value.retryable) == (404, "", False)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"{}"),
        (502, b""),
        (503, b"{}"),
        (301, b""),
        (302, b"{}"),
        (100, b""),
        (200, b"<html>"),
        (200, b"NaN"),
        (200, b'{"a": Infinity}'),
        (200, b"\xff\xfe"),
        (200, b"[" * 100000),
        (200, b'{"a": 1'),
    ],
)
def test_what_makes_no_sense_is_a_broken_peer(
    client: ServiceClient, fake: FakeTransport, status: int, body: bytes
) -> None:
    fake.on("POST", PEER, PATH, lambda _: RawAnswer(status, {"location": "http://evil.example/"}, body))

    with pytest.raises(PeerBroken) as broken:
        client.post(PEER, PATH, {})
    assert (broken.value.peer, broken.value.retryable) == (PEER, True)
    assert len(fake.calls) == 1


# --- what is repeated ---------------------------------------------------------------------------


@pytest.mark.parametrize("error", [PeerTimeout, PeerBroken])
@pytest.mark.parametrize(
    ("method", "key", "tries"),
    [
        ("GET", None, 3),
        ("PUT", None, 3),
        ("DELETE", None, 3),
        ("POST", None, 1),
        ("PATCH", None, 1),
        ("POST", "k", 3),
    ],
)
def test_only_idempotent_or_keyed_calls_are_repeated(
    client: ServiceClient,
    fake: FakeTransport,
    method: str,
    key: str | None,
    tries: int,
    error: type[PeerError],
) -> None:
    fake.fail(PEER, error=error)

    with pytest.raises(error):
        client.request(method, PEER, PATH, idempotency_key=key)

    assert len(fake.calls) == tries
    assert {call.headers.get("Idempotency-Key") for call in fake.calls} == {key}
    assert len({call.headers["traceparent"] for call in fake.calls}) == tries


def test_a_passing_fault_is_not_seen(client: ServiceClient, fake: FakeTransport) -> None:
    fake.on("GET", PEER, PATH, {"code": "200"})
    fake.fail(PEER, times=2)

    assert client.get(PEER, PATH).data == {"code": "200"}


def test_nothing_is_sent_after_the_deadline(client: ServiceClient, fake: FakeTransport) -> None:
    with bound(RequestContext(deadline=time.monotonic())), pytest.raises(PeerUnavailable) as refused:
        client.get(PEER, PATH)

    assert (refused.value.reason, fake.calls) == ("deadline passed", [])


def test_an_open_breaker_sends_nothing(fake: FakeTransport) -> None:
    client = client_of(fake, guards=service_client._Guards(breaker_failures=3))
    fake.fail(PEER)
    for _ in range(3):
        with pytest.raises(PeerTimeout):
            client.post(PEER, PATH, {})
    fake.heal()

    with pytest.raises(PeerUnavailable) as refused:
        client.post(PEER, PATH, {})
    assert (refused.value.reason, len(fake.calls)) == ("breaker open", 3)


def test_one_peers_outage_is_not_anothers(fake: FakeTransport) -> None:
    client = ServiceClient(
        StaticRegistry({PEER: "http://a:1", "UserService": "http://b:1"}),
        None,
        fake,
        guards=service_client._Guards(breaker_failures=1),
    )
    fake.on("GET", "UserService", "/x/", {})
    fake.fail(PEER)
    with pytest.raises(PeerError):
        client.post(PEER, PATH)

    assert client.get("UserService", "/x/").status == 200


def test_a_slow_peer_holds_only_its_places(fake: FakeTransport) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def slow(_: Any) -> dict[str, str]:
        inside.set()
        go_on.wait(5)
        return {}

    client = client_of(fake, guards=service_client._Guards(concurrent=1))
    fake.on("POST", PEER, PATH, slow)
    thread = threading.Thread(target=client.post, args=(PEER, PATH))
    thread.start()
    inside.wait(5)

    with pytest.raises(PeerUnavailable) as refused:
        client.post(PEER, PATH)
    go_on.set()
    thread.join()
    assert (refused.value.reason, len(fake.calls)) == ("bulkhead full", 1)


def test_a_peer_that_hangs_leaves_one_thread_to_the_others(fake: FakeTransport) -> None:
    """With as many threads as gunicorn has, the last one is told at once, whatever the others wait for."""
    inside, go_on = threading.Semaphore(0), threading.Event()

    def hangs(_: Any) -> dict[str, str]:
        inside.release()
        go_on.wait(10)
        return {}

    fake.on("POST", PEER, PATH, hangs)
    client, before = service_client.service_client, dict(vars(service_client.service_client))
    threads = [threading.Thread(target=client.post, args=(PEER, PATH)) for _ in range(2)]
    try:
        service_client.configure(replace(SETTINGS, web_threads=3), fake)
        for thread in threads:
            thread.start()
            assert inside.acquire(timeout=5)
        with pytest.raises(PeerUnavailable) as refused:
            client.post(PEER, PATH)
    finally:
        go_on.set()
        for thread in threads:
            thread.join()
        vars(client).update(before)
    assert refused.value.reason == "bulkhead full"


class ByHost:
    """Host `a` is broken, all others work."""

    def __init__(self) -> None:
        self.hosts: list[str] = []

    def send(self, call: OutboundCall) -> RawAnswer:
        self.hosts.append(call.url.split("/")[2])
        if self.hosts[-1] == "a:1":
            raise PeerUnavailable(peer=call.service, reason="NewConnectionError")
        return RawAnswer(200, {}, b"{}")


def test_a_call_that_reaches_nobody_is_tried_elsewhere_at_once() -> None:
    """Even one that may not be repeated: nothing had been sent. The others need not find out again."""
    transport = ByHost()
    registry = StaticRegistry({PEER: ("http://a:1", "http://b:1")})
    once = RetryPolicy(attempts=1)
    client = ServiceClient(
        registry, None, transport, retries=once, guards=service_client._Guards(breaker_failures=1)
    )
    for _ in range(40):
        client.post(PEER, PATH)

    assert (transport.hosts.count("a:1"), transport.hosts.count("b:1")) == (1, 40)


def test_what_was_sent_is_not_tried_elsewhere(fake: FakeTransport) -> None:
    registry = StaticRegistry({PEER: ("http://a:1", "http://b:1")})
    client = ServiceClient(registry, None, fake)
    fake.fail(PEER, error=PeerBroken)

    with pytest.raises(PeerBroken):
        client.post(PEER, PATH)
    assert len(fake.calls) == 1


def test_a_whole_dead_fleet_is_asked_three_times() -> None:
    transport = ByHost()
    registry = StaticRegistry({PEER: [f"http://a:1/{number}" for number in range(10)]})
    client = ServiceClient(registry, None, transport, retries=RetryPolicy(attempts=1))

    with pytest.raises(PeerUnavailable):
        client.post(PEER, PATH)
    assert len(transport.hosts) == 3


# --- guards, logs, the shared one ---------------------------------------------------------------


@pytest.fixture
def guarded() -> Iterator[list[tuple[str, str, str]]]:
    asked: list[tuple[str, str, str]] = []

    def guard(*call: str) -> None:
        asked.append(call)  # type: ignore[arg-type]
        raise CallInTransaction

    service_client.before_call.append(guard)
    yield asked
    service_client.before_call.remove(guard)


def test_a_guard_refuses_before_anything_happens(
    client: ServiceClient, fake: FakeTransport, guarded: list[Any]
) -> None:
    with pytest.raises(CallInTransaction):
        client.post(PEER, PATH, {"amount": "1.00"})

    assert (guarded, fake.calls) == ([("POST", PEER, PATH)], [])


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Path]:
    """A service's log file, everything in it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    log.configure("OrderService", log_file=tmp_path / "order.log", level="DEBUG")
    yield tmp_path / "order.log"
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_logs_hold_no_body_no_query_and_no_token(
    client: ServiceClient, fake: FakeTransport, written: Path
) -> None:
    fake.on("GET", PEER, PATH, {"answer": "private-answer"})
    fake.on("POST", PEER, PATH, {"message": "private-answer"}, status=409)
    client.get(
        PEER, PATH, params={"phone": "private-query"}, headers={"Authorization": "Bearer private-header"}
    )
    with pytest.raises(PeerRejected) as refused:
        client.post(PEER, PATH, {"shipping_name": "private-body"})
    fake.fail(PEER)
    with pytest.raises(PeerTimeout) as timeout:
        client.post(PEER, PATH, {"shipping_name": "private-body"})

    lines = written.read_text()
    told = lines + repr(refused.value) + repr(timeout.value)
    assert [json.loads(line)["event"] for line in lines.splitlines()] == [
        "peer_answered",
        "peer_refused",
        "peer_failed",
    ]
    assert lines.count(PATH) == 3
    assert "private" not in told
    assert fake.calls[0].headers["X-Service-Authorization"].split()[1] not in told


def test_values_that_are_passed_around_show_no_content() -> None:
    call = OutboundCall("POST", "http://a/", PEER, "/", {"Authorization": "private"}, b"private", 1.0)
    raw = RawAnswer(200, {}, b"private")

    assert "private" not in repr(call) + repr(raw)


def test_the_shared_client_is_configured_once_and_faked_for_a_while(fake: FakeTransport) -> None:
    from common.service_client import service_client as shared

    service_client.configure(SETTINGS)
    fake.on("GET", PEER, PATH, {"code": "200"})

    with use_transport(fake):
        assert shared.get(PEER, PATH).data == {"code": "200"}
        fake.fail(PEER)
        for _ in range(20):
            with pytest.raises(PeerTimeout):
                shared.post(PEER, PATH)
        fake.heal()
        assert shared.get(PEER, PATH).status == 200

    assert shared is service_client.service_client
    assert vars(shared)["_transport"] is not fake


def test_answers_of_the_fake_are_copies(client: ServiceClient, fake: FakeTransport) -> None:
    prepared = {"data": {"status": "pending"}}
    fake.on("GET", PEER, PATH, prepared)
    client.get(PEER, PATH).data["data"]["status"] = "changed"

    assert json.dumps(client.get(PEER, PATH).data) == '{"data": {"status": "pending"}}'


def test_a_call_that_names_no_timeout_takes_the_one_in_force(fake: FakeTransport, set_live: Any) -> None:
    fake.on("GET", PEER, PATH, {})
    client = ServiceClient(StaticRegistry({PEER: "http://127.0.0.1:1"}), None, fake)
    set_live(peer_timeout_seconds=1.5)
    client.get(PEER, PATH)
    set_live(peer_timeout_seconds=0.7)
    client.get(PEER, PATH)
    client.get(PEER, PATH, timeout=3.0)

    assert [call.timeout for call in fake.calls] == [1.5, 0.7, 3.0]
