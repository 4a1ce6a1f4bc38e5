"""The doomed twins of the stack's programs: started by the test, killed by their own hand (see `doom`)."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from common.testing.processes import free_port
from scripts.storyteller import eventually
from tests.conftest import ROOT, Stack

HERE = Path(__file__).resolve().parent
# A process that does not keep its appointment, or does not end, is a failure of the test.
PATIENCE = 60.0


@dataclass(frozen=True)
class Point:
    """One moment of one process: the `number`-th time that it does what `name` says."""

    name: str
    number: int
    moment: str

    def __str__(self) -> str:
        return f"{self.moment} {self.name} #{self.number}"


class Twin:
    """A program that dies when it is told to. `file` is where its appointment lies."""

    def __init__(self, stack: Stack, program: str) -> None:
        self.stack, self.program = stack, program
        self.folder = program.removesuffix("-worker").removesuffix("-notifier")
        self.folder = self.folder if self.folder == "sandbox" else f"{self.folder}-service"
        self.file = stack.var / "doom" / f"{program}.json"
        self.file.parent.mkdir(exist_ok=True)
        self.kept = self.file.with_suffix(".kept")
        self._seen = self.file.with_suffix(".seen")
        self.log = (stack.var / "log" / f"doomed-{program}.log").open("ab")

    def appoint(self, about: Sequence[str], point: Point | None = None, *, commits: bool = False) -> None:
        """Die at `point`; without one, note down every point that `about` has."""
        order: dict[str, object] = {"about": list(about), "commits": commits}
        if point is not None:
            order["at"] = [point.name, point.number, point.moment]
        for old in (self.kept, self._seen):
            old.unlink(missing_ok=True)
        temporary = self.file.with_suffix(".new")
        temporary.write_text(json.dumps(order))
        temporary.rename(self.file)

    def forget(self) -> None:
        self.file.unlink(missing_ok=True)

    def points(self) -> list[Point]:
        """What was noted down: before and after each call, after each commit and each step of a saga (before
        it is after what precedes it)."""
        found = []
        for line in self._seen.read_text().splitlines():
            name, number = line.split("\t")
            moments = ("after",) if name.split()[0] in ("COMMIT", "step", "undo") else ("before", "after")
            found += [Point(name, int(number), moment) for moment in moments]
        return found

    @property
    def has_died(self) -> bool:
        return self.kept.exists()


class WorkerTwin(Twin):
    """`manage.py worker --once` (or the notifier's) in a fork of a process that is set up already."""

    @contextmanager
    def running(self) -> Iterator["WorkerTwin"]:
        command = "notifier" if self.folder == "sandbox" else "worker"
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "doomed.py"), self.folder, command, "--once"],
            env={**self.stack.environment, "DOOM_FILE": str(self.file)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        try:
            assert self._answer() == "ready"
            yield self
        finally:
            self.forget()
            self._process.communicate(timeout=PATIENCE)

    def work(self) -> int:
        """One run of the command: 0, or -9 when it died."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._answer())

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


class WebTwin(Twin):
    """gunicorn with one worker on a port of its own; its master forks the next when one dies."""

    @contextmanager
    def running(self) -> Iterator["WebTwin"]:
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        variables = {"DOOM_FILE": str(self.file), "DOOM_PORT": str(port)}
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "gunicorn", "-c", str(HERE / "doomed_gunicorn.py")),
                "config.wsgi",
            ],
            cwd=ROOT / self.folder,
            env={**self.stack.environment, **variables},
            stdout=self.log,
            stderr=self.log,
        )
        try:
            self._wait()
            yield self
        finally:
            self.forget()
            process.terminate()
            process.wait(PATIENCE)

    def ask(self, token: str, path: str, body: object, *, key: str = "", method: str = "POST") -> int | None:
        """As a client does; the answer's status, None when the connection broke."""
        headers = {"Authorization": token, **({"Idempotency-Key": key} if key else {})}
        try:
            answer = requests.request(
                method, self.address + path, json=body, headers=headers, timeout=PATIENCE
            )
        except requests.ConnectionError:
            return None
        return answer.status_code

    def _wait(self) -> None:
        eventually(self._is_alive, bool, f"{self.program}'s twin listens", PATIENCE)

    def _is_alive(self) -> bool:
        try:
            return requests.get(f"{self.address}/livez", timeout=PATIENCE).ok
        except requests.ConnectionError:
            return False
