"""One launched instance of the miniature service: a real launcher, a real gunicorn, real signals."""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from common.testing.processes import processes_with

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 30.0

WSGI = """
import subprocess
from common.tests.wsgi import application as service

def application(environ, start_response):
    if environ["PATH_INFO"] == "/orphan":
        subprocess.run(["sh", "-c", "sleep 0.1 &"])
    return service(environ, start_response)
"""
# A worker that hears SIGTERM and finishes; one that does not.
MANAGE = """
import os, signal, sys, time
print("working", os.getpid(), flush=True)
told = []
signal.signal(signal.SIGTERM, signal.SIG_IGN if os.environ.get("DEAF") else lambda *_: told.append(1))
while not told:
    time.sleep(0.05)
time.sleep(0.3)
print("finished", flush=True)
"""


def service_folder(folder: Path) -> Path:
    """A folder that looks like a service to the launcher."""
    home = folder / "order-service"
    (home / "config").mkdir(parents=True, exist_ok=True)
    (home / "config" / "__init__.py").touch()
    (home / "config" / "wsgi.py").write_text(WSGI)
    (home / "manage.py").write_text(MANAGE)
    return home


class Instance:
    """`python -m common.launcher ROLE` in the folder `home`, its files in `run`."""

    def __init__(
        self,
        home: Path,
        run: Path,
        *,
        role: str = "web",
        module: str = "common.launcher",
        under: tuple[str, ...] = (),
        **variables: str,
    ) -> None:
        self.run = run
        self.log = run.with_suffix(f".{role}.log")
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": "common.tests.settings",
            # A database that is there; which one makes no difference here.
            "CFMP_DB_ENGINE": "sqlite",
            "CFMP_VAR_DIR": str(home.parent / "var"),
            "SERVICE_RUN_DIR": str(run),
            "SERVICE_PORT": "0",
            "WEB_CONCURRENCY": "1",
            "LAUNCHED": str(run),
            **variables,
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*under, sys.executable, "-m", module, role],
                cwd=home,
                env=environment,
                stdout=log,
                stderr=log,
            )

    def __enter__(self) -> "Instance":
        return self

    def __exit__(self, *raised: object) -> None:
        for pid in [self.process.pid, *self.pids()]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()

    @property
    def port(self) -> int:
        return int((self.run / "order.port").read_text())

    def said(self) -> str:
        return self.log.read_text()

    def agent_said(self) -> list[str]:
        file = self.run / "agent.log"
        return file.read_text().splitlines() if file.exists() else []

    def ready(self) -> "Instance":
        self.until(lambda: self.ask("/readyz")[0] == 200)
        return self

    def until(self, holds: Callable[[], object]) -> None:
        """Wait for it; its end or a long time is a failure."""
        deadline = time.monotonic() + PATIENCE
        while not holds():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)

    def ask(self, path: str) -> tuple[int, str]:
        """Status and the Connection header; 0 when nobody answers."""
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.getheader("Connection") or ""
        except (OSError, http.client.HTTPException):
            return 0, ""

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def ends(self) -> int:
        return self.process.wait(PATIENCE)

    def pids(self, what: str = "") -> list[int]:
        """Its living processes, the launcher left out, whose command line has `what`."""
        living = processes_with(f"LAUNCHED={self.run}")
        return sorted(pid for pid, words in living.items() if pid != self.process.pid and what in words)
