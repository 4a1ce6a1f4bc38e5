"""Is a port free, and if not, whose is it? Read from /proc, so no tool needs to be installed."""

import pwd
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

_LISTEN = "0A"


def taken(ports: Mapping[str, int]) -> list[str]:
    """One sentence per port that something else holds."""
    return [
        f"port {port} ({name}) is taken by {owner_of(port)}"
        for name, port in ports.items()
        if not _free(port)
    ]


def owner_of(port: int) -> str:
    """The process that listens on `port`, as far as this user may see it."""
    for inode, uid in _listeners(port):
        for pid in _pids():
            if _holds(pid, inode):
                return f"process {pid} ({_command(pid)})"
        return f"a process of user {_user(uid)}, which this user may not look at"
    return "a process that cannot be seen from here (another container?)"


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _listeners(port: int) -> Iterator[tuple[str, int]]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:] if Path(table).exists() else ():
            fields = line.split()
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9], int(fields[7])


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _holds(pid: int, inode: str) -> bool:
    try:
        return any(
            str(entry.readlink()) == f"socket:[{inode}]" for entry in Path(f"/proc/{pid}/fd").iterdir()
        )
    except OSError:  # gone, or another user's
        return False


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()[:120]
    except OSError:
        return "gone by now"


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
