"""The running stack's programs, as the bench needs them: their CPU time, and the yardstick in one's place.

Room: bench.
"""

import os
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from supervisor.xmlrpc import SupervisorTransport

from scripts.stack.layout import BIN, ROOT, SUPERVISOR_SOCKET

TICK = os.sysconf("SC_CLK_TCK")
PATIENCE = 60.0
ORDER = "cfmp:order"


def _supervisor() -> Any:
    transport = SupervisorTransport(None, None, f"unix://{SUPERVISOR_SOCKET}")
    server: Any = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
    return server.supervisor


def pids() -> dict[str, int]:
    """The main process of each program of the stack."""
    return {one["name"]: one["pid"] for one in _supervisor().getAllProcessInfo() if one["pid"]}


def cpu_seconds(*mains: int) -> float:
    """What these processes and all below them have used so far."""
    parents = {pid: fields for pid in _all() if (fields := _stat(pid))}
    family, grown = set(mains), True
    while grown:
        children = {pid for pid, fields in parents.items() if int(fields[1]) in family} - family
        family, grown = family | children, bool(children)
    return sum(int(parents[pid][11]) + int(parents[pid][12]) for pid in family if pid in parents) / TICK


def _all() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def _stat(pid: int) -> list[str]:
    """The fields from the state on, of proc(5); empty when it has gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


@contextmanager
def bare_in_place(address: str, environment: dict[str, str]) -> Iterator[int]:
    """The yardstick instead of OrderService, on its port and its socket; its main process."""
    _supervisor().stopProcess(ORDER)
    command = [str(BIN / "gunicorn"), "-c", "../common/gunicorn.py", "bench.bare:application"]
    place = {"WEB_CONCURRENCY": os.environ.get("WEB_CONCURRENCY", "2"), "PYTHONPATH": str(ROOT)}
    bare = subprocess.Popen(
        command, cwd=ROOT / "order-service", env={**os.environ, **environment, **place}, stdout=sys.stderr
    )
    try:
        wait_for(f"{address}/livez")
        yield bare.pid
    finally:
        bare.terminate()
        bare.wait()
        _supervisor().startProcess(ORDER)
        wait_for(f"{address}/readyz")


def wait_for(url: str) -> None:
    """Until it answers 200. Raises TimeoutError."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            if requests.get(url, timeout=2).ok:
                return
        except requests.RequestException:
            pass
        time.sleep(0.2)
    raise TimeoutError(f"{url} does not answer")
