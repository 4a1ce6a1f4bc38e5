"""A collector of spans as OpenTelemetry specifies it (OTLP over HTTP, protobuf), for tests of what is sent.

Room: testing. https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

import gzip
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


@dataclass(frozen=True)
class SeenSpan:
    """One span as it arrived; ids in hex, `parent` empty for the first of a trace."""

    service: str
    name: str
    kind: int
    trace: str
    id: str
    parent: str
    failed: bool
    attributes: dict[str, Any] = field(hash=False)


class Collector:
    """`with Collector() as collector:` … `collector.url`, `collector.spans`."""

    def __init__(self) -> None:
        self.spans: list[SeenSpan] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.address = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.address}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, body: bytes) -> None:
        """Keep the spans of one request."""
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = _attributes(resource.resource.attributes)["service.name"]
            for scope in resource.scope_spans:
                self.spans += [_seen(service, span) for span in scope.spans]

    def trace(self, trace: str) -> list[SeenSpan]:
        return [span for span in list(self.spans) if span.trace == trace]

    def wait_for(self, there: Callable[[list[SeenSpan]], bool], seconds: float = 30.0) -> list[SeenSpan]:
        """The spans, as soon as `there` holds of them. Raises AssertionError when it does not in time."""
        ends = time.monotonic() + seconds
        while not there(list(self.spans)):
            assert time.monotonic() < ends, sorted({(span.service, span.name) for span in self.spans})
            time.sleep(0.1)
        return list(self.spans)


def _handler(collector: Collector) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = _body(self)
            fits = self.path == "/v1/traces" and self.headers["Content-Type"] == "application/x-protobuf"
            if fits:
                collector.take(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200 if fits else 400)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None: ...

    return Handler


def _body(request: BaseHTTPRequestHandler) -> bytes:
    """Envoy sends chunks, the SDK a length."""
    if request.headers["Content-Length"]:
        return request.rfile.read(int(request.headers["Content-Length"]))
    whole = b""
    while size := int(request.rfile.readline(), 16):
        whole += request.rfile.read(size)
        request.rfile.readline()
    request.rfile.readline()
    return whole


def _seen(service: str, span: Any) -> SeenSpan:
    return SeenSpan(
        service,
        span.name,
        span.kind,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.status.code == 2,
        _attributes(span.attributes),
    )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "string_value") for pair in pairs}
