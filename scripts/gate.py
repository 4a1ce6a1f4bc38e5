"""The gate behind `make check`, `test` and `soak`: named sections, side by side, one summary, one status.

What a suite tests is its own business; here is only what runs, where, and with which database. A section that
is skipped says why, and is a failure where CI runs as root: there everything can be had.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
SERVICES = ("order", "payment", "notification")
PROJECTS = ("common", *(f"{name}-service" for name in SERVICES))
# One process sees all services where only imports are read; a running suite sees its own `config` alone.
EVERYTHING = os.pathsep.join([str(ROOT), *(str(ROOT / f"{name}-service") for name in SERVICES)])
PYTEST = (str(BIN / "python"), "-m", "pytest", "-q", "-rs", "--timeout=300", "-p", "no:cacheprovider")

VAR = Path(os.environ.get("CFMP_VAR_DIR") or ROOT / "var")

# The provider suite then also runs against the sandbox's Alipay, which it starts itself; once is enough.
SIMULATED = {"ALIPAY_SUITE_URL": "start"}


@dataclass(frozen=True)
class Section:
    """One command. `tail` is how many closing lines are shown when it passes."""

    name: str
    command: tuple[str, ...]
    directory: Path = ROOT
    environment: dict[str, str] = field(default_factory=dict)
    tail: int = 1


@dataclass(frozen=True)
class Outcome:
    """How a section ended."""

    name: str
    passed: bool
    seconds: float
    note: str = ""


def style() -> Iterator[Section]:
    """Lint, types, import rules, the route table, generated documents."""
    yield Section("ruff", (f"{BIN}/ruff", "check", "."))
    yield Section("format", (f"{BIN}/ruff", "format", "--check", "."))
    yield Section("types: common, gateway, scripts", _mypy("common", "apisix", "scripts", "bench", "deploy"))
    for name in (*PROJECTS[1:], "sandbox"):
        folder = ROOT / name
        path = {"MYPYPATH": f"{ROOT}{os.pathsep}{folder}"}
        yield Section(f"types: {name}", _mypy("."), folder, path)
    yield Section("import rules", (f"{BIN}/lint-imports",), environment={"PYTHONPATH": EVERYTHING}, tail=3)
    yield Section("route table", (f"{BIN}/python", "-m", "apisix.check"))
    documents = (f"{BIN}/python", "-m", "scripts.generate_docs", "--check")
    yield Section("generated documents", documents, environment={"PYTHONPATH": EVERYTHING})


# Suites of `common` that start real programs or wait for a server. They bring their own database or none, so
# that once is enough, and they are too slow for the quick gate.
REAL_PROGRAMS = tuple(f"--ignore=tests/test_{name}.py" for name in ("launcher", "nacos_client", "gunicorn"))


def suites(database: str, variables: dict[str, str]) -> Iterator[Section]:
    """Each project's suite on one database."""
    for project in PROJECTS:
        own = SIMULATED if (project, database) == ("payment-service", "SQLite") else {}
        done = REAL_PROGRAMS if (project, database) == ("common", "MariaDB") else ()
        yield Section(f"{project} on {database}", (*PYTEST, *done), ROOT / project, {**variables, **own})


def quick() -> Iterator[Section]:
    """Each project's suite on SQLite without what takes long (the simulator too), and the gateway's table."""
    for section in suites("SQLite", {}):
        slow = REAL_PROGRAMS if section.directory.name == "common" else ()
        yield replace(section, command=(*section.command, *slow), environment={})
    table = (f"tests/gateway/test_{name}.py" for name in ("table", "schema"))
    yield Section("gateway's table", (*PYTEST, *table))


def around() -> Iterator[Section]:
    """What needs no service: the sandbox, the documents."""
    yield Section("sandbox", PYTEST, ROOT / "sandbox")
    yield Section("documents", (*PYTEST, "tests/documents"))
    yield Section("deployment files", (*PYTEST, "tests/deploy"))


def slower() -> Iterator[Section]:
    """What needs no running stack either, but takes longer than the quick gate may."""
    yield Section("gateway contract", (*PYTEST, "tests/gateway"))
    yield Section("developers' promises", (*PYTEST, "tests/development"))
    yield Section("containers", (*PYTEST, "tests/image"))


def waiting() -> Iterator[Section]:
    """What mostly waits for others to notice: it runs beside the two that need the cores."""
    yield Section("real Nacos", (*PYTEST, "tests/nacos"))
    yield Section("registry", (*PYTEST, "tests/registry"))


# What needs no running stack; and the suites that mostly wait, longest first.
BESIDE = {"gateway", "documents", "deploy", "development", "image", "nacos", "registry", "soak"}
LONGEST = ("crash", "rolling", "upgrades", "processes", "on_nacos")
# Runs what follows with a loopback of its own.
ALONE = ("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")


def across() -> Iterator[Section]:
    """Suites over the running stack, which has fixed ports."""
    found = {folder.name for folder in (ROOT / "tests").iterdir() if any(folder.glob("test_*.py"))} - BESIDE
    for name in (*LONGEST, *sorted(found - set(LONGEST))):
        yield Section(f"across services: {name}", (*PYTEST, f"tests/{name}"))


