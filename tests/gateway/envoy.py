"""One Envoy of a suite's own, on ports that are free, with its configuration and log in a folder."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from apisix.embedded.bootstrap import Listen, translate
from apisix.table import Table
from common.testing.processes import free_ports

ENVOY = Path(sys.executable).with_name("envoy")


@dataclass(frozen=True)
class Running:
    """Where it answers, and what it writes to stdout."""

    url: str
    metrics: str
    log: Path


@contextmanager
def envoy(table: Table, folder: Path, **given: Any) -> Iterator[Running]:
    """Envoy with `table`; `given` is `translate`'s."""
    port, metrics_port = free_ports(2)
    listen = Listen("127.0.0.1", port, metrics_port, folder / "admin.sock")
    config, log = folder / "envoy.json", folder / "gateway.log"
    config.write_text(json.dumps(translate(table, listen=listen, **given)))
    quiet = ("--disable-hot-restart", "--concurrency", "1", "-l", "error")
    with log.open("wb") as stdout, subprocess.Popen([ENVOY, "-c", config, *quiet], stdout=stdout) as process:
        try:
            _wait_for(port, process)
            yield Running(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{metrics_port}", log)
        finally:
            process.terminate()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    pytest.fail("Envoy did not start")
