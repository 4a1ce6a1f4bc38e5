"""`manage.py config`: what is in force and why, and what a document would do."""

from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command

from common import live_settings
from common.config import load
from common.config_origin import Environment, shown
from common.config_store import ConfigStore
from common.snapshots import SnapshotFolder


def lines(env: dict[str, str], store: ConfigStore | None = None) -> dict[str, tuple[str, str]]:
    """Value and origin by name, as a service started with `env` tells them."""
    loaded = load("OrderService", env)
    documents = [one for one in (watched.value() for watched in store.watched()) if one] if store else []
    return {
        line.setting.name: (line.value, line.origin)
        for line in shown(loaded, documents, Environment(loaded, env))
    }


def test_each_value_says_where_it_came_from(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("s" * 40)
    store = ConfigStore(SnapshotFolder(tmp_path / "nacos"), "OrderService")
    store.receive("cfmp-common.yaml", "{order_max_lines: 9, log_level: WARNING}")
    store.receive("OrderService.yaml", "order_max_lines: 4")
    store.receive("OrderService.yaml", "order_max_lines: 5")

    told = lines(
        {
            "CFMP_VAR_DIR": str(tmp_path),
            "LEASE_SECONDS": "20",
            "ORDER_MAX_LINES": "20",
            "DJANGO_SECRET_KEY_FILE": str(secret),
            "ORDER_DB_PASSWORD": "hidden-too",
            "ORDER_DB_USER": "shop",
            "PAYMENT_DB_USER": "not ours",
        },
        store,
    )

    assert told["ORDER_MAX_LINES"] == ("5", "OrderService.yaml revision 2")
    assert told["LOG_LEVEL"] == ("WARNING", "cfmp-common.yaml revision 1")
    assert told["LEASE_SECONDS"] == ("20", "environment")
    assert told["DJANGO_SECRET_KEY"] == ("***", f"file {secret}")
    assert told["SERVICE_PRIVATE_KEY"] == ("***", "embedded")
    assert told["AUTH_VERIFY"] == ("local", "default")
    assert told["ORDER_DB_PASSWORD"] == ("***", "environment")
    assert told["ORDER_DB_USER"] == ("shop", "environment")
    assert "PAYMENT_DB_USER" not in told and "ORDER_DB_HOST" not in told
    assert "BEGIN" not in str(told) and "hidden-too" not in str(told)


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("config", *arguments, stdout=out, stderr=out)
    return out.getvalue()


@pytest.fixture
def store(tmp_path: Path, settings: Any) -> Iterator[ConfigStore]:
    before = live_settings._overlay
    settings.CFMP = replace(django_settings.CFMP, discovery="nacos", service_run_dir=str(tmp_path))
    live_settings.configure(django_settings.CFMP)
    yield ConfigStore(SnapshotFolder.of(tmp_path), "OrderService")
    live_settings._overlay = before


def test_show_lists_what_is_in_force(store: ConfigStore) -> None:
    store.receive("OrderService.yaml", "order_expire_minutes: 5")

    told = run("show")

    (line,) = [line.split() for line in told.splitlines() if line.startswith("ORDER_EXPIRE_MINUTES")]
    assert line[1:] == ["5", "OrderService.yaml", "revision", "1"]
    assert "DISCOVERY" in told and "DISCOVERY" not in run("show", "--live")
    assert "RISK_FAILURE_MODE" not in run("show", "--live"), "PaymentService acts on that one"


def test_show_tells_of_another_instance(tmp_path: Path) -> None:
    ConfigStore(SnapshotFolder.of(tmp_path), "OrderService").receive(
        "OrderService.yaml", "order_max_lines: 5"
    )

    assert "OrderService.yaml revision 1" in run("show", "--run-dir", str(tmp_path))
    assert "OrderService.yaml" not in run("show")


def test_show_says_when_it_knows_nothing_of_what_is_published(tmp_path: Path, settings: Any) -> None:
    """`make run DISCOVERY=nacos` gives each program a run dir of its own, and the shell knows of none."""
    ConfigStore(SnapshotFolder.of(tmp_path / "order"), "OrderService").receive("OrderService.yaml", "{}")
    unheard = "Without what Nacos publishes"

    assert unheard not in run("show")
    assert unheard in run("show", "--run-dir", str(tmp_path / "typo"))
    settings.CFMP = replace(django_settings.CFMP, service_run_dir=str(tmp_path))
    told = run("show")
    assert unheard in told and str(tmp_path / "order") in told
    assert unheard not in run("show", "--run-dir", str(tmp_path / "order"))


def test_check_says_what_would_be_accepted(tmp_path: Path) -> None:
    file = tmp_path / "OrderService.yaml"
    file.write_text("order_expire_minutes: 9")

    assert run("check", str(file)).splitlines() == [
        "order_expire_minutes = 9",
        "OrderService.yaml would be accepted: 1 settings",
    ]


def test_check_says_when_another_service_follows_the_document(tmp_path: Path) -> None:
    file = tmp_path / "draft"
    file.write_text("risk_failure_mode: closed")

    assert "does not follow it" in run("check", str(file), "--as", "PaymentService.yaml")


def test_check_fails_with_every_problem(tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "OrderService.yaml"
    file.write_text("order_expire_minutes: soon\ncolour: red")
    out = StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("config", "check", str(file), stderr=out)

    assert ended.value.code == 1
    assert out.getvalue().splitlines() == [
        f"{file}: order_expire_minutes must be a whole number from 1 to 1440",
        f"{file}: colour is not known",
    ]


def test_check_of_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        run("check", str(tmp_path / "OrderService.yaml"))
