"""Real instances of real services: launcher, gunicorn and agent, each in a place of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.service_registry import NacosRegistry
from common.snapshots import SnapshotFolder, read_snapshot
from common.testing.processes import eventually, processes_with

ROOT = Path(__file__).resolve().parents[2]


class Instance:
    """One of them. `role` is web, worker, or agent: an agent alone, which only listens."""

    def __init__(self, folder: str, place: Path, environment: dict[str, str], role: str = "web") -> None:
        self.slug = folder.removesuffix("-service")
        self.place = place
        self.log = place.with_suffix(".log")
        self._folder = ROOT / folder
        self._role = role
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "CFMP_MODE": "embedded",
            "LOG_FILE": "off",
            "SERVICE_PORT": "0",
            "SERVICE_RUN_DIR": str(place),
            "WEB_CONCURRENCY": "1",
            "DRAIN_SECONDS": "0",
            **environment,
        }

    def start(self, **more: str) -> "Instance":
        """Only starts it; `port` waits for the door, the registry knows when it is ready."""
        module = ["common.nacos_agent"] if self._role == "agent" else ["common.launcher", self._role]
        (self.place / f"{self.slug}.port").unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *module, *(["worker"] if self._role == "agent" else [])],
                cwd=self._folder,
                env={**self._environment, **more},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    @property
    def port(self) -> int:
        """The port that it picked."""
        file = self.place / f"{self.slug}.port"
        eventually(lambda: file.exists() or self.process.poll() is not None, 20, "no port")
        return int(file.read_text())

    @property
    def agent(self) -> dict[str, object]:
        """What its agent says about itself."""
        return read_snapshot(SnapshotFolder.of(self.place).agent) or {}

    @property
    def registry(self) -> NacosRegistry:
        """What it knows of its peers."""
        return NacosRegistry(SnapshotFolder.of(self.place))

    def stop(self) -> None:
        """In order, as a supervisor would."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def kill(self) -> None:
        """SIGKILL for every process of it at once, as when the power fails."""
        for pid in processes_with(f"SERVICE_RUN_DIR={self.place}"):
            os.kill(pid, signal.SIGKILL)
        self.process.wait(10)

    def kill_agent(self) -> None:
        """SIGKILL for the agent alone."""
        os.kill(int(str(self.agent["pid"])), signal.SIGKILL)


class Site:
    """One machine's worth of instances, on databases of its own."""

    def __init__(self, var: Path, environment: dict[str, str]) -> None:
        self.var = var
        self.environment = {"CFMP_VAR_DIR": str(var), **environment}
        self.instances: list[Instance] = []

    def migrate(self, folder: str) -> None:
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--no-input", "--verbosity", "0"],
            cwd=ROOT / folder,
            env={**os.environ, **self.environment, "CFMP_MODE": "embedded", "LOG_FILE": "off"},
            check=True,
            timeout=120,
        )

    def instance(self, folder: str, name: str, role: str = "web", **more: str) -> Instance:
        """Started; a name of its own is a place of its own."""
        made = Instance(folder, self.var / "run" / name, {**self.environment, **more}, role)
        made.place.mkdir(parents=True, exist_ok=True)
        self.instances.append(made)
        return made.start()

    def close(self) -> None:
        for one in self.instances:
            if one.process.poll() is None:
                one.kill()


@contextmanager
def site(var: Path, environment: dict[str, str]) -> Iterator[Site]:
    """Nothing of it is left afterwards."""
    made = Site(var, environment)
    try:
        yield made
    finally:
        made.close()
