"""Calls sibling services: signed, traced, bounded in time, guarded; errors typed by what is known.

Room: network, and the only module of the suite besides `payment.gateways` with raw HTTP in it.
It never logs bodies, queries or tokens. How a peer's data is read is the caller's `clients/<peer>.py`.

One call: guards (`before_call`) → instance → breaker and bulkhead → one attempt with what the deadline
leaves → error or Answer; repeated only when idempotent, keyed, or never sent.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NoReturn
from uuid import UUID

import urllib3

from common import telemetry, tracing
from common.config import Settings
from common.counters import PEER_ATTEMPTS, PEER_SECONDS
from common.discovery import Chooser, make_registry
from common.errors import PeerBroken, PeerError, PeerRejected, PeerTimeout, PeerUnavailable
from common.exchange import (
    Answer,
    OutboundCall,
    RawAnswer,
    Transport,
    body_bytes,
    judged,
    plain_path,
    query_text,
    require_sendable,
)
from common.live_settings import live
from common.log import get_logger
from common.resilience import Breaker, Bulkhead, RetryPolicy, time_for
from common.service_registry import Instance, ServiceRegistry, StaticRegistry
from common.signing import ServiceSigner

log = get_logger(__name__)

# Long enough for one lost packet: the kernel sends a second SYN after a second.
CONNECT_TIMEOUT = 2.0
# How many instances one attempt may find unreachable; a whole dead fleet is the breaker's to notice.
MOST_INSTANCES = 3
LARGEST_ANSWER = 8 * 1024 * 1024
IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE"})


class PooledTransport:
    """The real one: urllib3's keep-alive pools, opened in the process that uses them."""

    def __init__(self, *, connections: int = 32) -> None:
        self._connections = connections
        self._owner = 0
        self._pools: urllib3.PoolManager | None = None

    def send(self, call: OutboundCall) -> RawAnswer:
        require_sendable(call)
        ends = time.monotonic() + call.timeout
        try:
            response = self._open_pools().request(
                call.method,
                call.url,
                body=call.body or None,
                headers=dict(call.headers),
                timeout=urllib3.Timeout(connect=min(CONNECT_TIMEOUT, call.timeout), read=call.timeout),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            body = self._read(response, call, ends)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            _translate(error, call)
        return RawAnswer(response.status, {k.lower(): v for k, v in response.headers.items()}, body)

    def _open_pools(self) -> urllib3.PoolManager:
        # A forked worker must not share its parent's sockets.
        if self._pools is None or self._owner != os.getpid():
            self._pools = urllib3.PoolManager(num_pools=16, maxsize=self._connections)
            self._owner = os.getpid()
        return self._pools

    @staticmethod
    def _read(response: urllib3.BaseHTTPResponse, call: OutboundCall, ends: float) -> bytes:
        # The socket's timeout is per packet; a peer that drips must not outlive the call's time.
        body = bytearray()
        while chunk := response.read1(65536):
            body += chunk
            if len(body) > LARGEST_ANSWER or time.monotonic() > ends:
                response.close()
                error = PeerBroken if len(body) > LARGEST_ANSWER else PeerTimeout
                raise error(peer=call.service, reason="answer too large or too slow")
        return bytes(body)


def _translate(error: Exception, call: OutboundCall) -> NoReturn:
    """Say what is known: was anything sent, and is the outcome unknown?"""
    reason = type(error).__name__
    not_sent = (
        urllib3.exceptions.NewConnectionError,
        urllib3.exceptions.ConnectTimeoutError,
        urllib3.exceptions.SSLError,
        urllib3.exceptions.LocationParseError,
        urllib3.exceptions.URLSchemeUnknown,
    )
    if isinstance(error, not_sent):
        raise PeerUnavailable(peer=call.service, reason=reason) from error
    if isinstance(error, urllib3.exceptions.TimeoutError | TimeoutError):
        raise PeerTimeout(peer=call.service, reason=reason) from error
    raise PeerBroken(peer=call.service, reason=reason) from error


class _Guards:
    """A breaker and a bulkhead for each peer, made when it is first called."""

    def __init__(self, *, breaker_failures: int = 8, concurrent: int = 32) -> None:
        self._failures, self._concurrent = breaker_failures, concurrent
        self._lock = threading.Lock()
        self._peers: dict[str, tuple[Breaker, Bulkhead]] = {}

    @contextmanager
    def around(self, peer: str) -> Iterator[None]:
        breaker, bulkhead = self._of(peer)
        with bulkhead.place(), breaker.guard():
            yield

    def _of(self, peer: str) -> tuple[Breaker, Bulkhead]:
        if peer not in self._peers:
            with self._lock:
                made = Breaker(peer, failures=self._failures), Bulkhead(peer, limit=self._concurrent)
                self._peers.setdefault(peer, made)
        return self._peers[peer]


Guard = Callable[[str, str, str], object]
# Asked with (method, service, path) before every call; a guard refuses by raising. The Django ring
# adds the one that refuses inside a transaction.
before_call: list[Guard] = []


class ServiceClient:
    """One service's way to call its siblings. Safe to share between threads.

    `timeout` is for calls that name none; without it PEER_TIMEOUT_SECONDS, as it is at that moment.
    """

    def __init__(
        self,
        registry: ServiceRegistry,
        signer: ServiceSigner | None,
        transport: Transport | None = None,
        *,
        timeout: float | None = None,
        retries: RetryPolicy | None = None,
        guards: _Guards | None = None,
    ) -> None:
        self._chooser = Chooser(registry)
        self._signer = signer
        self._transport: Transport = transport or PooledTransport()
        self._timeout = timeout
        self._retries = retries or RetryPolicy()
        self._guards = guards or _Guards()

    @property
    def registry(self) -> ServiceRegistry:
        """Where instances come from."""
        return self._chooser.registry

    def request(
        self,
        method: str,
        service: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        idempotency_key: str | UUID | None = None,
        timeout: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Call `service` and return its 2xx answer. `timeout` is seconds for one attempt, and none
        begins later than that.

        Raises PeerRejected (4xx: nothing was done), PeerUnavailable (nothing was sent), PeerTimeout or
        PeerBroken (outcome unknown), CallInTransaction, and ValueError for a path that is not plain.
        """
        for guard in before_call:
            guard(method, service, path)
        call = OutboundCall(
            method=method,
            url="",
            service=service,
            path=plain_path(path) + query_text(params),
            headers=_headers(headers, idempotency_key, has_body=json is not None),
            body=b"" if json is None else body_bytes(json),
            timeout=self._seconds(timeout),
        )
        return self._retries.run(
            lambda: self._attempt(call),
            repeatable=method in IDEMPOTENT or idempotency_key is not None,
            within=call.timeout,
        )

    def _seconds(self, wanted: float | None) -> float:
        own = self._timeout if wanted is None else wanted
        return live().peer_timeout_seconds if own is None else own

    def get(self, service: str, path: str, **options: Any) -> Answer:
        return self.request("GET", service, path, **options)

    def post(self, service: str, path: str, json: Any = None, **options: Any) -> Answer:
        return self.request("POST", service, path, json=json, **options)

    def put(self, service: str, path: str, json: Any = None, **options: Any) -> Answer:
        return self.request("PUT", service, path, json=json, **options)

    def patch(self, service: str, path: str, json: Any = None, **options: Any) -> Answer:
        return self.request("PATCH", service, path, json=json, **options)

    def delete(self, service: str, path: str, **options: Any) -> Answer:
        return self.request("DELETE", service, path, **options)

    def _attempt(self, call: OutboundCall) -> Answer:
        started = time.monotonic()
        with telemetry.span(f"{call.method} {call.service}", {"peer.service": call.service}, kind="client"):
            try:
                answer = self._guarded(call)
            except PeerError as error:
                _note(call, started, error)
                raise
        _count(call, started, "answered")
        log.debug("peer_answered", **_facts(call, started), status=answer.status)
        return answer

    def _guarded(self, call: OutboundCall) -> Answer:
        """One attempt: an instance that takes no connection costs a try of another one, at once."""
        with self._guards.around(call.service):
            unreached: set[str] = set()
            while True:
                instance = self._chooser.choose(call.service, unreached)
                limit = time_for(call.service, call.timeout)
                try:
                    return self._exchange(call, instance, limit)
                except PeerUnavailable:
                    unreached.add(instance.url)
                    if len(unreached) >= MOST_INSTANCES or not self._chooser.has_other(
                        call.service, unreached
                    ):
                        raise

    def _exchange(self, call: OutboundCall, instance: Instance, limit: float) -> Answer:
        ready = replace(
            call,
            url=instance.url + call.path,
            headers={**call.headers, **self._signed(call.service, limit)},
            timeout=limit,
        )
        try:
            answer = judged(ready, self._transport.send(ready))
        except PeerRejected:
            self._chooser.worked(instance)
            raise
        except PeerError as error:
            # Nothing was sent: it is not there. Others must not find that out one by one.
            self._chooser.failed(instance, unreached=isinstance(error, PeerUnavailable))
            raise
        self._chooser.worked(instance)
        return answer

    def _signed(self, service: str, limit: float) -> dict[str, str]:
        """What each attempt carries anew: identity, its own span, and the time it has left."""
        left = str(max(1, int(limit * 1000)))
        extra = {"traceparent": telemetry.outgoing_traceparent(), "X-Deadline-Ms": left}
        if self._signer is not None:
            extra["X-Service-Authorization"] = f"Bearer {self._signer.token(service)}"
        return extra


def _headers(given: Mapping[str, str] | None, key: str | UUID | None, *, has_body: bool) -> dict[str, str]:
    context = tracing.current()
    headers = dict(given or {})
    headers |= {
        "Accept": "application/json",
        "Accept-Language": "en" if context.language == "en" else "zh-CN",
        "X-Request-ID": context.request_id,
        "User-Agent": "cfmp-service-client",
    }
    if has_body:
        headers["Content-Type"] = "application/json"
    if key is not None:
        headers["Idempotency-Key"] = str(key)
    return headers


def _facts(call: OutboundCall, started: float) -> dict[str, Any]:
    path = call.path.partition("?")[0]
    took = round((time.monotonic() - started) * 1000, 1)
    return {"peer": call.service, "method": call.method, "path": path, "milliseconds": took}


_OUTCOMES = {PeerRejected: "refused", PeerUnavailable: "unavailable", PeerTimeout: "timeout"}


def _count(call: OutboundCall, started: float, outcome: str) -> None:
    PEER_ATTEMPTS.labels(call.service, outcome).inc()
    PEER_SECONDS.labels(call.service).observe(time.monotonic() - started)


def _note(call: OutboundCall, started: float, error: PeerError) -> None:
    _count(call, started, _OUTCOMES.get(type(error), "broken"))
    facts = {**_facts(call, started), "error": error.name, "reason": error.reason}
    if isinstance(error, PeerRejected):
        tell = log.warning if error.retryable else log.info  # who asks to come back has decided nothing
        tell("peer_refused", **facts, status=error.peer_status, code=error.peer_code, name=error.peer_name)
    else:
        log.warning("peer_failed", **facts)


service_client = ServiceClient(StaticRegistry({}), None)


def configure(settings: Settings, transport: Transport | None = None) -> None:
    """Make the module's `service_client` the one of `settings`' service."""
    signer = ServiceSigner(settings.service, settings.service_private_key)
    # A peer that hangs may hold all threads but one, which goes on with what needs no peer.
    guards = _Guards(concurrent=settings.web_threads - 1)
    made = ServiceClient(make_registry(settings), signer, transport, guards=guards)
    # The same object stays: everyone has imported it already.
    vars(service_client).update(vars(made))


@contextmanager
def use_transport(transport: Transport) -> Iterator[Transport]:
    """Let `service_client` send through `transport` inside the block.

    Breakers and ejections are fresh and put back afterwards, and repeats do not wait: an outage stays there.
    """
    before = dict(vars(service_client))
    service_client._transport = transport
    service_client._guards = _Guards(breaker_failures=1_000_000)
    service_client._chooser = Chooser(service_client.registry, failures=1_000_000)
    service_client._retries = RetryPolicy(first_pause=0.0)
    try:
        yield transport
    finally:
        vars(service_client).update(before)
