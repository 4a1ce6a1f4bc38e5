"""The files of one running instance: its socket, port, drain flag and lock.

Room: plain. Two instances of one service on one machine have a SERVICE_RUN_DIR each, so that neither
finds the other's files. Several services may share a place: each file carries the service's short name.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from common.faults import Misconfigured
from common.whole_files import write_whole


class RunDirTaken(Misconfigured):
    """Another instance runs in this place; the text says what to do."""


@dataclass(frozen=True)
class RunDir:
    """Where the instance of the service called `slug` ("order") keeps what only lives while it runs."""

    path: Path
    slug: str

    @property
    def socket(self) -> Path:
        """The door of a gateway on the same machine."""
        return self.path / f"{self.slug}.sock"

    @property
    def port(self) -> Path:
        """Holds the TCP port it really listens on, for SERVICE_PORT=0."""
        return self.path / f"{self.slug}.port"

    def write_port(self, port: int) -> None:
        """In one step: a reader never meets half a number."""
        write_whole(self.port, f"{port}\n", 0o644)

    @property
    def drain_flag(self) -> Path:
        """While this file exists the instance asks for no new traffic."""
        return self.path / f"{self.slug}.drain"

    @contextmanager
    def claimed(self, role: str) -> Iterator[None]:
        """Make the place, and have it alone for one role ("web" or "worker"). Raises RunDirTaken, OSError."""
        self.path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path / f"{self.slug}-{role}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise RunDirTaken(
                f"another {self.slug} {role} runs in {self.path}: stop it, "
                "or give this one a SERVICE_RUN_DIR of its own"
            ) from None
        finally:
            os.close(descriptor)
