"""The verbs: run (foreground), start, stop, status, reset."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from scripts.nacos_server.jars import CannotStart as NoNacos
from scripts.nacos_server.server import Server
from scripts.stack import layout, ports, processes, registry
from scripts.stack.announce import announcement
from scripts.stack.prepare import CannotStart, prepare
from scripts.stack.ready import NotReady, wait

READY_WITHIN = 60.0
# Java takes its time on a busy machine, and an agent looks again every few seconds.
READY_WITH_NACOS = 120.0
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(Exception):
    """Ctrl-C, or somebody ended us."""


def run() -> int:
    """Everything in the foreground until Ctrl-C; afterwards no process is left."""
    for number in ENDINGS:
        signal.signal(number, _interrupt)
    try:
        child = _launch()
        if child is None:
            raise CannotStart("The stack already runs in the background; `make stop` stops it.")
        print("Ctrl-C stops everything.", flush=True)
        status = child.wait()
        print(f"Stopped from elsewhere; supervisord's own words are in {layout.LOG}.")
        return 1 if status else 0
    except Interrupted:
        _stop_undisturbed()
        return 0


def start() -> int:
    """Everything in the background; returns when all is ready."""
    if _launch() is None:
        print("Already running; `make stop` stops it.")
    return 0


def stop() -> int:
    """Returns when every process is gone."""
    print("Stopped." if processes.stop() else "Nothing was running.")
    return 0


def status() -> int:
    """Each program and its state; 1 when not all run."""
    found = processes.states()
    for name, state in found.items():
        print(f"  {name:<22} {state}")
    return 0 if found and set(found.values()) == {"RUNNING"} else 1


def reset() -> int:
    """Stop, then forget everything that a run made: databases, secrets, logs."""
    processes.stop()
    Server(layout.VAR / "nacos").stop()
    for entry in layout.VAR.iterdir() if layout.VAR.exists() else ():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    print(f"{layout.VAR} is empty.")
    return 0


def _launch() -> subprocess.Popen[bytes] | None:
    """The supervisor of a stack that is ready; None when one runs already. Half a stack is taken down."""
    with _alone():
        if processes.supervisor_pid():
            return None
        processes.stop()  # what a crash left behind would hold the ports
        if taken := ports.taken(layout.service_ports()):
            raise CannotStart("\n".join(taken))
        nacos = registry.join()
        prepare(registry.program(nacos))
        try:
            child = processes.supervise()
            seconds = wait(READY_WITH_NACOS if nacos else READY_WITHIN, child, nacos)
            _say(announcement(seconds, nacos))
        except BaseException:  # Ctrl-C too
            processes.stop()
            raise
        return child


@contextmanager
def _alone() -> Iterator[None]:
    """Of two who start at once, the second waits and then finds the first one's stack."""
    layout.RUN.mkdir(parents=True, exist_ok=True)
    with (layout.RUN / "start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _say(text: str) -> None:
    """Print it. Whoever reads may have heard enough (`make start | head -1`): that stops no stack."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _stop_undisturbed() -> None:
    # A second Ctrl-C, from somebody impatient, must not leave half of it running.
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)
    print("\nStopping …", flush=True)
    processes.stop()


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupted


VERBS = {"run": run, "start": start, "stop": stop, "status": status, "reset": reset}


def main() -> int:
    """The exit status of the verb on the command line."""
    if len(sys.argv) != 2 or sys.argv[1] not in VERBS:
        print(f"usage: python -m scripts.stack {'|'.join(VERBS)}", file=sys.stderr)
        return 2
    try:
        return VERBS[sys.argv[1]]()
    except (CannotStart, NoNacos, NotReady) as problem:
        print(problem, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
