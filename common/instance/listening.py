"""The doors of an instance, opened before anything starts: a TCP port, and a unix socket for a gateway.

Room: plain. They are bound and handed to gunicorn, which listens when it is ready. So a taken port is known
at once, a free one (SERVICE_PORT=0) is nobody else's from the moment it is found, and nobody waits at a door
behind which the service still boots.
"""

import errno
import os
import socket
from pathlib import Path

from common.faults import Misconfigured


class CannotListen(Misconfigured):
    """A door cannot be opened; the text says why and what to do."""


# A unix socket's path may not be longer than this (sun_path, less the terminating zero).
LONGEST_SOCKET_PATH = 107


def bind_port(host: str, port: int) -> socket.socket:
    """A TCP socket bound to `host`; port 0 takes a free one. Raises CannotListen."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError):
        raise CannotListen(f"SERVICE_HOST={host} is no address of this machine: set one it has") from None
    door = socket.socket(family, kind, protocol)
    # A given port may still have connections of an earlier life; a free one must be nobody's at all.
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(port != 0))
    try:
        door.bind(address)
    except OSError as problem:
        door.close()
        raise CannotListen(_why_not(host, port, problem)) from None
    return door


def bind_socket(path: Path, umask: int) -> socket.socket:
    """A unix socket at `path`, in place of one an earlier life left behind. Raises CannotListen."""
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        raise CannotListen(f"{path} is too long for a unix socket: set SERVICE_RUN_DIR to a shorter path")
    door = socket.socket(socket.AF_UNIX)
    before = os.umask(umask)
    try:
        path.unlink(missing_ok=True)
        door.bind(str(path))
    except OSError as problem:
        door.close()
        raise CannotListen(
            f"{path} cannot be made ({problem.strerror}): set SERVICE_RUN_DIR to a writable folder"
        ) from None
    finally:
        os.umask(before)
    return door


def _why_not(host: str, port: int, problem: OSError) -> str:
    if problem.errno == errno.EADDRINUSE:
        cure = "`ss -ltnp` names the process: end it, or set another SERVICE_PORT"
        return f"port {port} on {host} is taken; {cure}"
    if problem.errno == errno.EACCES:
        return f"port {port} is not allowed to this user: set a SERVICE_PORT of 1024 or more"
    return f"{host}:{port} cannot be listened on ({problem.strerror}): set SERVICE_HOST and SERVICE_PORT"
