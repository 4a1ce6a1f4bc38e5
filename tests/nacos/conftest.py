"""A real Nacos server for these suites, on ports of its own."""

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scripts.nacos_server.console import Console
from scripts.nacos_server.jars import CannotStart, class_path, missing_tools
from scripts.nacos_server.server import OFFSETS, Server
from scripts.stack import ports


def missing() -> str:
    """Why there is no real Nacos here; empty when there is one."""
    if why := os.environ.get("CFMP_NO_NACOS") or missing_tools():
        return why
    try:
        class_path()
    except CannotStart as problem:
        return str(problem)
    return ""


def demand() -> None:
    """Skip loudly where there is none; fail where CI runs as root, where everything can be had."""
    if not (why := missing()):
        return
    text = f"the real Nacos was not tested: {why}"
    if os.environ.get("CI") == "true" and os.getuid() == 0:
        pytest.fail(text)
    warnings.warn(text, stacklevel=2)
    print(f"\n!!! {text}\n", flush=True)
    pytest.skip(text)


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
