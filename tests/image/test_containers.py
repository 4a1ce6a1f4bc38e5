"""Each image, from its Dockerfile to its last signal: built from a clean clone, run as compose runs it."""

import json
from collections.abc import Callable

import pytest

from tests.deploy import compose
from tests.image.build import ignored
from tests.image.conftest import ADDRESSES
from tests.image.engine import Container, Engine

Start = Callable[..., Container]
SERVICES = ("order", "payment", "notification")


@pytest.mark.parametrize("name", [*SERVICES, "sandbox"])
def test_an_image_is_built_and_holds_only_its_own(engine: Engine, name: str) -> None:
    root = engine.build(name).root
    there = engine.inside(["ls", f"{root}/app"]).split()
    files = engine.inside(
        ["find", f"{root}/app", "-name", "test_*.py", "-o", "-name", ".env", "-o", "-name", "conftest.py"]
    )
    listed = json.loads(
        engine.inside(["chroot", str(root), "/opt/venv/bin/python", "-m", "pip", "inspect", "--local"])
    )

    own = "sandbox" if name == "sandbox" else f"{name}-service"
    assert set(there) == {"common", "deploy", "requirements", own}
    assert files == ""
    packages = {one["metadata"]["name"].lower() for one in listed["installed"]}
    assert {"django", "gunicorn", "nacos-sdk-python"} <= packages
    assert ("mysqlclient" in packages) is (name != "sandbox")
    assert not packages & {"pytest", "ruff", "mypy"}


@pytest.fixture(scope="module")
def migrated(start: Start) -> None:
    """The one-shots, as compose runs them."""
    for name in (*SERVICES, "sandbox"):
        container = start(f"{name}-migrate")
        assert container.wait() == 0, container.said()


def test_migrating_again_is_harmless(migrated: None, start: Start) -> None:
    assert start("order-migrate").wait() == 0


@pytest.fixture(scope="module")
def running(migrated: None, start: Start) -> dict[str, Container]:
    """Services, workers and the sandbox; a short drain gap, all else as it is."""
    names = ["sandbox", *SERVICES, *(f"{name}-worker" for name in SERVICES)]
    found = {name: start(name, DRAIN_SECONDS="1") for name in names}
    for container in found.values():
        container.wait_healthy()
    return found


def test_a_container_can_write_only_where_it_may(running: dict[str, Container]) -> None:
    for name in SERVICES:
        one = running[name]
        who = one.execute(["python", "-c", "import os; print(os.getuid(), os.getgid(), os.getgroups())"])
        assert who.stdout.split()[:2] == ["10001", "10001"], who.stderr
        for place in (".", "/app/common", "/opt/venv", "/etc", "/run/secrets"):
            assert one.execute(["touch", f"{place}/stain"]).returncode != 0, place
        for place in ("/run/cfmp", "/tmp", "logs"):
            assert one.execute(["touch", f"{place}/stain"]).returncode == 0, place


def test_process_one_is_the_init_and_starts_the_launcher(running: dict[str, Container]) -> None:
    for name in (*SERVICES, *(f"{name}-worker" for name in SERVICES)):
        asked = running[name].execute(["cat", "/proc/1/cmdline"])
        first = asked.stdout.split("\0")
        assert first[:5] == ["tini", "--", "python", "-m", "common.launcher"], asked.stderr
        assert first[5] == ("worker" if name.endswith("-worker") else "web")


def test_logs_are_lines_on_stdout_and_in_the_services_folder(running: dict[str, Container]) -> None:
    for name in SERVICES:
        lines = [
            json.loads(line) for line in running[name].log.read_text().splitlines() if line.startswith("{")
        ]
        assert "listening" in {line["event"] for line in lines}
        written = running[name].execute(["cat", f"logs/{name}-service.log"]).stdout
        assert written and all(json.loads(line) for line in written.splitlines())


ASK = """
import json, sys, urllib.request as web
LOG_IN = "http://sandbox:8004/api/v1/auth/login-with-password/"
def ask(url, token="", body=None):
    head = {"Content-Type": "application/json", **({"Authorization": "Bearer " + token} if token else {})}
    data = json.dumps(body).encode() if body else None
    with web.urlopen(web.Request(url, data, head), timeout=10) as answer:
        return answer.status, json.load(answer)
_, who = ask(LOG_IN, body={"email": "alice@example.com", "password": "sandbox-demo"})
print(json.dumps([ask(url, who["access_token"])[0] for url in sys.argv[1:]]))
"""


def test_a_person_of_the_sandbox_is_let_in_by_each_service(running: dict[str, Container]) -> None:
    """Keys and their names, Host names, addresses, the database: all fit, in production mode."""
    urls = [
        "http://127.0.0.1:8001/api/orders/",
        # As a peer that found it in Nacos would.
        f"http://{ADDRESSES['payment']}:8002/api/payment/records/",
        f"http://{ADDRESSES['notification']}:8003/api/notifications/",
    ]

    asked = running["order"].execute(["python", "-c", ASK, *urls])

    assert json.loads(asked.stdout) == [200, 200, 200], asked.stderr


def test_each_stops_in_order_and_in_time(running: dict[str, Container]) -> None:
    """Last: afterwards nothing runs."""
    for name in (*SERVICES, *(f"{name}-worker" for name in SERVICES)):
        took = running[name].stop()
        assert running[name].status == 0, running[name].said()
        assert took < 20
        events = [
            json.loads(line)["event"]
            for line in running[name].log.read_text().splitlines()
            if line.startswith("{")
        ]
        told = [one for one in events if one in {"asked_to_stop", "draining", "stopped"}]
        assert told == (
            ["asked_to_stop", "stopped"]
            if name.endswith("-worker")
            else ["asked_to_stop", "draining", "stopped"]
        )


def test_a_service_without_its_secrets_says_which_and_ends(start: Start, migrated: None) -> None:
    container = start("payment", ALIPAY_PRIVATE_KEY_FILE="/run/secrets/none", PII_KEYS_FILE="")

    assert container.wait(30) == 1
    said = container.said()
    assert "ALIPAY_PRIVATE_KEY_FILE: /run/secrets/none cannot be read" in said
    assert "PII_KEYS is missing" in said and "Traceback" not in said


def test_the_build_is_sent_only_what_it_needs() -> None:
    patterns = [
        line
        for line in (compose.ROOT / ".dockerignore").read_text().splitlines()
        if line[:1] not in {"", "#"}
    ]

    for path in (
        "common/tests/test_log.py",
        "order-service/.env",
        "README.md",
        "deploy/secrets/pii_keys",
        "tests/shop.py",
    ):
        assert ignored(path, patterns), path
    for path in (
        "common/config.py",
        "order-service/order/urls.py",
        "deploy/healthcheck.py",
        "requirements/base.txt",
    ):
        assert not ignored(path, patterns), path