def can_be_apart() -> bool:
    """Whether a process may have a loopback of its own here: root may, elsewhere than in a bare container."""
    try:
        return subprocess.run([*ALONE, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def apart(section: Section) -> Section:
    """The same section with a loopback of its own and a `var` of its own: its ports are nobody else's."""
    folder = section.name.rpartition(" ")[2]
    own = {"CFMP_VAR_DIR": str(VAR / "apart" / folder)}
    return replace(section, command=(*ALONE, *section.command), environment={**section.environment, **own})


def _mypy(*paths: str) -> tuple[str, ...]:
    return (f"{BIN}/mypy", "--config-file", str(ROOT / "pyproject.toml"), *paths)


class Gate:
    """Runs sections and remembers how each ended."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self._printing = threading.Lock()

    def run(self, sections: Iterable[Section]) -> None:
        """One after the other."""
        for section in sections:
            self._one(section)

    def run_side_by_side(self, *groups: Iterable[Section], lanes: int = 2) -> None:
        """Whoever is free takes the next one; two lanes keep two cores busy, more are for those who wait."""
        with ThreadPoolExecutor(lanes) as pool:
            list(pool.map(self._one, (section for group in groups for section in group)))

    def skip(self, name: str, why: str) -> None:
        """Say loudly what does not run. Where CI runs as root nothing may be missing."""
        passed = not (os.environ.get("CI") == "true" and os.getuid() == 0)
        print(f"\n!!! SKIPPED: {name}: {why}\n", flush=True)
        self.outcomes.append(Outcome(name, passed, 0.0, f"SKIPPED: {why}"))

    def close(self) -> int:
        """Print the summary; 1 when anything failed."""
        print("\n" + "=" * 78)
        for outcome in self.outcomes:
            word = "skip" if outcome.note and outcome.passed else "ok" if outcome.passed else "FAIL"
            print(f"{word:>5}  {outcome.seconds:6.1f}s  {outcome.name}  {outcome.note}".rstrip())
        failed = [outcome.name for outcome in self.outcomes if not outcome.passed]
        skipped = sum(1 for outcome in self.outcomes if outcome.note)
        passed = (
            len(self.outcomes) - len(failed) - sum(1 for item in self.outcomes if item.note and item.passed)
        )
        print(f"{passed} sections passed, {len(failed)} failed, {skipped} skipped")
        return 1 if failed else 0

    def _one(self, section: Section) -> None:
        started = time.monotonic()
        done = subprocess.run(
            section.command,
            cwd=section.directory,
            env={**os.environ, **section.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        seconds = time.monotonic() - started
        lines = done.stdout.rstrip().splitlines()
        skipped = [line for line in lines if line.startswith("SKIPPED")]
        shown = [*skipped, *lines[-section.tail :]] if done.returncode == 0 else lines
        with self._printing:
            print(f"\n--- {section.name} ({seconds:.1f} s)", *shown, sep="\n", flush=True)
        self.outcomes.append(Outcome(section.name, done.returncode == 0, seconds))


def check() -> int:
    """The quick gate: everything that needs neither MariaDB nor a running stack."""
    gate = Gate()
    gate.run_side_by_side(style(), quick(), around())
    return gate.close()


def test() -> int:
    """Everything. scripts/mariadb gives MariaDB's variables; without them its suites are skipped, loudly."""
    gate = Gate()
    variables = _mariadb()
    if not variables:
        gate.skip("MariaDB suites", os.environ["CFMP_NO_MARIADB"])
    on_mariadb = suites("MariaDB", variables) if variables else ()
    with ThreadPoolExecutor(1) as beside:
        patient = beside.submit(gate.run, waiting())
        gate.run_side_by_side(style(), on_mariadb, suites("SQLite", {}), around(), slower())
        patient.result()
    if can_be_apart():
        gate.run_side_by_side((apart(section) for section in across()), lanes=3)
    else:  # one by one on the machine's own loopback
        gate.run(across())
    return gate.close()


def soak() -> int:
    """The suites whose examples are drawn by chance, with far more of them, long absences (CFMP_DEEP), and
    everything killed at once, again and again.
    """
    gate = Gate()
    deep = {"CFMP_DEEP": "1"}
    absences = Section(
        "real Nacos, away for long", (*PYTEST, "tests/nacos/test_outages.py"), environment=deep
    )
    gate.run_side_by_side([absences], suites("SQLite", deep))
    gate.run([Section("everything dies, round after round", (*PYTEST, "tests/soak"))])
    return gate.close()


def _mariadb() -> dict[str, str]:
    if os.environ.get("CFMP_NO_MARIADB"):
        return {}
    printed = subprocess.run(
        [ROOT / "scripts/mariadb", "env"], capture_output=True, text=True, check=True
    ).stdout
    return dict(line.split("=", 1) for line in printed.splitlines())


if __name__ == "__main__":
    sys.exit({"check": check, "test": test, "soak": soak}[sys.argv[1]]())
