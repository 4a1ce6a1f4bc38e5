"""The suite of every Nacos, on a real server: what the fake promises in `tests/registry` is true."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from common.testing.agents import Agents, agents_of
from common.testing.nacos_suite import *  # noqa: F403
from scripts.nacos_server.server import Server


class RealNacos:
    """A real server as the suite's `Nacos`."""

    def __init__(self, server: Server) -> None:
        self._server = server
        known = server.environment()
        self.address = known["NACOS_SERVER"]
        self.username, self.password = known["NACOS_USERNAME"], known["NACOS_PASSWORD"]
        self.namespace = known["NACOS_NAMESPACE"]
        self.publish = server.console().publish
        self.remove = server.console().delete_config

    def restart(self, *, away_seconds: float = 0.0) -> None:
        self._server.kill()
        time.sleep(away_seconds)
        self._server.start()

    def console(self, service: str, host: str, port: int, **changes: Any) -> None:
        self._server.console().change_instance(service, port, **changes)

    def registered(self, service: str) -> list[tuple[str, int, float]]:
        rows = self._server.console().instances(service)
        return sorted((row["ip"], row["port"], row["weight"]) for row in rows)


@pytest.fixture
def nacos(server: Server) -> RealNacos:
    return RealNacos(server)


@pytest.fixture
def agents(nacos: RealNacos, tmp_path: Path) -> Iterator[Agents]:
    with agents_of(nacos, tmp_path) as made:
        yield made
