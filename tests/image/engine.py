"""A container engine in small, for machines that have none: builds the Dockerfile and runs its images.

`tests.image.build` builds. A container runs by the Dockerfile's ENTRYPOINT, CMD and HEALTHCHECK, and has
mounts, process numbers and an address of its own, a read-only root, no capabilities, and the image's user.
Needs root.
"""

import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.deploy.compose import Dockerfile
from tests.image.build import Images, Stage, isolated

HOST = "10.77.0.1"
NOBODY = ("--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all")


class Engine(Images):
    """The images, a bridge, and the containers on it."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.containers: list[Container] = []
        # A bridge of no fixed address takes a port's, and changes it when that container goes.
        for words in (
            "link set lo up",
            "link add br0 address 02:00:00:00:00:01 type bridge",
            f"addr add {HOST}/24 dev br0",
            "link set br0 up",
        ):
            self.inside(["ip", *words.split()], network=True)

    def run(
        self, service: Mapping[str, Any], *, address: str, mounts: Mapping[str, Path], **changed: str
    ) -> "Container":
        """A container of a compose service; `mounts` are folders of this machine by their place inside."""
        image = service["build"]["target"]
        container = Container(self, self.build(image), image, service, address, mounts, changed)
        self.containers.append(container)
        wire = f"v{len(self.containers)}"
        peer = ["peer", "name", "eth0", "netns", str(container.pid)]
        self.inside(["ip", "link", "add", wire, "type", "veth", *peer], network=True)
        self.inside(["ip", "link", "set", wire, "master", "br0", "up"], network=True)
        return container

    def close(self) -> None:
        for container in self.containers:
            container.kill()
        super().close()


class Container:
    """A running one. Its output is in `log`."""

    def __init__(
        self,
        engine: Engine,
        stage: Stage,
        image: str,
        service: Mapping[str, Any],
        address: str,
        mounts: Mapping[str, Path],
        changed: Mapping[str, str],
    ) -> None:
        file = Dockerfile()
        self._engine, self._stage, self._service = engine, stage, service
        self._image, self._file = image, file
        self.environment = {
            **stage.environment,
            **service.get("environment", {}),
            **changed,
            "HOME": "/nonexistent",
        }
        entry = service.get("entrypoint") or json.loads(file.last(image, "ENTRYPOINT"))
        command = service.get("command") or (
            [] if "entrypoint" in service else json.loads(file.last(image, "CMD"))
        )
        self.log = engine.home.parent / f"{image}-{len(engine.containers)}.log"
        with self.log.open("wb") as log:
            self._unshare = subprocess.Popen(
                [
                    *engine.enter(network=True),
                    *isolated("-mnpf"),
                    "sh",
                    "-ec",
                    self._script(address, mounts, [*entry, *command]),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _script(self, address: str, mounts: Mapping[str, Path], command: Sequence[str]) -> str:
        """The steps of an engine, then the command as process 1."""
        root = shlex.quote(str(self._stage.root))
        lines = [
            "ip link set lo up",
            "until ip link show eth0 >/dev/null 2>&1; do sleep 0.05; done",
            f"ip addr add {address}/24 dev eth0; ip link set eth0 up",
            f"mount -t proc proc {root}/proc",
            f"mount -t tmpfs -o mode=1777 none {root}/dev/shm",
        ]
        for one in self._service.get("tmpfs", ()):
            place, _, options = one.partition(":")
            lines.append(f"mount -t tmpfs -o {options or 'mode=1777'} none {root}{place}")
        for place, folder in mounts.items():
            make = "mkdir -p" if folder.is_dir() else "touch"
            lines.append(f"mkdir -p $(dirname {root}{place}); [ -e {root}{place} ] || {make} {root}{place}")
            lines.append(f"mount --bind {folder} {root}{place}")
        if self._service.get("read_only"):
            lines.append(f"mount -o remount,ro,bind {root}")
        lines.append(f"exec chroot {root} {shlex.join(self._as_user(command))}")
        return "\n".join(lines)

    def _as_user(self, command: Sequence[str]) -> list[str]:
        user, _, group = self._stage.user.partition(":")
        given = [f"{name}={value}" for name, value in self.environment.items()]
        words = ["cd", self._stage.directory]
        inner = f"{shlex.join(words)} && exec {shlex.join(command)}"
        person = ["setpriv", "--reuid", user, "--regid", group, *NOBODY]
        return [*person, "env", "-i", *given, "sh", "-c", inner]

    @property
    def pid(self) -> int:
        """Process 1 of the container, by this machine's number."""
        # nsenter becomes unshare, whose one child is process 1 of the new numbers.
        children = Path(f"/proc/{self._unshare.pid}/task/{self._unshare.pid}/children")
        while not (found := children.read_text().split()):
            assert self._unshare.poll() is None, f"it has ended:\n{self.said()}"
            time.sleep(0.01)
        return int(found[0])

    def execute(self, command: Sequence[str], user: bool = True) -> subprocess.CompletedProcess[str]:
        """`docker exec`: a command beside what runs."""
        words = self._as_user(command) if user else list(command)
        enter = ["nsenter", "-t", str(self.pid), "-m", "-p", "-n", "-r"]
        return subprocess.run([*enter, *words], capture_output=True, text=True, timeout=60, check=False)

    def healthy(self) -> bool:
        """What its health check says: the service's own in the compose file, else the image's."""
        own = (self._service.get("healthcheck") or {}).get("test")
        check = (
            own[1:] if own else json.loads(self._file.last(self._image, "HEALTHCHECK").partition(" CMD ")[2])
        )
        return self.execute(check).returncode == 0

    def wait_healthy(self, seconds: float = 90) -> None:
        until = time.monotonic() + seconds
        while not self.healthy():
            assert self._unshare.poll() is None and time.monotonic() < until, f"not healthy:\n{self.said()}"
            time.sleep(0.5)

    def stop(self) -> float:
        """`docker stop`: STOPSIGNAL to process 1; how long it took. AssertionError past stop_grace_period."""
        grace = float(str(self._service["stop_grace_period"]).removesuffix("s"))
        started = time.monotonic()
        os.kill(self.pid, signal.Signals[self._file.last(self._image, "STOPSIGNAL")])
        self.status = self._unshare.wait(grace)
        return time.monotonic() - started

    def wait(self, seconds: float = 120) -> int:
        """Of one that ends by itself: its exit status."""
        return self._unshare.wait(seconds)

    def said(self) -> str:
        return self.log.read_text(errors="replace")[-6000:]

    def kill(self) -> None:
        if self._unshare.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
            self._unshare.wait(10)
