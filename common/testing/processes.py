"""For suites that start real programs: free ports, made-up keys, waiting with a bound, and what still lives.

Room: testing.
"""

import shutil
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from common import config
from common.embedded import embedded_environment


def free_ports(count: int) -> list[int]:
    """So many different ones. Nobody holds them: start the program soon."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def free_port() -> int:
    return free_ports(1)[0]


def give_secrets(var_dir: Path) -> None:
    """Copy this checkout's made-up keys to a `var` of a test's own: making new ones costs a second."""
    ours = config.var_dir_of(config.read_environment())
    embedded_environment(ours, "OrderService")
    shutil.copytree(ours / "secrets", var_dir / "secrets")


def eventually(true: Callable[[], object], within: float, what: str = "") -> float:
    """Wait until `true()` holds; how long that took. Fails after `within` seconds."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > within:
            raise AssertionError(f"not within {within:g} s: {what or true}")
        time.sleep(0.03)
    return time.monotonic() - began


def processes_with(variable: str) -> dict[int, str]:
    """The living processes that were started with `NAME=value`: pid and command line."""
    mark, found = f"\0{variable}\0".encode(), {}
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark in b"\0" + (entry / "environ").read_bytes() + b"\0":
                words = (entry / "cmdline").read_bytes().split(b"\0")
                found[int(entry.name)] = b" ".join(words).decode(errors="replace").strip()
        except OSError:
            continue
    return {pid: command for pid, command in found.items() if command}
