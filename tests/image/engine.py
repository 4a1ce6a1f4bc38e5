"""A container engine in small, for machines that have none: builds the Dockerfile and runs its images.

Stages are overlay layers over this machine's own Debian, which stands in for `python:3.11-slim`. Every RUN,
COPY, ENV, WORKDIR, USER, ENTRYPOINT, CMD and HEALTHCHECK is the Dockerfile's, to the letter. A container has
mounts, process numbers and an address of its own, a read-only root, no capabilities, and the image's user.
Needs root.
"""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from io import BytesIO
from pathlib import Path
from typing import Any

from tests.deploy.compose import ROOT, Dockerfile

TOOLS = ("unshare", "nsenter", "setpriv", "mount", "ip", "apt-get", "git")
# How the packages are reached is this machine's affair, also inside a build.
NETWORK = ("PIP_", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "SSL_", "REQUESTS_")
HOST = "10.77.0.1"
ISOLATED = ("unshare", "-mnpf", "--propagation", "private", "sh", "-ec")
NOBODY = ("--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all")


def missing() -> str:
    """Why there can be no container here; empty where there can."""
    if os.getuid() != 0:
        return "only root may mount"
    if absent := [tool for tool in TOOLS if not shutil.which(tool)]:
        return f"{', '.join(absent)} not installed"
    probe = (
        "d=$(mktemp -d) && mount -t tmpfs none $d && mkdir $d/u $d/w $d/m && "
        "mount -t overlay none -o lowerdir=/,upperdir=$d/u,workdir=$d/w $d/m"
    )
    tried = subprocess.run(["unshare", "-mn", "sh", "-c", probe], capture_output=True, text=True, check=False)
    return "" if tried.returncode == 0 else f"this machine does not let us mount: {tried.stderr.strip()}"


@dataclass
class Stage:
    """A built stage: its own layer over those below, and what the instructions set."""

    root: Path
    layers: list[Path]
    environment: dict[str, str] = field(default_factory=dict)
    directory: str = "/"
    user: str = ""


