"""The verbs: run (foreground), start, stop, status, reset."""

import shutil
import signal
import subprocess
import sys
from types import FrameType

from scripts.stack import layout, ports, processes
from scripts.stack.announce import announcement
from scripts.stack.prepare import CannotStart, prepare
from scripts.stack.ready import NotReady, wait

READY_WITHIN = 60.0


class Interrupted(Exception):
    """Ctrl-C, or somebody ended us."""


def run() -> int:
    """Everything in the foreground until Ctrl-C; afterwards no process is left."""
    _refuse_second_run()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        child = _launch()
        print("Ctrl-C stops everything.", flush=True)
        child.wait()
        print("supervisord ended by itself; see", layout.LOG, file=sys.stderr)
        return 1
    except Interrupted:
        print("\nStopping …", flush=True)
        return 0
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        processes.stop()


def start() -> int:
    """Everything in the background; returns when all is ready."""
    if processes.supervisor_pid():
        print("Already running; `make stop` stops it.")
        return 0
    try:
        _launch()
    except BaseException:
        processes.stop()
        raise
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
    for entry in layout.VAR.iterdir() if layout.VAR.exists() else ():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    print(f"{layout.VAR} is empty.")
    return 0


def _launch() -> subprocess.Popen[bytes]:
    processes.stop()  # what a crash left behind would hold the ports
    if taken := ports.taken(layout.service_ports()):
        raise CannotStart("\n".join(taken))
    prepare()
    child = processes.supervise()
    print(announcement(wait(READY_WITHIN, child)), flush=True)
    return child


def _refuse_second_run() -> None:
    if processes.supervisor_pid():
        raise CannotStart("The stack already runs in the background; `make stop` stops it.")


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
    except (CannotStart, NotReady) as problem:
        print(problem, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
