"""Two instances of each service: the embedded stack's own, and a second beside it, launched by the test."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.storyteller import eventually
from tests.conftest import ROOT, Stack
from tests.shop import at_once

SERVICES = ("notification", "payment", "order")
# Documented ports, and the second instance's; where there is a registry that one takes any that is free.
PORTS = {"order": (8001, 8011), "payment": (8002, 8012), "notification": (8003, 8013)}
# The gateway asks every second and believes a refusal at once, a silence the second time.
DRAIN_SECONDS = "5"
PATIENCE = 60.0

FOUND_BY = {
    "static": {
        f"{name.upper()}_SERVICE_URL": ",".join(f"http://127.0.0.1:{port}" for port in ports)
        for name, ports in PORTS.items()
    },
    "nacos": {"DISCOVERY": "nacos"},
}


class Second:
    """The second instance of a service, a process of the test's own."""

    def __init__(self, stack: Stack, name: str) -> None:
        self._stack, self.name = stack, name
        self._run = stack.var / "run" / f"{name}-2"
        self._log = (stack.var / "log" / f"{name}-2.log").open("ab")
        self.start()

    @property
    def port(self) -> int:
        return int((self._run / f"{self.name}.port").read_text())

    def start(self) -> None:
        has_registry = self._stack.environment.get("DISCOVERY") == "nacos"
        own = {
            "PYTHONPATH": str(ROOT),
            "SERVICE_PORT": "0" if has_registry else str(PORTS[self.name][1]),
            "SERVICE_RUN_DIR": str(self._run),
            "WEB_CONCURRENCY": "1",
        }
        (self._run / f"{self.name}.port").unlink(missing_ok=True)
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
        self.first_is_trusted(name)

    def restart_second(self, name: str) -> None:
        assert self._seconds[name].stop() == 0
        self._seconds[name].start()
        self.second_is_trusted(name)

    def restart_worker(self, name: str) -> None:
        self._stack.control("restart", f"cfmp:{name}-worker")

    def first_is_trusted(self, name: str) -> None:
        self._is_trusted(name, lambda: PORTS[name][0])

    def second_is_trusted(self, name: str) -> None:
        self._is_trusted(name, lambda: self._seconds[name].port)

    def _is_trusted(self, name: str, port: Callable[[], int]) -> None:
        def trusted() -> bool:
            try:
                return self._health(name).get(port(), False)
            except FileNotFoundError:  # it has not said its port yet
                return False

        eventually(trusted, bool, f"the gateway trusts {name}", PATIENCE)

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
    seconds = {name: Second(stack, name) for name in SERVICES}
    fleet = Fleet(stack, seconds)
    try:
        for name in SERVICES:
            fleet.first_is_trusted(name)
            fleet.second_is_trusted(name)
        yield fleet
    finally:
        at_once(Second.stop, seconds.values())


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
