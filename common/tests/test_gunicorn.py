"""A real server in the real configuration: two doors, keep-alive, metrics of many processes, bad HTTP."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from common.config_store import ConfigStore
from common.live_settings import LOOK_SECONDS
from common.metrics_files import metrics_files
from common.snapshots import SnapshotFolder
from common.testing.processes import eventually, free_port, give_secrets

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"


class Server:
    """`gunicorn -c common/gunicorn.py` in a folder named like a service."""

    def __init__(self, folder: Path, stdout: Path | None = None, **variables: str) -> None:
        self.port = port = free_port()
        self.var = folder / "var"
        self.socket = self.var / "run" / "order.sock"
        self.log = stdout or folder / "log"
        home = folder / "order-service"
        home.mkdir(parents=True)
        give_secrets(self.var)
        self.old_figures = metrics_files(self.var / "run", "order", "web") / "counter_1.db"
        self.workers_figures = metrics_files(self.var / "run", "order", "worker") / "counter_2.db"
        self.home = home
        for file in (self.old_figures, self.workers_figures):
            file.parent.mkdir(parents=True)
            file.write_bytes(b"")
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "CFMP_VAR_DIR": str(self.var),
            "SERVICE_PORT": str(port),
            "WEB_CONCURRENCY": "2",
            "DJANGO_SETTINGS_MODULE": "common.tests.settings",
            # A database that is there; which one makes no difference to gunicorn.
            "CFMP_DB_ENGINE": "sqlite",
            **variables,
        }
        command = [
            sys.executable,
            "-m",
            "gunicorn",
            "-c",
            str(ROOT / "common/gunicorn.py"),
            "common.tests.wsgi",
        ]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=home, env=environment, stdout=log, stderr=log)

    def wait_until_ready(self) -> None:
        for _ in range(300):
            assert self.process.poll() is None, self.said()
            try:
                return self.ask("GET", "/livez") and None
            except OSError:
                time.sleep(0.1)
        raise AssertionError(self.said())

    def said(self) -> str:
        # /dev/full can be read without end
        return self.log.read_text() if self.log.is_file() else ""

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=10)
        connection.request(method, path, body, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        said = answer.read()
        connection.close()
        return answer.status, said

    def say(self, raw: bytes) -> tuple[bytes, bytes]:
        with socket.create_connection((HOST, self.port), timeout=10) as connection:
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            heard = b"".join(iter(lambda: connection.recv(65536), b""))
        head, _, body = heard.partition(b"\r\n\r\n")
        return head, body

    def begin(self, path: str) -> http.client.HTTPConnection:
        """A connection whose answer nobody has read yet."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=20)
        connection.request("GET", path)
        return connection

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from ready(Server(tmp_path_factory.mktemp("gunicorn")))


