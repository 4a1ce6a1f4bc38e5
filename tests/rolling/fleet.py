"""Two instances of each service: the embedded stack's own, and a second beside it, launched by the test."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from scripts.storyteller import eventually
from tests.conftest import ROOT, Stack

SERVICES = ("notification", "payment", "order")
PORTS = {"order": (8001, 8011), "payment": (8002, 8012), "notification": (8003, 8013)}
# The gateway asks every 2 s and believes the second refusal.
DRAIN_SECONDS = "5"
PATIENCE = 60.0

ADDRESSES = {
    f"{name.upper()}_SERVICE_URL": ",".join(f"http://127.0.0.1:{port}" for port in ports)
    for name, ports in PORTS.items()
}


class Second:
    """The second instance of a service, a process of the test's own."""

    def __init__(self, stack: Stack, name: str) -> None:
        self._stack, self.name = stack, name
        self._log = (stack.var / "log" / f"{name}-2.log").open("ab")
        self.start()

    def start(self) -> None:
        own = {
            "PYTHONPATH": str(ROOT),
            "SERVICE_PORT": str(PORTS[self.name][1]),
            "SERVICE_RUN_DIR": str(self._stack.var / "run" / f"{self.name}-2"),
            "WEB_CONCURRENCY": "1",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "common.launcher", "web"],
            cwd=ROOT / f"{self.name}-service",
            env={**self._stack.environment, **own},
            stdout=self._log,
            stderr=self._log,
        )

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


class Fleet:
    """Restarts any of them, and waits as an operator would until the gateway trusts it again."""

    def __init__(self, stack: Stack, seconds: dict[str, Second]) -> None:
        self._stack, self._seconds = stack, seconds

    def restart_first(self, name: str) -> None:
        self._stack.control("restart", f"cfmp:{name}")
        self.is_trusted(name, PORTS[name][0])

    def restart_second(self, name: str) -> None:
        assert self._seconds[name].stop() == 0
        self._seconds[name].start()
        self.is_trusted(name, PORTS[name][1])

    def restart_worker(self, name: str) -> None:
        self._stack.control("restart", f"cfmp:{name}-worker")

    def is_trusted(self, name: str, port: int) -> None:
        eventually(
            lambda: self._health(name).get(port), bool, f"the gateway trusts {name} at {port}", PATIENCE
        )

    def _health(self, name: str) -> dict[int, bool]:
        """Envoy's opinion of each instance, by port."""
        said = admin(self._stack.var / "run" / "envoy.sock", "/clusters?format=json")
        [cluster] = [item for item in json.loads(said)["cluster_statuses"] if item["name"] == name]
        return {
            host["address"]["socket_address"]["port_value"]: not any(
                value is True for value in host["health_status"].values()
            )
            for host in cluster["host_statuses"]
        }


@contextmanager
def two_of_each(stack: Stack) -> Iterator[Fleet]:
    with ExitStack() as running:
        seconds = {name: Second(stack, name) for name in SERVICES}
        for second in seconds.values():
            running.callback(second.stop)
        fleet = Fleet(stack, seconds)
        for name, ports in PORTS.items():
            for port in ports:
                fleet.is_trusted(name, port)
        yield fleet


def admin(path: Path, question: str) -> bytes:
    """GET at a unix socket."""
    connection = http.client.HTTPConnection("envoy")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(os.fspath(path))
    try:
        connection.request("GET", question)
        return connection.getresponse().read()
    finally:
        connection.close()
