"""Reference 3's promises to a developer: its commands, `.env` ports, log files and documents."""

import json

import pytest

from common.testing.processes import free_port
from tests.checkout import ROOT, Checkout
from tests.development.conftest import ask, eventually_json

SERVICES = {"order": "OrderService", "payment": "PaymentService", "notification": "NotificationService"}
NAMED = ("README.md", "SYSTEM_DOCUMENTATION.md", "apisix/README.md", "APISIX_MIGRATION_SUMMARY.md", "LICENSE")


@pytest.mark.parametrize("slug", SERVICES)
def test_migrate_and_runserver_are_all_it_takes(checkout: Checkout, slug: str) -> None:
    folder, port = f"{slug}-service", free_port()

    migrated = checkout.run(folder, "manage.py", "migrate")
    assert migrated.returncode == 0, migrated.stdout + migrated.stderr
    with checkout.running(folder, "manage.py", "runserver", "--noreload", str(port)) as server:
        ready = eventually_json(server, port, "/readyz")
        assert ask(port, "/nothing/here/")[0] == 404

    assert ready["service"] == SERVICES[slug]
    log = checkout.root / folder / "logs" / f"{folder}.log"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(line["service"], line["status"]) for line in lines if line.get("path") == "/nothing/here/"] == [
        (SERVICES[slug], 404)
    ]


def test_a_port_in_env_is_where_the_service_listens(checkout: Checkout) -> None:
    port = free_port()
    checkout.append(".env", f"ORDER_LISTEN_PORT={port}\n")
    checkout.run("order-service", "manage.py", "migrate")

    with checkout.running("order-service", "-c", LAUNCH) as server:
        assert eventually_json(server, port, "/readyz")["service"] == "OrderService"


# As `PYTHONPATH=.. python -m common.launcher web` in the service's folder.
LAUNCH = """
import runpy, sys, os
os.environ["PYTHONPATH"] = os.path.dirname(os.getcwd())
sys.path.insert(0, os.environ["PYTHONPATH"])
sys.argv = ["launcher", "web"]
runpy.run_module("common.launcher", run_name="__main__")
"""


@pytest.mark.parametrize("page", NAMED)
def test_the_documents_it_links_are_there(page: str) -> None:
    assert len((ROOT / page).read_text()) > 500
