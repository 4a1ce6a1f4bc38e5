"""What each process of the embedded stack tells Prometheus after the stories: readable, and true.

This file's name keeps it behind the stories, so that there is something to tell.
"""

import time
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from common.testing.collector import Collector, SeenSpan
from tests.conftest import Stack

SERVICES = {"order": 8001, "payment": 8002, "notification": 8003}
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(page: str) -> Samples:
    """Every sample of a page; raises ValueError for one that Prometheus could not read."""
    found: Samples = {}
    for family in text_string_to_metric_families(page):
        for one in family.samples:
            key = (one.name, frozenset(one.labels.items()))
            assert key not in found, f"{key} is told twice"
            found[key] = one.value
    return found


# Each program of the stack: the address that tells of it, and something that only it can have said.
PAGES = {
    **{name: (f"{port}/metrics", "http_requests_total") for name, port in SERVICES.items()},
    **{
        f"{name}-worker": (f"{port}/metrics", "worker_heartbeat_timestamp_seconds")
        for name, port in SERVICES.items()
    },
    "sandbox": ("8006/metrics", "sandbox_answers_total"),
    "sandbox-notifier": ("8006/metrics", "sandbox_notice_attempts"),
    "gateway": ("9091/apisix/prometheus/metrics", "envoy_cluster_upstream_rq_total"),
}


def told_by(stack: Stack, pages: dict[str, tuple[str, str]]) -> dict[str, Samples]:
    """What each page says, after finding that each program that runs has one."""
    running = {line.split()[0].rpartition(":")[2] for line in stack.control("status").stdout.splitlines()}
    assert running == set(pages)
    found = {page: scrape(*page.split("/", 1)) for page, _ in pages.values()}
    silent = [name for name, (page, own) in pages.items() if own not in {one for one, _ in found[page]}]
    assert silent == []
    return found


def scrape(port: int | str, path: str = "metrics") -> Samples:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain")
        return samples(answer.read().decode())


def total(found: Samples, name: str, **labels: str) -> float:
    return sum(value for (one, has), value in found.items() if one == name and labels.items() <= has)


def test_each_program_of_the_stack_has_a_page(stack: Stack) -> None:
    told_by(stack, PAGES)


@pytest.mark.parametrize(("service", "port"), SERVICES.items())
def test_each_service_tells_about_its_web_and_its_worker(stack: Stack, service: str, port: int) -> None:
    found = scrape(port)

    assert total(found, "http_requests_total") > 0
    for duty in ("relay", "sagas", "jobs"):
        beat = total(found, "worker_heartbeat_timestamp_seconds", duty=duty)
        assert 0 <= time.time() - beat < 60, duty
    assert total(found, "job_runs_total", outcome="done") > 0
    assert total(found, "job_runs_total", outcome="failed") == 0
    assert total(found, "outbox_depth", state="dead") == 0
    assert not {name for name, _ in found if name.startswith(("python_", "process_"))}


def test_the_business_is_told_in_its_own_words(stack: Stack) -> None:
    order, payment, notification = (scrape(port) for port in SERVICES.values())

    placed = total(order, "state_transitions_total", entity="order", axis="status", event="place")
    paid = total(order, "state_transitions_total", entity="order", axis="status", event="pay")
    assert placed >= paid > 0
    charged = total(payment, "payment_money_yuan_total", kind="charged")
    assert charged > total(payment, "payment_money_yuan_total", kind="refunded") > 0
    assert total(payment, "provider_calls_total", provider="alipay", outcome="answered") > 0
    assert total(payment, "peer_attempts_total", peer="NotificationService", outcome="answered") > 0
    assert total(payment, "outbox_deliveries_total", destination="OrderService", outcome="delivered") > 0
    assert total(order, "inbox_events_total") > 0
    assert total(notification, "risk_evaluations_total") == total(payment, "payment_risk_outcomes_total")


def test_the_sandbox_tells_what_it_answered(stack: Stack) -> None:
    found = scrape(8006)

    assert total(found, "sandbox_answers_total", neighbour="users", status="200") > 0
    assert total(found, "process_cpu_seconds_total") > 0
    # By now the notifier has told of every payment, and owes nothing for long.
    assert total(found, "sandbox_notice_attempts") > 0
    assert 0 <= total(found, "sandbox_notice_oldest_seconds") < 60
    assert total(found, "sandbox_notices_due") >= 0


def test_the_gateway_tells_what_it_passed_on(stack: Stack) -> None:
    found = scrape(*PAGES["gateway"][0].split("/", 1))

    assert total(found, "envoy_cluster_upstream_rq_total", envoy_cluster_name="order") > 0


# What Alipay's notification sets off, from the gateway's door to the message in the buyer's box.
ALL = {"gateway", "PaymentService", "OrderService", "NotificationService"}
STORY = {"deliver payment.succeeded.v1", "deliver order.paid.v1", "POST event/payment_notified_cm"}


def traces(spans: list[SeenSpan]) -> dict[str, list[SeenSpan]]:
    found: dict[str, list[SeenSpan]] = {}
    for span in spans:
        found.setdefault(span.trace, []).append(span)
    return found


def whole(trace: list[SeenSpan]) -> bool:
    """Told to its end: every span's parent is there too."""
    known = {span.id for span in trace}
    return {span.name for span in trace} >= STORY and all(one.parent in known for one in trace if one.parent)


def test_one_trace_leads_from_the_gateway_through_workers_to_the_message(
    stack: Stack, collector: Collector
) -> None:
    spans = collector.wait_for(lambda spans: any(whole(trace) for trace in traces(spans).values()))

    trace = next(trace for trace in traces(spans).values() if whole(trace))
    assert {span.service for span in trace} >= ALL
    (root,) = [span for span in trace if not span.parent]
    assert root.service == "gateway"


def test_the_provider_sagas_and_jobs_are_told_of_too(stack: Stack, collector: Collector) -> None:
    named = {span.name for span in collector.spans}

    assert "alipay.trade.precreate" in named
    assert any(name.startswith("saga ") for name in named)
    assert any(name.startswith("job ") for name in named)
    assert not any("metrics" in name or "livez" in name for name in named)


def test_spans_tell_nothing_of_people(stack: Stack, collector: Collector) -> None:
    """Names, ids and numbers of our own; no token, no phone, no query."""
    ours = [span for span in collector.spans if span.service != "gateway"]
    told = {name for span in ours for name in span.attributes}

    assert told <= {
        "http.route",
        "http.request_method",
        "http.response.status_code",
        "peer.service",
        "event.id",
        "saga.uuid",
        "saga.state",
        "error.type",
    }
