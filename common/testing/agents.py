"""Real agents as processes, each beside a page that says ready or not; for the Nacos suites.

What they do is seen where everybody sees it: in Nacos, and in the files they write.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

from common.config import ROOT
from common.snapshots import SnapshotFolder, read_snapshot
from common.testing.processes import eventually


class Nacos(Protocol):
    """The server a suite runs against, fake or real, and its operator."""

    address: str
    username: str
    password: str
    namespace: str

    def restart(self, *, away_seconds: float = 0.0) -> None:
        """Kill it and start it again on the same ports."""

    def console(self, service: str, host: str, port: int, **changes: Any) -> None:
        """Set `enabled` or `weight` of one instance as an operator does."""

    def registered(self, service: str) -> list[tuple[str, int, float]]:
        """(host, port, weight) of all its instances, disabled ones too."""

    def publish(self, data_id: str, content: str) -> None: ...

    def remove(self, data_id: str) -> None: ...


class ReadyPage:
    """An instance as the agent sees it: a page that answers 200 while `ready`."""

    def __init__(self) -> None:
        self.ready = True
        page = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200 if page.ready else 503)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Nobody reads it."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.port = int(self._http.server_address[1])
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


class AgentProcess:
    """One agent of `service` with a folder of its own, in an embedded setting."""

    def __init__(
        self, nacos: Nacos, home: Path, service: str, page: ReadyPage, variables: Mapping[str, str] | None
    ) -> None:
        self.service = service
        self.page = page
        self._home = home
        self.folder = SnapshotFolder.of(home / "run")
        # The agent knows from its folder's name whom it speaks for.
        self.cwd = self._folder(f"{service.removesuffix('Service').lower()}-service")
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "DISCOVERY": "nacos",
            "CFMP_VAR_DIR": str(home / "var"),
            "SERVICE_RUN_DIR": str(home / "run"),
            "SERVICE_PORT": str(page.port),
            "NACOS_SERVER": nacos.address,
            "NACOS_NAMESPACE": nacos.namespace,
            "NACOS_USERNAME": nacos.username,
            "NACOS_PASSWORD": nacos.password,
            "LOG_FILE": "off",
            **(variables or {}),
        }
        self._process: subprocess.Popen[str] | None = None

    def _folder(self, name: str) -> Path:
        folder = self._home / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def in_folder(self, name: str) -> AgentProcess:
        """Run in another folder than a service's."""
        self.cwd = self._folder(name)
        return self

    @staticmethod
    def command(*arguments: str) -> list[str]:
        return [sys.executable, "-m", "common.nacos_agent", *arguments]

    def start(self, *arguments: str) -> AgentProcess:
        with (self._home / "agent.log").open("a") as log:
            self._process = subprocess.Popen(
                self.command(*arguments),
                cwd=self.cwd,
                env=self.environment,
                stdout=log,
                stderr=log,
                text=True,
            )
        return self

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self, seconds: float = 10.0) -> int:
        """Its exit status."""
        return self.process.wait(seconds)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
            self._process.kill()
            self._process.wait(5)

    @property
    def process(self) -> subprocess.Popen[str]:
        assert self._process is not None, "start() it first"
        return self._process

    @property
    def state(self) -> Mapping[str, Any]:
        return read_snapshot(self.folder.agent) or {}

    @property
    def log(self) -> str:
        return (self._home / "agent.log").read_text()

    def events(self, name: str) -> list[dict[str, Any]]:
        """The log lines of one event."""
        lines = (line for line in self.log.splitlines() if line.startswith("{"))
        return [found for found in map(json.loads, lines) if found.get("event") == name]

    def knows(self, peer: str) -> list[tuple[int, float]]:
        """(port, weight) of the instances in its file."""
        rows = (read_snapshot(self.folder.service(peer)) or {}).get("instances", [])
        return sorted((row["port"], row["weight"]) for row in rows if row["enabled"])

    def metadata(self, peer: str) -> list[dict[str, str]]:
        rows = (read_snapshot(self.folder.service(peer)) or {}).get("instances", [])
        return [row["metadata"] for row in rows]


class Agents:
    """Makes agents in folders below `root`, and ends them all."""

    def __init__(self, nacos: Nacos, root: Path) -> None:
        self._nacos, self._root = nacos, root
        self._agents: list[AgentProcess] = []
        self._pages: list[ReadyPage] = []

    def page(self) -> ReadyPage:
        page = ReadyPage()
        self._pages.append(page)
        return page

    def make(
        self, service: str, variables: Mapping[str, str] | None = None, page: ReadyPage | None = None
    ) -> AgentProcess:
        """Not started yet."""
        home = self._root / f"{service}-{len(self._agents)}"
        made = AgentProcess(self._nacos, home, service, page or self.page(), variables)
        self._agents.append(made)
        return made

    def registered(self, service: str, variables: Mapping[str, str] | None = None) -> AgentProcess:
        """One that has made it into the registry."""
        agent = self.make(service, variables).start()
        eventually(
            lambda: agent.state.get("registered") == [service], within=15, what=f"{service} registered"
        )
        return agent

    def watching(self, service: str, variables: Mapping[str, str] | None = None) -> AgentProcess:
        """One that registers nothing and has heard of its peers."""
        agent = self.make(service, variables).start("worker")
        eventually(lambda: agent.state.get("confirmed_at"), within=15, what=f"{service} watches")
        return agent

    def close(self) -> None:
        for agent in self._agents:
            agent.stop()
        for page in self._pages:
            page.close()


@contextlib.contextmanager
def agents_of(nacos: Nacos, root: Path) -> Iterator[Agents]:
    made = Agents(nacos, root)
    try:
        yield made
    finally:
        made.close()
