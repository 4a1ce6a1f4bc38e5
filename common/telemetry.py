"""Spans for OpenTelemetry where OTEL_EXPORTER_OTLP_ENDPOINT asks for them; otherwise nothing at all.

Room: plain. Our own W3C context (`common.tracing`) stays the truth: a span begins under the context's
traceparent, and while it lasts the context carries the span's own, so that log lines, calls and stored rows
link to it. A process starts it for itself after any fork; the SDK sends from a thread of its own, never on
the way of a request. Attributes hold words of the code and ids, never bodies, queries or what an error says.
"""

import logging
import os
import socket
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from contextvars import ContextVar
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from common import tracing
from common.settings_table import Settings

Attributes = Mapping[str, str | int]
# Given as settings, read by the SDK from the environment.
OF_THE_SDK = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
)
# What a stop waits for the last spans.
PATIENCE = 2.0

_tracer: Any = None
_provider: Any = None
_innermost: ContextVar["_Recorded | None"] = ContextVar("innermost_span", default=None)


class Span:
    """What a block may say about its span. This one is nobody's: it takes no time and keeps nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def rename(self, name: str) -> None: ...

    def add(self, **attributes: str | int) -> None:
        """`add(http_route=…)`: the underscore that OpenTelemetry writes as a point is the first one."""

    def failed(self, error: str) -> None:
        """Mark it as failed; `error` is a name, not what the error says."""


NOTHING = Span()


def is_on() -> bool:
    return _tracer is not None


def span(
    name: str,
    attributes: Attributes | None = None,
    *,
    kind: str = "internal",
    parent: str | None = None,
    only_as_parent: bool = False,
) -> Span:
    """A span around a block: `with span("job refunds"): …`. An exception that leaves the block marks it.

    `parent` is a traceparent, "" begins a trace; without it the current context is continued. With
    `only_as_parent` a span in which nothing else was recorded is dropped: a job that found nothing to do.
    """
    if _tracer is None:
        return NOTHING
    origin = tracing.current().traceparent if parent is None else parent
    return _Recorded(name, dict(attributes or {}), kind, origin, only_as_parent)


def outgoing_traceparent() -> str:
    """For an outgoing call: the span around it, or, where nothing is recorded, a span id of its own."""
    return tracing.child_traceparent() if _tracer is None else tracing.current().traceparent


class _Recorded(Span):
    """A span that will be sent."""

    def __init__(self, name: str, attributes: dict[str, Any], kind: str, origin: str, lonely: bool) -> None:
        from opentelemetry.trace import SpanKind

        self._name, self._attributes, self._kind = name, attributes, SpanKind[kind.upper()]
        self._origin, self._only_as_parent = origin, lonely
        self._has_children = self._has_failed = False
        self._scope = ExitStack()

    def __enter__(self) -> Self:
        outer = _innermost.get()
        if outer is not None:
            outer._has_children = True
        self._span = _tracer.start_span(
            self._name, context=_context(self._origin), kind=self._kind, attributes=self._attributes
        )
        self._scope.enter_context(tracing.bound(replace(tracing.current(), traceparent=self._traceparent())))
        self._scope.callback(_innermost.reset, _innermost.set(self))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.failed(kind.__name__)
        self._scope.close()
        if self._has_children or self._has_failed or not self._only_as_parent:
            self._span.end()

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def add(self, **attributes: str | int) -> None:
        for name, value in attributes.items():
            self._span.set_attribute(name.replace("_", ".", 1), value)

    def failed(self, error: str) -> None:
        from opentelemetry.trace import Status, StatusCode

        self._has_failed = True
        self._span.set_status(Status(StatusCode.ERROR, error))
        self._span.set_attribute("error.type", error)

    def _traceparent(self) -> str:
        own = self._span.get_span_context()
        return f"00-{own.trace_id:032x}-{own.span_id:016x}-{own.trace_flags:02x}"


def _context(traceparent: str) -> Any:
    from opentelemetry.context import Context
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

    if not traceparent:
        return Context()
    _, trace, parent, flags = traceparent.split("-")
    origin = SpanContext(int(trace, 16), int(parent, 16), True, TraceFlags(int(flags, 16)))
    return set_span_in_context(NonRecordingSpan(origin), Context())


def start(settings: Settings, processor: Any = None) -> None:
    """Begin to record in this process, if the settings ask for it; a fork must start anew.

    `processor` takes the spans instead of the exporter (tests).
    """
    global _tracer, _provider
    if not settings.otel_exporter_otlp_endpoint:
        return
    for name in OF_THE_SDK:
        if value := getattr(settings, name.lower()):
            os.environ.setdefault(name, str(value))
    # It repeats a failed batch several times and would tell each time; that it gave up is enough.
    logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    about = {
        "service.name": settings.otel_service_name or settings.service,
        "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
    }
    _provider = TracerProvider(resource=Resource.create(about), shutdown_on_exit=False)
    _provider.add_span_processor(processor or _exporting())
    _tracer = _provider.get_tracer("cfmp")


def _exporting() -> Any:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    return BatchSpanProcessor(OTLPSpanExporter())


def stop(patience: float = PATIENCE) -> None:
    """Send what is left and record no more; a collector that does not answer is left after `patience`."""
    global _tracer, _provider
    if _provider is None:
        return
    closing = threading.Thread(target=_provider.shutdown, daemon=True)
    closing.start()
    closing.join(patience)
    _tracer = _provider = None
