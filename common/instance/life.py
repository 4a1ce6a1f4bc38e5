"""One life of an instance: starts the service and its Nacos agent, and stops them in the right order.

Room: plain. `common.launcher` is the program. Nothing is started unless the settings are whole and the doors
open, and it ends when the service ends.

SIGTERM or SIGINT stops in order: out of the registry and not ready (`/readyz` 503), the drain gap, the
service after its work in hand, the agent. A second one kills what is left. SIGHUP, USR1, TTIN and TTOU go
on to gunicorn.
"""

import importlib.util
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from common import config
from common.faults import Misconfigured
from common.instance import stopping
from common.instance.children import Child, Kept, reap
from common.instance.listening import bind_port, bind_socket
from common.instance.run_dir import RunDir
from common.log import configure, get_logger
from common.settings_table import ROOT, SUITE, Settings
from common.snapshots import SnapshotFolder, read_snapshot

log = get_logger("common.launcher")

AGENT = ("-m", "common.nacos_agent")
STOPS = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}
GUNICORNS = {signal.SIGHUP, signal.SIGUSR1, signal.SIGTTIN, signal.SIGTTOU}
WATCHED = STOPS | GUNICORNS | {signal.SIGCHLD}


class CannotStart(Misconfigured):
    """Nothing was started; the text says why and what to do."""


class Forced(Exception):
    """Somebody asked a second time."""


class Life:
    """One life of an instance. `role` is "web" or "worker"."""

    def __init__(self, settings: Settings, role: str, agent: Sequence[str] = AGENT) -> None:
        self.settings, self.role = settings, role
        self.place = RunDir(settings.run_dir, settings.slug)
        self.stops = 0
        self.agent = Kept(lambda: Child("agent", [sys.executable, *agent, role]))
        self.service: Child

    def run(self) -> int:
        """The exit status. Raises Misconfigured when nothing was started."""
        if self.settings.discovery == "nacos" and importlib.util.find_spec("v2") is None:
            raise CannotStart("DISCOVERY=nacos needs more packages: `pip install -r requirements/nacos.txt`")
        signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
        with ExitStack() as held:
            try:
                held.enter_context(self.place.claimed(self.role))
                self.service = self._start_service()
            except OSError as problem:
                raise CannotStart(
                    f"{problem.filename} cannot be used ({problem.strerror}): "
                    "set SERVICE_RUN_DIR to a folder that this user may write to"
                ) from problem
            return self._live()

    def _start_service(self) -> Child:
        if self.role == "worker":
            return Child("worker", [sys.executable, "manage.py", "worker"])
        self.place.drain_flag.unlink(missing_ok=True)  # an earlier life may have been killed while it drained
        umask = 0o077 if self.settings.is_embedded else 0o007
        doors = (
            bind_port(self.settings.service_host, self.settings.service_port),
            bind_socket(self.place.socket, umask),
        )
        self._publish(doors[0].getsockname()[1])
        command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "common" / "gunicorn.py")]
        for door in doors:
            command += ["--bind", f"fd://{door.fileno()}"]
        service = Child("web", [*command, "config.wsgi"], tuple(door.fileno() for door in doors))
        for door in doors:
            door.close()
        return service

    def _publish(self, port: int) -> None:
        """Say where we really listen: to gunicorn and the agent, the log, and whoever reads the place."""
        os.environ["SERVICE_PORT"] = str(port)
        # Gunicorn reads this one before our settings, and knows no empty variable.
        os.environ["WEB_CONCURRENCY"] = str(self.settings.web_concurrency)
        self.place.write_port(port)
        log.info("listening", host=self.settings.service_host, port=port, socket=str(self.place.socket))

    def _live(self) -> int:
        try:
            self._wait(math.inf, self._is_over, tick=1.0)
            if not self.service.alive:
                log.error("service_ended", status=self.service.process.returncode)
            self._stop()
        except Forced:
            for child in self._children():
                child.kill()
        asked, status = bool(self.stops), self.service.process.returncode
        log.info("stopped", asked=asked, status=status)
        return 0 if asked and status in (0, -signal.SIGTERM) else 1

    def _is_over(self) -> bool:
        if self.stops or not self.service.alive:
            return True
        if self.settings.discovery == "nacos":
            self.agent.keep()
        return self.agent.is_misfit

    def _stop(self) -> None:
        if self.role == "web" and self.service.alive:
            self._drain()
        self._end(self.service, stopping.SERVICE)
        if self.agent.child is not None:
            self._end(self.agent.child, stopping.AGENT)
        if self.role == "web":
            self.place.drain_flag.unlink(missing_ok=True)

    def _drain(self) -> None:
        """No new traffic, please: what still comes is answered, until everybody has noticed."""
        log.info("draining", seconds=self.settings.drain_seconds)
        try:
            self.place.drain_flag.touch()
        except OSError as problem:
            log.error("drain_flag_not_written", error=type(problem).__name__)
        if self.agent.child is not None:
            self.agent.child.signal(signal.SIGUSR1)
            self._wait(stopping.DEREGISTER, self._is_deregistered)
        self._wait(self.settings.drain_seconds, lambda: not self.service.alive)

    def _is_deregistered(self) -> bool:
        agent = self.agent.child
        if agent is None or not agent.alive:
            return True
        said = read_snapshot(SnapshotFolder.of(self.place.path).agent) or {}
        return said.get("pid") == agent.process.pid and not said.get("registered")

    def _end(self, child: Child, patience: float) -> None:
        child.signal(signal.SIGTERM)
        if not self._wait(patience, lambda: not child.alive):
            child.kill()
            self._wait(1.0, lambda: not child.alive)

    def _wait(self, seconds: float, until: Callable[[], bool], tick: float = 0.1) -> bool:
        """Heed signals until `until` holds; False when it does not within `seconds`. Raises Forced."""
        deadline = time.monotonic() + seconds
        while not until():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._heed(signal.sigtimedwait(WATCHED, min(left, tick)))
        return True

    def _heed(self, heard: signal.struct_siginfo | None) -> None:
        if heard is None:
            return
        number = signal.Signals(heard.si_signo)
        if number == signal.SIGCHLD:
            reap(self._children())
        elif number in STOPS:
            self.stops += 1
            log.info("asked_to_stop", signal=number.name, times=self.stops)
            if self.stops > 1:
                raise Forced
        elif self.role == "web":
            self.service.signal(number)

    def _children(self) -> list[Child]:
        return [child for child in (self.service, self.agent.child) if child is not None]


def service_here() -> str:
    """The service whose folder this is. Raises CannotStart in any other."""
    name = f"{Path.cwd().name.removesuffix('-service').capitalize()}Service"
    if name not in SUITE:
        folders = ", ".join(sorted(f"{one.removesuffix('Service').lower()}-service" for one in SUITE))
        raise CannotStart(f"{Path.cwd()} is no service's folder: start it in one of {folders}")
    return name


def live(role: str) -> int:
    """Run the service whose folder this is until it is stopped. Raises Misconfigured when it cannot start."""
    settings = config.load(service_here())
    configure(settings.service, role="launcher", log_file=settings.log_path, level=settings.log_level)
    return Life(settings, role).run()
