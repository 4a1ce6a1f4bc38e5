"""The two programs that only containers need: Nacos made ready, and the health check."""

import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tests.deploy import fake_nacos
from tests.deploy.compose import ROOT
from tests.deploy.fake_nacos import Nacos


def program(path: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / path)],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def prepare(nacos: Nacos, password: str = "s3cret") -> subprocess.CompletedProcess[str]:
    given = {"NACOS_SERVER": nacos.server, "NACOS_NAMESPACE": "cfmp-microservices"}
    return program("deploy/nacos/prepare.py", NACOS_PASSWORD=password, **given)


def test_a_fresh_nacos_gets_its_password_and_the_namespace_once() -> None:
    with fake_nacos.running(Nacos()) as nacos:
        first, second = prepare(nacos), prepare(nacos)

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert nacos.password == "s3cret"
    assert nacos.namespaces == ["", "cfmp-microservices"]
    assert "made" in first.stdout and "was there" in second.stdout


def test_a_nacos_with_another_password_is_one_clear_sentence() -> None:
    with fake_nacos.running(Nacos(password="another")) as nacos:
        done = prepare(nacos)

    assert done.returncode == 1
    assert done.stderr == (
        "Nacos has an administrator with another password: give that one, or empty Nacos' volume\n"
    )
    assert nacos.namespaces == [""]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "NACOS_SERVER is missing: host:port of Nacos"),
        ({"NACOS_SERVER": "127.0.0.1:1"}, "NACOS_PASSWORD_FILE (or NACOS_PASSWORD) is missing"),
        (
            {"NACOS_SERVER": "127.0.0.1:1", "NACOS_PASSWORD_FILE": "/none"},
            "No such file or directory: '/none'",
        ),
    ],
)
def test_what_is_missing_is_said(given: dict[str, str], said: str) -> None:
    done = program("deploy/nacos/prepare.py", **given)

    assert done.returncode == 1
    assert said in done.stderr and "Traceback" not in done.stderr


class _Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(int(self.path.strip("/") or 200) if self.path != "/readyz" else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Ready) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_a_ready_container_is_healthy_whatever_interface_it_listens_on(port: int) -> None:
    for host in ("0.0.0.0", "127.0.0.1", ""):
        assert program("deploy/healthcheck.py", SERVICE_HOST=host, SERVICE_PORT=str(port)).returncode == 0


def test_a_draining_a_silent_and_a_misnamed_one_are_not(port: int) -> None:
    for given in (
        {"HEALTH_URL": f"http://127.0.0.1:{port}/503"},
        {"SERVICE_PORT": "1"},
        {},
    ):
        done = program("deploy/healthcheck.py", **given)
        assert done.returncode == 1
        assert done.stderr.startswith("not ready: ") and "Traceback" not in done.stderr


def test_a_proxy_of_the_environment_is_not_asked(port: int) -> None:
    given = {"http_proxy": "http://127.0.0.1:1", "SERVICE_PORT": str(port)}

    assert program("deploy/healthcheck.py", **given).returncode == 0
