"""The building half of the small container engine: the Dockerfile's stages, as overlay layers.

This machine's own Debian stands in for `python:3.11-slim`. Every RUN, COPY, ENV, WORKDIR and USER is the
Dockerfile's, to the letter, and the context is what a fresh clone would send.
"""

import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from io import BytesIO
from pathlib import Path
from typing import Any

from tests.deploy.compose import ROOT, Dockerfile

TOOLS = ("unshare", "nsenter", "setpriv", "mount", "ip", "apt-get", "git")
# How the packages are reached is this machine's affair, also inside a build.
NETWORK = ("PIP_", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "SSL_", "REQUESTS_")


def isolated(namespaces: str) -> list[str]:
    """`unshare` of these namespaces, so that no mount made in there is seen out here.

    A root that is no mount itself (this machine is a chroot) cannot be made private as a whole; everything is
    mounted under a folder that is then.
    """
    mounted = {line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()}
    return ["unshare", namespaces, "--propagation", "private" if "/" in mounted else "unchanged"]


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
    command = [*isolated("-mn"), "sh", "-c", probe]
    tried = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if tried.returncode == 0 else f"this machine does not let us mount: {tried.stderr.strip()}"


@dataclass
class Stage:
    """A built stage: its own layer over those below, and what the instructions set."""

    root: Path
    layers: list[Path]
    environment: dict[str, str] = field(default_factory=dict)
    directory: str = "/"
    user: str = ""


class Images:
    """Everything lives in the mount and network namespace of one sleeping process, and goes with it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._holder = subprocess.Popen([*isolated("-mn"), "sleep", "infinity"])
        self._stages: dict[str, Stage] = {}
        self._wait_for_namespaces()
        self.inside(["mount", "-t", "tmpfs", "none", str(home)])
        self.inside(["mount", "--make-rprivate", str(home)])
        self.context = home / "context"
        self.write_inside(self.context, clean_context())

    def _wait_for_namespaces(self) -> None:
        ours, its = Path("/proc/self/ns/net"), Path(f"/proc/{self._holder.pid}/ns/net")
        while its.readlink() == ours.readlink():
            assert self._holder.poll() is None, "no namespaces"
            time.sleep(0.01)

    def enter(self, *, network: bool = False) -> list[str]:
        """The words before a command that runs in here; without `network` it keeps this machine's."""
        # -r: its root is ours, also where ours is not that of the mounts
        return ["nsenter", "-t", str(self._holder.pid), "-m", "-r", *(["-n"] if network else [])]

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
        self._holder.kill()
        self._holder.wait()

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
