"""Who is asking, by which request, in which language, and until when: carried through every hop.

Room: plain. Middleware and workers bind a context; `service_client`, the logs, history rows and
outbox rows read it. W3C trace context: https://www.w3.org/TR/trace-context/
"""

import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from uuid import uuid4

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")
_MILLISECONDS = re.compile(r"[0-9]{1,9}")
_MAX_DEADLINE_SECONDS = 300.0


def _new_request_id() -> str:
    return uuid4().hex


def _new_traceparent() -> str:
    return f"00-{secrets.token_hex(16)}-{_new_span()}-01"


def _new_span() -> str:
    return f"{secrets.randbits(64) or 1:016x}"


@dataclass(frozen=True)
class RequestContext:
    """`deadline` is on the monotonic clock, in seconds; `actor` is "user:<uuid>", "service:<name>" or ""."""

    request_id: str = field(default_factory=_new_request_id)
    traceparent: str = field(default_factory=_new_traceparent)
    deadline: float | None = None
    language: str = "zh"
    actor: str = ""
    # What this is about, by name: the ids that every log line of it shows.
    about: dict[str, str] = field(default_factory=dict)

    @property
    def trace_id(self) -> str:
        return self.traceparent.split("-")[1]


_current: ContextVar[RequestContext | None] = ContextVar("request_context", default=None)


def current() -> RequestContext:
    """The bound context; outside of any, a fresh one that then stays for this thread or task."""
    context = _current.get()
    if context is None:
        context = RequestContext()
        _current.set(context)
    return context


@contextmanager
def bound(context: RequestContext) -> Iterator[RequestContext]:
    """Make `context` current inside the block and restore what was before."""
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)


def traceparent_of(text: str) -> str:
    """`text` where it is a well-formed traceparent, else ""."""
    return text if _TRACEPARENT.fullmatch(text) else ""


def about(**ids: object) -> None:
    """From here on the current context's log lines say what they are about: `about(order=order_uuid)`."""
    current().about.update({name: str(value) for name, value in ids.items() if value})


def from_headers(
    headers: Mapping[str, str], *, actor: str = "", trust_deadline: bool = True
) -> RequestContext:
    """Read a context from a request's headers (any letter case); what is malformed is made anew.

    `X-Deadline-Ms` is the caller's remaining time; the gateway strips it from the outside.
    """
    given = {name.lower(): value for name, value in headers.items()}
    request_id = given.get("x-request-id", "")
    traceparent = given.get("traceparent", "").strip()
    return RequestContext(
        request_id=request_id if _REQUEST_ID.fullmatch(request_id) else _new_request_id(),
        traceparent=_child(traceparent) if _TRACEPARENT.fullmatch(traceparent) else _new_traceparent(),
        deadline=_deadline(given.get("x-deadline-ms", "")) if trust_deadline else None,
        language=_language(given.get("accept-language", "")),
        actor=actor,
    )


def child_traceparent() -> str:
    """The current trace with a new span: for an outgoing call or a stored event."""
    return _child(current().traceparent)


def remaining() -> float | None:
    """Seconds until the current deadline, never negative; None when there is no deadline."""
    deadline = current().deadline
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def localized(zh: str, en: str) -> str:
    """The one of two texts that the current request's language asks for."""
    return en if current().language == "en" else zh


def _child(traceparent: str) -> str:
    _, trace_id, _, flags = traceparent.split("-")
    return f"00-{trace_id}-{_new_span()}-{flags}"


def _deadline(text: str) -> float | None:
    if not _MILLISECONDS.fullmatch(text):
        return None
    return time.monotonic() + min(int(text) / 1000, _MAX_DEADLINE_SECONDS)


def _language(accept: str) -> str:
    """`en` only when English is preferred over Chinese; our first language is Chinese."""
    weights = {"zh": 0.0, "en": 0.0}
    for part in accept[:200].lower().split(","):
        tag, _, quality = part.strip().partition(";")
        primary = tag.split("-")[0]
        if primary in weights:
            weights[primary] = max(weights[primary], _quality(quality))
    return "en" if weights["en"] > weights["zh"] else "zh"


def _quality(text: str) -> float:
    found = re.fullmatch(r"\s*q=([01](?:\.[0-9]{1,3})?)\s*", text, re.ASCII)
    return float(found[1]) if found else float(not text.strip())
