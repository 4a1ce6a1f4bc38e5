"""A transport that carries calls to prepared answers instead of a network, as strict as the real one.

Room: testing. It passes the same suite as `PooledTransport` (common/tests/test_transports.py): what goes
out must be sendable, what comes back is bytes and is read by the same code.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from common.errors import PeerError, PeerTimeout
from common.exchange import OutboundCall, RawAnswer, body_bytes, require_sendable


class UnexpectedCall(AssertionError):
    """Something was called that the test has not prepared."""


@dataclass(frozen=True)
class SeenCall:
    """One attempt as it went out."""

    method: str
    service: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    json: Any
    timeout: float


Reply = Callable[[SeenCall], Any]


@dataclass
class _Route:
    method: str
    service: str
    pattern: re.Pattern[str]
    reply: Reply

    def meets(self, call: SeenCall) -> bool:
        same = (self.method, self.service) == (call.method, call.service)
        return same and self.pattern.fullmatch(call.path) is not None


@dataclass
class _Outage:
    method: str | None
    service: str
    pattern: re.Pattern[str] | None
    error: type[PeerError] | PeerError
    left: int | None
    after_effect: bool

    def meets(self, call: SeenCall) -> bool:
        return (
            self.left != 0
            and self.service == call.service
            and self.method in (None, call.method)
            and (self.pattern is None or self.pattern.fullmatch(call.path) is not None)
        )


@dataclass
class FakeTransport:
    """Prepare with `on` and `fail`; look at `calls` afterwards. Later `on`s win over earlier ones."""

    calls: list[SeenCall] = field(default_factory=list)
    _routes: list[_Route] = field(default_factory=list)
    _outages: list[_Outage] = field(default_factory=list)

    def on(
        self,
        method: str,
        service: str,
        path: str,
        json: Any = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer calls of `path`, where `{anything}` stands for one segment.

        `json` is the body, or a callable that gets the SeenCall and returns the body, a RawAnswer, a pair
        (status, body), or raises a Peer error.
        """

        def reply(call: SeenCall) -> Any:
            said = json(call) if callable(json) else json
            return said if isinstance(said, RawAnswer) or _is_pair(said) else (status, said, headers or {})

        self._routes.insert(0, _Route(method, service, _pattern(path), reply))

    def fail(
        self,
        service: str,
        *,
        method: str | None = None,
        path: str | None = None,
        error: type[PeerError] | PeerError = PeerTimeout,
        times: int | None = None,
        after_effect: bool = False,
    ) -> None:
        """Fail calls of `service` with `error`, `times` attempts long (default: until `heal`).

        With `after_effect` the prepared answer is made first and then lost: the peer did it, we never hear.
        """
        pattern = _pattern(path) if path is not None else None
        self._outages.insert(0, _Outage(method, service, pattern, error, times, after_effect))

    def heal(self) -> None:
        """End every outage."""
        self._outages.clear()

    def calls_to(self, service: str, method: str | None = None, path: str = "") -> list[SeenCall]:
        """The attempts that reached `service`, narrowed by method and by a path as `on` takes it."""
        pattern = _pattern(path) if path else None
        return [
            call
            for call in self.calls
            if call.service == service
            and method in (None, call.method)
            and (pattern is None or pattern.fullmatch(call.path))
        ]

    def send(self, call: OutboundCall) -> RawAnswer:
        """Raises UnexpectedCall for what is not prepared, ValueError for what no wire would carry."""
        require_sendable(call)
        seen = _seen(call)
        self.calls.append(seen)
        outage = next((one for one in self._outages if one.meets(seen)), None)
        if outage is None:
            return self._answered(seen)
        if outage.left is not None:
            outage.left -= 1
        if outage.after_effect:
            self._answered(seen)
        raise _error(outage.error, call.service)

    def _answered(self, seen: SeenCall) -> RawAnswer:
        for route in self._routes:
            if (route.method, route.service) == (seen.method, seen.service) and route.pattern.fullmatch(
                seen.path
            ):
                return _raw(route.reply(seen))
        raise UnexpectedCall(f"{seen.method} {seen.service} {seen.path} is not prepared")


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{[^}]*\}", path)
    return re.compile("[^/]+".join(re.escape(part) for part in parts))


def _is_pair(said: Any) -> bool:
    return isinstance(said, tuple) and len(said) == 2 and isinstance(said[0], int)


def _raw(said: Any) -> RawAnswer:
    if isinstance(said, RawAnswer):
        return said
    status, body, *rest = said
    headers = {name.lower(): value for name, value in (rest[0] if rest else {}).items()}
    if body is None:
        return RawAnswer(status, headers, b"")
    return RawAnswer(status, {"content-type": "application/json", **headers}, body_bytes(body))


def _error(error: type[PeerError] | PeerError, service: str) -> PeerError:
    return error if isinstance(error, PeerError) else error(peer=service, reason="prepared by the test")


def _seen(call: OutboundCall) -> SeenCall:
    parts = urlsplit(call.path)
    return SeenCall(
        method=call.method,
        service=call.service,
        path=parts.path,
        query=dict(parse_qsl(parts.query)),
        headers=dict(call.headers),
        json=orjson.loads(call.body) if call.body else None,
        timeout=call.timeout,
    )