@pytest.fixture(scope="module")
def full_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Neither stdout nor the log file takes a byte: each write says ENOSPC."""
    full = Path("/dev/full")
    yield from ready(Server(tmp_path_factory.mktemp("full"), full, LOG_FILE=str(full)))


def ready(running: Server) -> Iterator[Server]:
    try:
        running.wait_until_ready()
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait()


def test_the_port_and_the_socket_answer_alike(server: Server) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(server.socket))
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        heard = b"".join(iter(lambda: connection.recv(65536), b""))

    assert heard.endswith(server.ask("GET", "/livez")[1])


def test_a_published_setting_acts_in_every_worker_and_is_told(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    registry = {"DISCOVERY": "nacos", "NACOS_SERVER": "127.0.0.1:1"}
    for running in ready(Server(tmp_path_factory.mktemp("live"), **registry)):
        store = ConfigStore(SnapshotFolder.of(running.var / "run"), "OrderService")
        assert written_by(running) > 0

        store.receive("OrderService.yaml", "log_level: ERROR")
        time.sleep(2 * LOOK_SECONDS)
        written_by(running)
        assert written_by(running) == 0, "both workers heard of it, and neither was restarted"
        assert b'config_revision{data_id="OrderService.yaml"} 1.0' in running.ask("GET", "/metrics")[1]

        store.receive("OrderService.yaml", "log_level: loud")
        store.receive("OrderService.yaml", "{}")
        time.sleep(2 * LOOK_SECONDS)
        written_by(running)
        assert written_by(running) > 0
        assert b'config_refused_total{data_id="OrderService.yaml"} 1.0' in running.ask("GET", "/metrics")[1]


def written_by(running: Server) -> int:
    """How many lines about requests twenty of them leave in the log."""
    before = running.log.read_text().count('"event":"request"')
    for _ in range(20):
        running.ask("GET", "/api/orders/open/")
    return running.log.read_text().count('"event":"request"') - before


def test_the_socket_is_nobody_elses(server: Server) -> None:
    assert server.socket.stat().st_mode & 0o077 == 0


def test_one_connection_serves_many_requests(server: Server) -> None:
    connection = http.client.HTTPConnection(HOST, server.port, timeout=10)
    doors = set()
    for _ in range(5):
        connection.request("GET", "/api/orders/open/")
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.getheader("Content-Length") == str(len(answer.read()))
        doors.add(connection.sock.getsockname())

    assert len(doors) == 1


def test_a_body_too_large_is_refused_unread(server: Server) -> None:
    status, said = server.ask("POST", "/api/orders/echo/", b" " * (1024 * 1024 + 1))

    assert (status, json.loads(said)["name"]) == (413, "BodyTooLarge")


def test_a_chunked_body_is_read(server: Server) -> None:
    status, said = server.ask("POST", "/api/orders/echo/", iter([b'{"amount"', b": 3}"]))

    assert (status, json.loads(said)["data"]["amount"]) == (200, "3.00")


def test_a_chunked_body_is_bounded_too(server: Server) -> None:
    status, said = server.ask("POST", "/api/orders/echo/", iter([b" " * 65536] * 17))

    assert (status, json.loads(said)["name"]) == (413, "BodyTooLarge")


HEAD = b" HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /x y HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.1\r\n\r\n",
        b"G\x00T / HTTP/1.1\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET /\xff" + HEAD + b"\r\n",
        b"GET /" + b"a" * 9000 + HEAD + b"\r\n",
        b"GET /" + HEAD + b"X: " + b"a" * 20000 + b"\r\n\r\n",
        b"GET /" + HEAD + b"".join(b"X%d: 1\r\n" % number for number in range(200)) + b"\r\n",
        b"GET /" + HEAD + b"Bad Name: x\r\n\r\n",
        b"GET /" + HEAD + b"Host: another\r\n\r\n",
        b"POST /api/orders/echo/" + HEAD + b"Content-Length: -5\r\n\r\n",
        b"POST /api/orders/echo/"
        + HEAD
        + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /api/orders/echo/" + HEAD + b"Transfer-Encoding: gzip\r\n\r\nabc",
        b"POST /api/orders/echo/" + HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
        b"POST /api/orders/echo/" + HEAD + b'Content-Length: 50\r\n\r\n{"amou',
    ],
    ids=range(15),
)
def test_malformed_http_is_a_problem_in_json(server: Server, raw: bytes) -> None:
    head, body = server.say(raw)

    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"Content-Type: application/json" in head
    assert json.loads(body)["name"] == "InvalidInput"


def test_it_logs_to_the_file_in_its_folder_and_to_stdout_the_same_lines(server: Server) -> None:
    server.ask("GET", "/api/orders/parcels/stats/", **{"X-Request-ID": "in-both"})
    server.say(b"nonsense\r\n\r\n")

    file = server.home / "logs" / "order-service.log"
    for place in (file, server.log):
        lines = [json.loads(line) for line in place.read_text().splitlines()]
        (line,) = [line for line in lines if line.get("request_id") == "in-both"]
        assert (line["service"], line["role"], line["event"]) == ("OrderService", "web", "request")


def test_a_full_disk_on_logs_breaks_no_request(full_disk: Server) -> None:
    answers = [full_disk.ask("GET", "/api/orders/parcels/stats/")[0] for _ in range(50)]

    assert set(answers) == {200}


def test_metrics_add_up_over_processes(server: Server) -> None:
    def counted() -> float:
        page = server.ask("GET", "/metrics")[1].decode()
        wanted = 'http_requests_total{method="GET",route="api/orders/parcels/stats/",status="200"}'
        return sum(float(line.split()[-1]) for line in page.splitlines() if line.startswith(wanted))

    before = counted()
    for _ in range(20):
        server.ask("GET", "/api/orders/parcels/stats/")

    assert counted() - before == 20


def test_metrics_of_an_earlier_run_are_gone_and_the_workers_stay(server: Server) -> None:
    assert not server.old_figures.exists()
    assert server.workers_figures.exists()


def test_sigterm_ends_it_cleanly(server: Server) -> None:
    """The last of this module: it stops the server."""
    assert server.stop() == 0
    assert not server.socket.exists()


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Server]:
    """Two workers, two threads each."""
    server = Server(tmp_path, WEB_THREADS="2")
    for running in ready(server):
        eventually(lambda: len(children_of(server.process.pid)) == 2, 20, "both are there")
        yield running


def test_a_burst_is_shared_with_a_worker_that_is_late(pair: Server) -> None:
    late, other = children_of(pair.process.pid)
    os.kill(late, signal.SIGSTOP)
    try:
        burst = [pair.begin("/slow?1") for _ in range(8)]
        # Long enough for the other to take all eight, were it to.
        time.sleep(0.3)
    finally:
        os.kill(late, signal.SIGCONT)
    answers = Counter(int(connection.getresponse().read()) for connection in burst)

    assert answers.total() == 8
    assert answers[late] >= 2
    assert answers[other] >= 2


def children_of(parent: int) -> list[int]:
    """The processes that it started. /proc names a process's parent behind its state."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # gone by now
            continue
        if int(fields[1]) == parent:
            found.append(int(entry.name))
    return found
