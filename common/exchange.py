"""One exchange with a peer as values: what goes out, what came back, and what that means.

Room: network, but without an HTTP library: the real transport and the fake of `common.testing` share
these. How often and to whom a call goes is `common.service_client`'s.
"""

import json as jsonlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NoReturn, Protocol
from urllib.parse import urlencode

import orjson

from common.errors import PeerBroken, PeerRejected
from common.money import format_amount

# Only what a path of ours is made of: no query, no fragment, no "..", nothing that needs quoting.
_PATH = re.compile(r"(?!.*//)(?!.*/\.\.?(?:/|$))/[A-Za-z0-9/._~:@%+=-]*")


# RFC 9110 §5: what a header is made of. Nothing that ends a line gets through.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_METHOD = re.compile(r"[A-Z]+")
_URL = re.compile(r"https?://[\x21-\x7e]+")


@dataclass(frozen=True)
class OutboundCall:
    """One attempt as a transport sees it. `timeout` is seconds for the whole exchange."""

    method: str
    url: str
    service: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    timeout: float


@dataclass(frozen=True)
class RawAnswer:
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Answer:
    """A 2xx answer. `data` is the whole parsed JSON (None without a body), numbers with a point as Decimal;
    header names are in lower case."""

    status: int
    data: Any = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


class Transport(Protocol):
    """Carries one attempt.

    Raises PeerUnavailable when nothing was sent, PeerTimeout when no whole answer came in time, PeerBroken
    when the connection broke in between. Any status, even 500, is an answer.
    """

    def send(self, call: OutboundCall) -> RawAnswer: ...


def require_sendable(call: OutboundCall) -> None:
    """Raises ValueError for what no wire may carry: line breaks in headers, no URL, no time."""
    if not _URL.fullmatch(call.url) or not _METHOD.fullmatch(call.method):
        raise ValueError("a call needs an absolute ASCII http(s) URL and a method in capitals")
    if not isinstance(call.body, bytes) or not call.timeout > 0:
        raise ValueError("a call needs a body in bytes and time to live")
    for name, value in call.headers.items():
        if not _TOKEN.fullmatch(name) or not isinstance(value, str) or not _VALUE.fullmatch(value):
            raise ValueError(f"the header {name!r} cannot be sent")


def plain_path(path: str) -> str:
    """`path` itself. Raises ValueError for a query, "..", or anything that would need quoting."""
    if not _PATH.fullmatch(path):
        raise ValueError("a path to a peer is plain: no query, no '..', nothing that needs quoting")
    return path


def query_text(params: Mapping[str, Any] | None) -> str:
    """`?a=1&b=2`, or nothing; a parameter that is None is left out, a list repeats its name."""
    given = {name: value for name, value in (params or {}).items() if value is not None}
    return f"?{urlencode(given, doseq=True)}" if given else ""


def body_bytes(value: Any) -> bytes:
    """`value` as JSON: UUIDs as text, times as RFC 3339 Z, Decimals as text with two places."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_UTC_Z)


def _plain(value: Any) -> str:
    if isinstance(value, Decimal):
        return format_amount(value)
    raise TypeError(f"{type(value).__name__} does not go into a call's JSON")


def judged(call: OutboundCall, raw: RawAnswer) -> Answer:
    """The Answer, or the error that `raw` is."""
    if 200 <= raw.status < 300:
        return Answer(raw.status, _parsed(raw, call.service), raw.headers)
    wait = _retry_after(raw)
    if 400 <= raw.status < 500:
        raise PeerRejected(peer=call.service, peer_status=raw.status, retry_after=wait, **_said(raw))
    # Redirects too: no sibling sends them, and following one would leave the address we chose.
    raise PeerBroken(peer=call.service, reason=f"status {raw.status}", retry_after=wait)


def _parsed(raw: RawAnswer, peer: str) -> Any:
    if not raw.body:
        return None
    try:
        return jsonlib.loads(raw.body, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise PeerBroken(peer=peer, reason="answer is not JSON") from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _said(raw: RawAnswer) -> dict[str, Any]:
    """What the peer's envelope says about its refusal; nothing when it is not one of ours."""
    try:
        envelope = _parsed(raw, "")
    except PeerBroken:
        return {}
    if not isinstance(envelope, dict):
        return {}
    words = {f"peer_{name}": str(envelope.get(name) or "") for name in ("code", "name", "message")}
    return {**words, "peer_data": envelope.get("data")}


def _retry_after(raw: RawAnswer) -> int | None:
    text = raw.headers.get("retry-after", "")
    return int(text) if re.fullmatch(r"[0-9]{1,6}", text) else None
