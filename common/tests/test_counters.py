"""What is counted, when, and that the pages telling it can be read."""

import os
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event as Flag
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, transaction
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from common import worker
from common.errors import PeerRejected, PeerTimeout, PeerUnavailable
from common.jobs import Job
from common.leases.lease import lease
from common.metrics_files import forget_dead_processes, metrics_files
from common.resilience import Breaker
from common.service_client import service_client
from common.testing.processes import free_port
from common.tests.ring.services import parcel_move, parcel_pack

Counted = Callable[..., float]
HERE = "common.tests.test_counters"


def runs_well() -> bool:
    return False


def breaks() -> bool:
    raise OperationalError(2006, "Server has gone away")


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, "answered"),
        (PeerRejected(peer_status=404), "refused"),
        (PeerUnavailable(reason="away"), "unavailable"),
        (PeerTimeout(), "timeout"),
    ],
)
def test_each_attempt_to_call_a_peer_is_counted(
    fake_transport: Any, counted: Counted, error: Exception | None, outcome: str
) -> None:
    fake_transport.on("POST", "OrderService", "/event/inbox", {})
    if error is not None:
        fake_transport.fail("OrderService", error=error, times=1)
    series = {"peer": "OrderService", "outcome": outcome}
    counted("peer_attempts_total", **series)

    try:
        service_client.post("OrderService", "/event/inbox", json={})
    except (PeerRejected, PeerTimeout, PeerUnavailable):
        pass

    assert counted("peer_attempts_total", **series) == 1


def test_an_open_breaker_is_seen_and_a_closed_one_too() -> None:
    breaker = Breaker("UserService", failures=1, rest_seconds=0)
    for _ in range(2):
        with pytest.raises(PeerTimeout), breaker.guard():
            raise PeerTimeout
    assert REGISTRY.get_sample_value("peer_breaker_open", {"peer": "UserService"}) == 1

    with breaker.guard():
        pass
    assert REGISTRY.get_sample_value("peer_breaker_open", {"peer": "UserService"}) == 0


@pytest.mark.django_db(transaction=True)
def test_a_transition_counts_when_it_is_committed(counted: Counted) -> None:
    series = {"entity": "parcel", "axis": "status", "event": "send"}
    counted("state_transitions_total", **series)
    parcel = parcel_pack(weight=3, actor="user:alice")
    with pytest.raises(RuntimeError, match="undone"), transaction.atomic():
        parcel_move(parcel=parcel, event="send", actor="user:bob")
        raise RuntimeError("undone")
    assert counted("state_transitions_total", **series) == 0

    parcel.refresh_from_db()
    parcel_move(parcel=parcel, event="send", actor="user:bob")

    assert counted("state_transitions_total", **series) == 1


@pytest.mark.django_db
def test_keyed_requests_are_counted_by_what_became_of_them(api: Any, alice: Any, counted: Counted) -> None:
    outcomes = ("first", "replayed", "reused")
    for outcome in outcomes:
        counted("idempotency_keys_total", outcome=outcome)

    for weight in (3, 3, 4):
        api(alice).post("/api/orders/keyed/parcels/", {"weight": weight}, key="k-1")

    assert [counted("idempotency_keys_total", outcome=outcome) for outcome in outcomes] == [1, 1, 1]


@pytest.mark.django_db
def test_a_job_tells_how_it_went_and_when_it_last_went_well(counted: Counted) -> None:
    good, bad = Job("good", 5.0, f"{HERE}.runs_well"), Job("bad", 5.0, f"{HERE}.breaks")
    for job, outcome in (("good", "done"), ("good", "elsewhere"), ("bad", "failed")):
        counted("job_runs_total", name=job, outcome=outcome)

    worker.run_job(good)
    worker.run_job(bad)
    with lease("job:good", wait=0):
        worker.run_job(good)

    assert counted("job_runs_total", name="good", outcome="done") == 1
    assert counted("job_runs_total", name="good", outcome="elsewhere") == 1
    assert counted("job_runs_total", name="bad", outcome="failed") == 1
    last = REGISTRY.get_sample_value("job_last_success_timestamp_seconds", {"name": "good"})
    assert last == pytest.approx(time.time(), abs=60)
    assert REGISTRY.get_sample_value("job_last_success_timestamp_seconds", {"name": "bad"}) is None
    assert REGISTRY.get_sample_value("job_interval_seconds", {"name": "bad"}) == 5


def test_a_duty_beats_while_it_comes_round(counted: Counted) -> None:
    stop = Flag()
    counted("database_failures_total", where="worker")

    def work() -> bool:
        stop.set()
        raise OperationalError(2006, "Server has gone away")

    worker.keep_doing("a duty", work, stop)

    beat = REGISTRY.get_sample_value("worker_heartbeat_timestamp_seconds", {"duty": "a duty"})
    assert beat == pytest.approx(time.time(), abs=60)
    assert counted("database_failures_total", where="worker") == 1


@pytest.fixture
def signals_as_they_were() -> Iterator[None]:
    """A worker listens to them."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("signals_as_they_were")
def test_a_worker_in_a_container_of_its_own_has_a_page(settings: Any) -> None:
    settings.CFMP.__dict__["worker_metrics_port"] = port = free_port()
    try:
        worker._tell_figures(settings.CFMP)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            page = answer.read().decode()
        names = {family.name for family in text_string_to_metric_families(page)}
        with pytest.raises(CommandError, match=f"WORKER_METRICS_PORT={port} cannot be used"):
            call_command("worker")
    finally:
        settings.CFMP.__dict__["worker_metrics_port"] = 0

    assert "job_runs" in names
    assert "outbox_depth" not in names


def test_the_dead_leave_no_figures_and_the_living_keep_theirs(tmp_path: Path) -> None:
    folder = metrics_files(tmp_path, "order", "worker")
    folder.mkdir(parents=True)
    for pid in (os.getpid(), 2**22 + 1):
        (folder / f"counter_{pid}.db").write_bytes(b"")

    forget_dead_processes(tmp_path, "order", "worker")

    assert [file.name for file in folder.iterdir()] == [f"counter_{os.getpid()}.db"]