class Engine:
    """Everything lives in the mount and network namespace of one sleeping process, and goes with it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._holder = subprocess.Popen(["unshare", "-mn", "--propagation", "private", "sleep", "infinity"])
        self._stages: dict[str, Stage] = {}
        self.containers: list[Container] = []
        self._wait_for_namespaces()
        self.inside(["mount", "-t", "tmpfs", "none", str(home)])
        # A bridge of no fixed address takes a port's, and changes it when that container goes.
        for words in (
            "link set lo up",
            "link add br0 address 02:00:00:00:00:01 type bridge",
            f"addr add {HOST}/24 dev br0",
            "link set br0 up",
        ):
            self.inside(["ip", *words.split()], network=True)
        self.context = home / "context"
        self.write_inside(self.context, clean_context())

    def _wait_for_namespaces(self) -> None:
        ours, its = Path("/proc/self/ns/net"), Path(f"/proc/{self._holder.pid}/ns/net")
        while its.readlink() == ours.readlink():
            assert self._holder.poll() is None, "no namespaces"
            time.sleep(0.01)

    def enter(self, *, network: bool = False) -> list[str]:
        """The words before a command that runs in here; without `network` it keeps this machine's."""
        return ["nsenter", "-t", str(self._holder.pid), "-m", *(["-n"] if network else [])]

    def inside(self, command: Sequence[str], *, network: bool = False, **options: Any) -> str:
        """Run `command` in here; its output. AssertionError with all it said when it fails."""
        done = subprocess.run(
            [*self.enter(network=network), *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            **options,
        )
        assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout[-4000:]}"
        return done.stdout

    def write_inside(self, folder: Path, tar: bytes) -> None:
        self.inside(["mkdir", "-p", str(folder)])
        subprocess.run([*self.enter(), "tar", "-xf", "-", "-C", str(folder)], input=tar, check=True)

    def close(self) -> None:
        for container in self.containers:
            container.kill()
        self._holder.kill()
        self._holder.wait()

    # ---- building
    def build(self, name: str, file: Dockerfile | None = None) -> Stage:
        """The stage called `name`, with all it stands on and copies from."""
        if name not in self._stages:
            dockerfile = file or Dockerfile()
            base, instructions = dockerfile.stages[name]
            below = self.build(base, dockerfile) if base in dockerfile.stages else self._machine()
            stage = self._layer(name, below)
            for word, rest in instructions:
                self._follow(stage, word, rest)
            self._stages[name] = stage
        return self._stages[name]

    def _machine(self) -> Stage:
        """What stands in for the Python image: this Debian, this Python, and no sign of the checkout."""
        if "machine" not in self._stages:
            stage = self._layer("machine", Stage(Path("/"), []))
            programs = Path(sys.base_prefix) / "bin"
            reach = " ".join(str(one) for one in programs.parents)
            self._in(stage, f"ln -sf python3.{sys.version_info.minor} {programs}/python && chmod a+x {reach}")
            hidden = stage.root / ROOT.relative_to("/")
            self.inside(["mount", "-t", "tmpfs", "none", str(hidden)])
            stage.environment["PATH"] = (
                f"{programs}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
            )
            self._stages["machine"] = stage
        return self._stages["machine"]

    def _layer(self, name: str, below: Stage) -> Stage:
        upper, work, root = (self.home / kind / name for kind in ("upper", "work", "root"))
        self.inside(["mkdir", "-p", str(upper), str(work), str(root)])
        layers = [upper, *below.layers]
        lower = ":".join([*map(str, below.layers), "/"])
        options = f"lowerdir={lower},upperdir={upper},workdir={work}"
        self.inside(["mount", "-t", "overlay", "overlay", "-o", options, str(root)])
        self.inside(["mount", "--bind", "/dev", str(root / "dev")])
        self.inside(["mount", "-t", "proc", "proc", str(root / "proc")])
        return Stage(root, layers, dict(below.environment), below.directory, below.user)

    def _follow(self, stage: Stage, word: str, rest: str) -> None:
        match word:
            case "RUN":
                self._in(stage, self._with_cache(stage, rest))
            case "COPY":
                self._copy(stage, rest.split())
            case "ENV":
                for name, value in (pair.split("=", 1) for pair in shlex.split(rest)):
                    stage.environment[name] = value.replace("$PATH", stage.environment["PATH"])
            case "WORKDIR":
                stage.directory = rest
                self.inside(["mkdir", "-p", f"{stage.root}{rest}"])
            case "USER":
                stage.user = rest
            case "ARG" | "LABEL" | "EXPOSE" | "STOPSIGNAL" | "HEALTHCHECK" | "ENTRYPOINT" | "CMD":
                pass  # read from the Dockerfile when a container starts
            case _:
                raise AssertionError(f"this small engine does not know {word}")

    def _with_cache(self, stage: Stage, command: str) -> str:
        """A cache mount is this machine's own cache of pip, for the length of one RUN."""
        flag = "--mount=type=cache,target="
        if not command.startswith(flag):
            return command
        place, _, rest = command.removeprefix(flag).partition(" ")
        cache = Path.home() / ".cache" / "pip"
        cache.mkdir(parents=True, exist_ok=True)
        self.inside(["mkdir", "-p", f"{stage.root}{place}"])
        self.inside(["mount", "--bind", str(cache), f"{stage.root}{place}"])
        return f"{rest}; status=$?; umount {place}; exit $status"

    def _in(self, stage: Stage, command: str) -> None:
        ways = {name: value for name, value in os.environ.items() if name.startswith(NETWORK)}
        environment = [
            f"{name}={value}"
            for name, value in {**ways, "DEBIAN_FRONTEND": "noninteractive", **stage.environment}.items()
        ]
        self.inside(
            [
                "chroot",
                str(stage.root),
                "env",
                "-i",
                *environment,
                "sh",
                "-c",
                f"cd {stage.directory} && {command}",
            ]
        )

    def _copy(self, stage: Stage, words: list[str]) -> None:
        source_root = self.context
        if words[0].startswith("--from="):
            source_root = self.build(words.pop(0).removeprefix("--from=")).root
        *sources, target = words
        there = Path(target) if target.startswith("/") else Path(stage.directory) / target
        to = f"{stage.root}{there}"
        is_folder = target.endswith("/") or len(sources) > 1
        self.inside(["mkdir", "-p", to if is_folder else str(Path(to).parent)])
        for source in sources:
            here = f"{source_root}/{source.strip('/')}"
            # As COPY does: a folder's content, or a file.
            self.inside(
                ["sh", "-c", f"if [ -d {here} ]; then cp -a {here}/. $0; else cp -a {here} $0; fi", to]
            )

    # ---- running
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
                [*engine.enter(network=True), *ISOLATED, self._script(address, mounts, [*entry, *command])],
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
        lines.append(f"exec {shlex.join(self._as_user(command))}")
        return "\n".join(lines)

    def _as_user(self, command: Sequence[str]) -> list[str]:
        user, _, group = self._stage.user.partition(":")
        given = [f"{name}={value}" for name, value in self.environment.items()]
        words = ["cd", self._stage.directory]
        inner = f"{shlex.join(words)} && exec {shlex.join(command)}"
        person = ["setpriv", "--reuid", user, "--regid", group, *NOBODY]
        return ["chroot", str(self._stage.root), *person, "env", "-i", *given, "sh", "-c", inner]

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
        enter = ["nsenter", "-t", str(self.pid), "-m", "-p", "-n"]
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


def clean_context() -> bytes:
    """What `docker build .` would send of a fresh clone: HEAD, less what .dockerignore keeps out. A tar."""
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True).stdout
    patterns = [
        line for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] not in {"", "#"}
    ]
    found = BytesIO()
    with tarfile.open(fileobj=BytesIO(archive)) as all_, tarfile.open(fileobj=found, mode="w") as kept:
        for member in all_.getmembers():
            if member.isfile() and not ignored(member.name, patterns):
                kept.addfile(member, all_.extractfile(member))
    return found.getvalue()


def ignored(path: str, patterns: Sequence[str]) -> bool:
    """As Docker judges it: the last pattern that names the path, or a folder above it, wins."""
    verdict = False
    for pattern in patterns:
        refuses = not pattern.startswith("!")
        if _names(path, pattern.lstrip("!")):
            verdict = refuses
    return verdict


def _names(path: str, pattern: str) -> bool:
    parts = path.split("/")
    if pattern.startswith("**/"):
        return any(fnmatch(part, pattern[3:]) for part in parts)
    depth = pattern.count("/") + 1
    return fnmatch("/".join(parts[:depth]), pattern)
