"""A real Nacos server for these suites, on ports of its own."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from common.service_registry import NacosRegistry
from common.testing.processes import eventually
from scripts.nacos_server.console import Console
from scripts.nacos_server.jars import CannotStart, class_path, missing_tools
from scripts.nacos_server.server import OFFSETS, Server
from scripts.stack import ports
from tests import missing
from tests.nacos.instances import Instance, Site, site
from tests.nacos.network import Network, network

pytest.register_assert_rewrite("common.testing.nacos_suite")


def why_none() -> str:
    """Why there is no real Nacos here; empty when there is one."""
    if why := os.environ.get("CFMP_NO_NACOS") or missing_tools():
        return why
    try:
        class_path()
    except CannotStart as problem:
        return str(problem)
    return ""


def demand() -> None:
    """Skips where there is none."""
    if why := why_none():
        missing.skip(f"the real Nacos was not tested: {why}")


def free_block() -> int:
    """A port with which all of a server's ports are free, away from those of `make nacos`."""
    start = 18848 + (os.getpid() % 1000) * 4
    return next(
        port
        for port in range(start, start + 4000, 4)
        if not ports.taken({name: port + offset for name, offset in OFFSETS.items()})
    )


@contextmanager
def own_server() -> Iterator[Server]:
    """A server with a folder of its own, not started; gone afterwards, however it ended."""
    demand()
    home = Path(tempfile.mkdtemp(prefix="cfmp-nacos-"))
    server = Server(home, free_block())
    try:
        yield server
    finally:
        server.kill()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One running server for all suites here; who stops it starts it again."""
    with own_server() as server:
        server.start()
        yield server


@pytest.fixture
def console(server: Server) -> Console:
    """The operator's hand on it."""
    return server.console()


@dataclass(frozen=True)
class World:
    """Two OrderService instances of weight 1 and 3, and what a PaymentService knows of them."""

    server: Server
    network: Network
    site: Site
    light: Instance
    heavy: Instance
    caller: Instance

    @property
    def registry(self) -> NacosRegistry:
        return self.caller.registry

    def ports(self) -> set[int]:
        """What the caller would call."""
        return {one.port for one in self.registry.instances("OrderService")}

    def listed(self) -> set[int]:
        """What the console shows as enabled and healthy."""
        rows = self.server.console().instances("OrderService")
        return {row["port"] for row in rows if row["enabled"] and row["healthy"]}

    def is_whole(self) -> bool:
        return self.ports() == {self.light.port, self.heavy.port}


@pytest.fixture(scope="session")
def site_of_all(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    port = free_block()
    variables = {**server.environment(), "NACOS_SERVER": f"127.0.0.1:{port}"}
    folder = tmp_path_factory.mktemp("site")
    with network(port, server.port) as net, site(folder, variables) as here:
        here.migrate("order-service")
        light = here.instance("order-service", "light", SERVICE_WEIGHT="1")
        heavy = here.instance("order-service", "heavy", SERVICE_WEIGHT="3")
        caller = here.instance("payment-service", "caller", role="agent")
        yield World(server, net, here, light, heavy, caller)


@pytest.fixture
def world(site_of_all: World) -> Iterator[World]:
    """All is well before each test, and made well after it."""
    whole(site_of_all)
    yield site_of_all
    site_of_all.network.heal()


def whole(world: World) -> None:
    """Both instances run and the caller knows it."""
    world.server.start()
    for one in (world.light, world.heavy, world.caller):
        if one.process.poll() is not None:
            one.start()
    eventually(world.is_whole, 60, f"the caller does not know both: {world.ports()}")
