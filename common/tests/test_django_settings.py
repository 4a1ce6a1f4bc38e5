"""The settings all services share, and the rules `common` installs when Django starts."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from django.test import override_settings
from django.urls import include, path

from common import config
from common.databases import database_settings
from common.django_settings import service_settings
from common.errors import CallInTransaction
from common.service_client import service_client
from common.web.checks import check_views
from common.web.views import InternalAPIView, OpenAPIView

ROOT = Path(__file__).resolve().parents[2]


def loaded_with(**given: str) -> config.Settings:
    return config.load("OrderService", given)


def test_nothing_wraps_whole_requests_in_a_transaction() -> None:
    database = settings.DATABASES["default"]

    assert database["ATOMIC_REQUESTS"] is False
    assert database["CONN_MAX_AGE"] is None
    assert database["CONN_HEALTH_CHECKS"] is True


def test_sqlite_begins_immediately_and_lets_readers_go_on() -> None:
    database = database_settings("order", loaded_with(CFMP_DB_ENGINE="sqlite"))

    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in database["OPTIONS"]["init_command"]


def test_mysql_reads_what_is_committed() -> None:
    database = database_settings(
        "order", loaded_with(CFMP_DB_ENGINE="mysql", CFMP_DB_NAME="shop", CFMP_DB_SOCKET="/run/mysqld.sock")
    )

    assert database["OPTIONS"]["isolation_level"] == "read committed"
    assert database["OPTIONS"]["charset"] == "utf8mb4"
    assert "STRICT_TRANS_TABLES" in database["OPTIONS"]["init_command"]
    assert database["HOST"] == "/run/mysqld.sock"
    assert database["TEST"]["NAME"] == "test_order_shop"


@pytest.mark.django_db
def test_the_connection_really_is_so() -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "mysql":
            cursor.execute("SELECT @@tx_isolation, @@character_set_connection")
            assert cursor.fetchone() == ("READ-COMMITTED", "utf8mb4")
        else:
            cursor.execute("PRAGMA foreign_keys")
            assert cursor.fetchone() == (1,)
            assert connection.transaction_mode == "IMMEDIATE"


def test_times_are_utc_and_nothing_is_redirected() -> None:
    assert (settings.USE_TZ, settings.TIME_ZONE) == (True, "UTC")
    assert settings.APPEND_SLASH is False
    assert settings.DEBUG is False


def test_an_embedded_service_answers_to_loopback_names_only() -> None:
    made: dict[str, Any] = service_settings(
        "PaymentService", base_dir=ROOT, apps=[], models={}, event_routes=""
    )

    assert made["ALLOWED_HOSTS"] == ["127.0.0.1", "localhost", "[::1]"]


def test_each_admin_has_cookies_of_its_own() -> None:
    names = set()
    for service in ("OrderService", "PaymentService", "NotificationService"):
        made = service_settings(service, base_dir=ROOT, apps=[], models={}, event_routes="")
        names |= {made["SESSION_COOKIE_NAME"], made["CSRF_COOKIE_NAME"]}

    assert len(names) == 6


def test_the_system_checks_pass() -> None:
    call_command("check", "--fail-level", "WARNING")


@pytest.mark.django_db(transaction=True)
def test_no_sibling_is_called_inside_a_transaction(fake_transport: Any) -> None:
    fake_transport.on("GET", "ProductService", "/api/product/1/", json={})

    with transaction.atomic(), pytest.raises(CallInTransaction):
        service_client.get("ProductService", "/api/product/1/")
    assert fake_transport.calls == []

    service_client.get("ProductService", "/api/product/1/")
    assert len(fake_transport.calls) == 1


def test_a_boot_with_bad_settings_names_every_problem() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", "import django; django.setup()"],
        env={
            "PYTHONPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": "common.tests.settings",
            "CFMP_MODE": "production",
            "SERVICE_PORT": "many",
            "PATH": "",
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode != 0
    for name in ("SERVICE_PORT", "DJANGO_SECRET_KEY", "PII_KEYS", "JWT_KEYS", "ALLOWED_HOSTS"):
        assert name in answer.stderr


class WrongFamilyAPIView(OpenAPIView):
    family = "payment_api"


class ClosedDoorAPIView(InternalAPIView):
    pass


urlpatterns = [
    path("api/orders/wrong/", WrongFamilyAPIView.as_view()),
    path("nested/", include([path("closed/", ClosedDoorAPIView.as_view())])),
]


@override_settings(ROOT_URLCONF=__name__)
def test_a_view_of_the_wrong_family_and_a_door_nobody_opens_are_found() -> None:
    found = check_views(None)

    assert [problem.id for problem in found] == ["common.E001", "common.E002"]
    assert "WrongFamilyAPIView" in found[0].msg
    assert "ClosedDoorAPIView" in found[1].msg


@pytest.mark.parametrize(
    ("words", "patience"),
    [
        (["/opt/venv/bin/gunicorn", "config.wsgi"], 60),
        (["manage.py", "worker"], 60),
        (["manage.py", "migrate"], None),  # it may take its time
    ],
)
def test_a_database_that_vanished_is_noticed_by_what_serves(
    words: list[str], patience: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", words)
    database = database_settings("order", loaded_with(CFMP_DB_ENGINE="mysql", CFMP_DB_HOST="mysql"))

    assert database["OPTIONS"].get("read_timeout") == patience
    assert database["OPTIONS"].get("write_timeout") == patience
