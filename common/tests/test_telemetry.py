"""Spans: none unless asked for; one trace through requests, calls, events and jobs; never in the way."""

import json
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from common import config, telemetry, tracing, worker
from common.config import ConfigError
from common.errors import PeerTimeout
from common.jobs import Job
from common.outbox import relay
from common.outbox.publish import Event, publish
from common.service_client import service_client
from common.testing.collector import Collector
from common.tests.ring.models import RingOutbox
from common.tracing import RequestContext, bound

ROOT = Path(__file__).resolve().parents[2]
HERE = "common.tests.test_telemetry"
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def settings_with(**given: str) -> config.Settings:
    return config.load("OrderService", {"CFMP_VAR_DIR": str(config.var_dir_of({})), **given})


@pytest.fixture(autouse=True)
def the_environment_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK reads it, so starting writes to it."""
    for name in telemetry.OF_THE_SDK:
        monkeypatch.setenv(name, "x")
        monkeypatch.delenv(name)


@pytest.fixture
def spans() -> Iterator[Any]:
    """What this process recorded, by name."""
    exporter = InMemorySpanExporter()
    telemetry.start(
        settings_with(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1"), SimpleSpanProcessor(exporter)
    )
    yield lambda: {span.name: span for span in exporter.get_finished_spans()}
    telemetry.stop()


def parent_of(span: Any) -> str:
    return f"{span.parent.span_id:016x}" if span.parent else ""


def id_of(span: Any) -> str:
    return f"{span.context.span_id:016x}"


def test_without_a_collector_nothing_is_imported_and_nothing_recorded() -> None:
    code = (
        "import sys; from common import telemetry, config\n"
        "telemetry.start(config.load('OrderService'))\n"
        "with telemetry.span('x') as span: span.add(a_b=1)\n"
        "imported = any('opentelemetry' in name for name in sys.modules)\n"
        "print(telemetry.is_on(), span is telemetry.NOTHING, imported)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["False", "True", "False"]


def test_a_span_is_the_current_context_while_it_lasts(spans: Any) -> None:
    with bound(RequestContext(traceparent=CALLER)):
        with telemetry.span("outer"), telemetry.span("inner"):
            inside = tracing.current().traceparent
        assert tracing.current().traceparent == CALLER

    outer, inner = spans()["outer"], spans()["inner"]
    assert parent_of(outer) == CALLER.split("-")[2]
    assert parent_of(inner) == id_of(outer)
    assert inside == f"00-{CALLER.split('-')[1]}-{id_of(inner)}-01"


def test_a_failure_is_marked_by_its_name_alone(spans: Any) -> None:
    with pytest.raises(ValueError, match="4111"), telemetry.span("fails"):
        raise ValueError("card 4111")

    (span,) = spans().values()
    assert (span.status.description, span.attributes["error.type"]) == ("ValueError", "ValueError")
    assert "4111" not in span.to_json()


def test_a_request_is_a_span_named_by_its_route(api: Any, spans: Any) -> None:
    answer = api(traceparent=CALLER).get("/api/orders/open/")
    api().get("/livez")

    (span,) = spans().values()
    assert answer.status_code == 200
    assert (span.name, span.kind) == ("GET api/orders/open/", SpanKind.SERVER)
    assert span.attributes["http.response.status_code"] == 200
    assert parent_of(span) == CALLER.split("-")[2]
    assert f"{span.context.trace_id:032x}" == CALLER.split("-")[1]


def test_a_request_without_a_caller_begins_a_trace(api: Any, spans: Any) -> None:
    api().get("/api/orders/open/")

    (span,) = spans().values()
    assert parent_of(span) == ""


def test_the_log_line_names_the_trace_of_the_span(
    api: Any, spans: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="common.access"):
        api().get("/api/orders/open/")

    line = json.loads(caplog.records[-1].json_line)  # type: ignore[attr-defined]
    (span,) = spans().values()
    assert line["trace_id"] == f"{span.context.trace_id:032x}"


def test_a_call_carries_its_own_span_to_the_peer(fake_transport: Any, spans: Any) -> None:
    fake_transport.on("GET", "PaymentService", "/x", {})
    with telemetry.span("outer"):
        service_client.get("PaymentService", "/x")

    call = spans()["GET PaymentService"]
    assert call.kind == SpanKind.CLIENT
    assert parent_of(call) == id_of(spans()["outer"])
    assert fake_transport.calls[0].headers["traceparent"].split("-")[2] == id_of(call)


def test_a_call_that_fails_says_so(fake_transport: Any, spans: Any) -> None:
    fake_transport.fail("PaymentService")
    with pytest.raises(PeerTimeout):
        service_client.post("PaymentService", "/x", json={})

    assert spans()["POST PaymentService"].status.description == "PeerTimeout"


@pytest.mark.django_db
def test_a_stored_event_links_to_what_caused_it(fake_transport: Any, spans: Any) -> None:
    for peer in ("PaymentService", "NotificationService"):
        fake_transport.on("POST", peer, "/event/inbox", {})
    with telemetry.span("cause"), transaction.atomic():
        publish(Event("parcel.sent.v1", uuid.uuid4(), 1))
    destinations = set(RingOutbox.objects.values_list("destination", flat=True))

    relay.relay_once()

    cause, delivery = spans()["cause"], spans()["deliver parcel.sent.v1"]
    assert (parent_of(delivery), delivery.kind) == (id_of(cause), SpanKind.PRODUCER)
    assert delivery.context.trace_id == cause.context.trace_id
    for peer in destinations:
        assert spans()[f"POST {peer}"].context.trace_id == cause.context.trace_id


def quiet() -> bool:
    return False


def busy() -> bool:
    with telemetry.span("work"):
        return False


def broken() -> bool:
    raise RuntimeError


def test_a_job_that_found_nothing_to_do_is_no_span(spans: Any) -> None:
    for name in ("quiet", "busy", "broken"):
        worker.run_job(Job(name, 1.0, f"{HERE}.{name}", exclusive=False))

    assert set(spans()) == {"job busy", "work", "job broken"}
    assert parent_of(spans()["job busy"]) == ""
    assert parent_of(spans()["work"]) == id_of(spans()["job busy"])


def test_a_real_collector_gets_them_and_knows_whose_they_are() -> None:
    with Collector() as collector:
        telemetry.start(settings_with(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url))
        with telemetry.span("sent", {"peer.service": "x"}):
            pass
        telemetry.stop()

    (span,) = collector.spans
    assert (span.service, span.name, span.attributes) == ("OrderService", "sent", {"peer.service": "x"})


def test_a_collector_that_hangs_costs_the_work_nothing_and_a_stop_two_seconds() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        telemetry.start(settings_with(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}"))
        began = time.monotonic()
        for _ in range(5000):  # more than the queue holds
            with telemetry.span("lost"):
                pass
        worked = time.monotonic() - began
        telemetry.stop(patience=0.5)
        stopped = time.monotonic() - began - worked

    assert worked < 8  # the exporter's own time-out is ten
    assert stopped < 5


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "must be an absolute http(s) URL"),
        ("OTEL_TRACES_SAMPLER", "sometimes", "must be one of parentbased_always_on"),
        ("OTEL_TRACES_SAMPLER_ARG", "2", "must be a share from 0 to 1"),
    ],
)
def test_a_wrong_setting_is_told(name: str, value: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} {problem}".replace("(", r"\(").replace(")", r"\)")):
        settings_with(**{name: value})
