"""Probes and metrics: what they say in good times and in bad, and that they ask for no Host of ours."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings

from common.instance.run_dir import RunDir
from common.web import health

Api = Callable[..., Any]


@pytest.fixture
def run_dir(settings: Any, tmp_path: Path) -> Path:
    settings.CFMP_RUN_DIR = RunDir(tmp_path, "order")
    return tmp_path


@pytest.fixture
def lost_database(db: None) -> Iterator[None]:
    """Every statement fails, as when the server went away."""
    from django.db import OperationalError

    def fail(*call: Any) -> None:
        raise OperationalError(2006, "Server has gone away")

    with connection.execute_wrapper(fail):
        yield


def test_livez_touches_nothing(api: Api) -> None:
    # Without the `db` fixture any query would fail the test.
    assert api().get("/livez").json() == {"status": "ok", "service": "OrderService"}


@pytest.mark.django_db
def test_health_and_readiness_in_good_times(api: Api, run_dir: Path) -> None:
    assert api().get("/health").json()["status"] == "ok"
    assert api().get("/readyz").json()["checks"] == {"database": "ok", "migrations": "ok", "draining": "ok"}


@pytest.mark.django_db
def test_a_drain_flag_takes_the_instance_out(api: Api, run_dir: Path) -> None:
    (run_dir / "order.drain").touch()

    assert api().get("/livez").status_code == 200
    assert api().get("/health").status_code == 503
    assert api().get("/readyz").json()["checks"]["draining"] == "failed"


def test_a_lost_database_takes_the_instance_out(api: Api, run_dir: Path, lost_database: None) -> None:
    assert api().get("/livez").status_code == 200
    assert api().get("/health").json()["checks"]["database"] == "failed"
    answer = api().get("/readyz")
    assert answer.status_code == 503
    assert b"gone away" not in answer.content


@pytest.mark.django_db
@override_settings(MIGRATION_MODULES={"ring": "common.tests.ring.unapplied"})
def test_a_missing_migration_is_not_ready(api: Api, run_dir: Path, fresh_migration_memory: None) -> None:
    assert api().get("/health").status_code == 200
    assert api().get("/readyz").json()["checks"]["migrations"] == "failed"


@pytest.fixture
def fresh_migration_memory() -> Iterator[None]:
    health.forget_migrations()
    yield
    health.forget_migrations()


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/livez", "/livez/", "/health", "/readyz", "/metrics"])
def test_probes_come_by_address(api: Api, run_dir: Path, path: str) -> None:
    assert api().get(path, headers={"Host": "10.1.2.3:8001"}).status_code == 200


@pytest.mark.django_db
def test_metrics_name_routes_and_never_their_values(api: Api) -> None:
    api().get("/api/orders/parcels/CFMP2026112112345678/")
    api().get("/api/orders/a-path-nobody-knows/")
    api().request("BREW", "/api/orders/open/")

    page = api().get("/metrics").content.decode()

    assert 'http_requests_total{method="GET",route="api/orders/parcels/<order:ref>/",status="200"}' in page
    assert 'http_requests_total{method="GET",route="unrouted",status="404"}' in page
    assert 'method="other"' in page
    assert "CFMP2026112112345678" not in page
    assert "a-path-nobody-knows" not in page
    assert "outbox_lag_seconds" in page


def test_metrics_go_on_without_a_database(api: Api, lost_database: None) -> None:
    page = api().get("/metrics")

    assert page.status_code == 200
    assert b"http_requests_total" in page.content
    assert b"outbox_lag_seconds" not in page.content
