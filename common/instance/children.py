"""Child processes of a launcher: each in a group of its own and ended with it; one may be started again.

Room: plain. Which ones there are, and in which order they stop, is `common.instance.life`'s.
"""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable

from common.log import get_logger

log = get_logger(__name__)

FIRST_REST, LONGEST_REST = 0.5, 30.0
# The status of a program that was started with what it cannot use.
MISFIT = 2
# What a program that still boots would die of: it has no use for them before it says so itself.
_NOT_YET = (signal.SIGHUP, signal.SIGUSR1, signal.SIGTTIN, signal.SIGTTOU)
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class Child:
    """One process in a group of its own: a terminal's Ctrl-C reaches the launcher alone."""

    def __init__(self, name: str, command: list[str], keep_open: tuple[int, ...] = ()) -> None:
        self.name = name
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            command, pass_fds=keep_open, process_group=0, preexec_fn=_ended_with(os.getpid())
        )
        log.info("started", child=name, pid=self.process.pid)

    @property
    def alive(self) -> bool:
        return self.process.returncode is None

    def signal(self, number: int) -> None:
        if self.alive:
            os.kill(self.process.pid, number)

    def kill(self) -> None:
        """With all its own children."""
        if self.alive:
            log.error("killed", child=self.name, pid=self.process.pid)
            os.killpg(self.process.pid, signal.SIGKILL)


class Kept:
    """A child that is started again when it ends, after longer and longer rests.

    `is_misfit` when the first one said at once that the settings cannot be used: another would say the same.
    """

    def __init__(self, start: Callable[[], Child]) -> None:
        self.child: Child | None = None
        self.is_misfit = False
        self._starts = 0
        self._start = start
        self._rest = FIRST_REST
        self._due = 0.0

    def keep(self) -> None:
        """Start it when it does not run and its rest is over."""
        if self.child is not None and self.child.alive:
            return
        if self.child is not None:
            self._mourn(self.child)
        if time.monotonic() >= self._due:
            self._try()

    def _try(self) -> None:
        try:
            self.child = self._start()
            self._starts += 1
        except OSError as problem:  # the machine has no process or memory left: the service matters more
            self._due = time.monotonic() + LONGEST_REST
            log.error("not_started", error=type(problem).__name__, again_in=LONGEST_REST)

    def _mourn(self, child: Child) -> None:
        self.is_misfit = self._starts == 1 and child.process.returncode == MISFIT
        lived = time.monotonic() - child.started
        self._rest = FIRST_REST if lived > LONGEST_REST else min(LONGEST_REST, self._rest * 2)
        self._due = time.monotonic() + self._rest
        self.child = None
        log.error("ended", child=child.name, status=child.process.returncode, again_in=self._rest)


def reap(children: list[Child]) -> None:
    """Collect every process that has ended: ours, and as PID 1 also those whose parent went away."""
    by_pid = {child.process.pid: child for child in children}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        if pid in by_pid:
            by_pid[pid].process.returncode = os.waitstatus_to_exitcode(status)


def _ended_with(parent: int) -> Callable[[], None]:
    """What a new child does first: be told to stop when the launcher is killed, and hear signals again."""

    def prepare() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it was killed before we asked
            os._exit(1)
        for number in _NOT_YET:
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())

    return prepare
