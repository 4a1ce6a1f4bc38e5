"""The processes of the stack, running or left behind: found by a mark in their environment, then ended."""

import os
import signal
import subprocess
import time
import xmlrpc.client
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import SupervisorTransport

from scripts.stack import layout

_DEAD = ("FATAL", "EXITED", "BACKOFF")


def supervise() -> subprocess.Popen[bytes]:
    """Start supervisord as our child, out of reach of the terminal's Ctrl-C: we pass that on ourselves.

    What it says is in its log. It complains on stderr of a log that cannot be written, and ends when that
    fails too: a file of ours would be on the same full disk.
    """
    return subprocess.Popen(
        [f"{layout.BIN}/supervisord", "-n", "-c", str(layout.SUPERVISOR_CONF)],
        env={**os.environ, layout.MARK: str(layout.VAR)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def states() -> dict[str, str]:
    """Program -> supervisor's state ("RUNNING", "BACKOFF" …); empty while supervisord does not answer."""
    transport = SupervisorTransport(None, None, f"unix://{layout.SUPERVISOR_SOCKET}")
    server: Any = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
    try:
        answer = server.supervisor.getAllProcessInfo()
    except (OSError, xmlrpc.client.Error):
        return {}
    return {item["name"]: item["statename"] for item in answer}


def failing() -> list[str]:
    """Programs that supervisor has given up on, or is about to."""
    return [name for name, state in states().items() if state in _DEAD]


def supervisor_pid() -> int | None:
    """The running supervisord of this stack."""
    try:
        pid = int(layout.SUPERVISOR_PID.read_text())
    except (OSError, ValueError):
        return None
    return pid if pid in ours() else None


def ours() -> set[int]:
    """Every process of this stack but this one."""
    mark = f"{layout.MARK}={layout.VAR}\0".encode()
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return {pid for pid in pids if pid != os.getpid() and mark in _environ(pid)}


def stop() -> bool:
    """End everything: supervisord in order first, then whatever a crash left. False when nothing ran."""
    found = ours()
    if not found:
        return False
    pid = supervisor_pid()
    _signal({pid} if pid else found, signal.SIGTERM)
    # A service that stops in order must not hear a second signal, which would kill it.
    if not _gone(layout.stop_within() + 10):
        _signal(ours(), signal.SIGTERM)
        if not _gone(10):
            _signal(ours(), signal.SIGKILL)
            _gone(10)
    for leftover in layout.RUN.rglob("*.sock"):
        leftover.unlink()
    return True


def _gone(seconds: float) -> bool:
    until = time.monotonic() + seconds
    while ours():
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def _signal(pids: set[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _environ(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes() + b"\0"
    except OSError:  # gone, or another user's
        return b""
