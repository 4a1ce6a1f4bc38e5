"""What the stack consists of and where it lives: one table of programs, one of ports."""

import math
import sys
from dataclasses import dataclass, field
from pathlib import Path

from common import ports
from common.config import ROOT, read_environment, var_dir_of
from common.faults import in_plain_words
from common.instance.stopping import longest_stop
from common.setting_types import seconds

# Every process of the stack carries this variable, so that `stop` finds also what a crash left behind.
MARK = "CFMP_STACK"

with in_plain_words():
    ENVIRONMENT = read_environment()
VAR = var_dir_of(ENVIRONMENT)
NACOS = ENVIRONMENT.get("DISCOVERY") == "nacos"
RUN, LOG, DATABASES = VAR / "run", VAR / "log", VAR / "db"
SUPERVISOR_SOCKET = RUN / "supervisor.sock"
SUPERVISOR_CONF = VAR / "supervisord.conf"
SUPERVISOR_PID = RUN / "supervisord.pid"
ENVOY_CONF = VAR / "envoy.yaml"
ENVOY_ADMIN = RUN / "envoy.sock"
# With DISCOVERY=nacos: where Envoy reads which instances there are.
ENDPOINTS = RUN / "endpoints"
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Program:
    """One watched process. `grace` is how long it may take to stop, in seconds; an early one stops late."""

    name: str
    command: tuple[str, ...]
    directory: Path = ROOT
    grace: int = 30
    environment: dict[str, str] = field(default_factory=dict)
    early: bool = False


def folders() -> dict[str, Path]:
    """The Django projects that migrate, by short name."""
    return {
        name: ROOT / (name if name == "sandbox" else f"{name}-service")
        for name in ("sandbox", "order", "payment", "notification")
    }


def service_ports() -> dict[str, int]:
    """Port by the name to say to people. Raises ValueError when `.env` names one that is none."""
    unused = () if NACOS else ports.WITH_NACOS
    return {part: ports.port_of(part, ENVIRONMENT) for part in ports.TABLE if part not in unused}


def stop_within() -> int:
    """How long a service may take to stop, in seconds."""
    try:
        drain = seconds(ENVIRONMENT.get("DRAIN_SECONDS") or "0")
    except ValueError:  # told when something starts; what runs must be stoppable all the same
        drain = 0.0
    return math.ceil(longest_stop(drain))


def programs() -> list[Program]:
    """Everything `make run` runs."""
    gunicorn, python = str(BIN / "gunicorn"), str(BIN / "python")
    workers = {"WEB_CONCURRENCY": ENVIRONMENT.get("WEB_CONCURRENCY", "2")}
    sandbox = ROOT / "sandbox"
    found = [
        Program("sandbox", (gunicorn, "-c", "gunicorn.conf.py", "config.wsgi:application"), sandbox),
        Program("sandbox-notifier", (python, "manage.py", "notifier"), sandbox),
    ]
    launcher = (python, "-m", "common.launcher")
    for name in ("notification", "payment", "order"):
        folder, grace, worker = folders()[name], stop_within(), f"{name}-worker"
        found.append(Program(name, (*launcher, "web"), folder, grace, {**_place(name), **workers}))
        own = {**_place(worker), **_page("WORKER_METRICS_PORT", f"{name} worker's metrics")}
        found.append(Program(worker, (*launcher, "worker"), folder, grace, own))
    if NACOS:
        agent = (python, "-m", "common.nacos_agent")
        own = {**_place("sandbox"), **_page("AGENT_METRICS_PORT", "sandbox agent's metrics")}
        found.append(Program("sandbox-agent", agent, sandbox, environment=own))
        endpoints = (python, "-m", "apisix.embedded.endpoints", *_snapshots())
        metrics = ("--metrics-port", str(service_ports()["endpoints' metrics"]))
        found.append(Program("endpoints", (*endpoints, *metrics)))
    quiet = ("--disable-hot-restart", "--concurrency", "1", "-l", "warning")
    return [*found, Program("gateway", (str(BIN / "envoy"), "-c", str(ENVOY_CONF), *quiet), grace=10)]


def agents() -> list[Path]:
    """The places of those that have an agent, each named after its program."""
    services = [name for name in folders() if name != "sandbox"]
    return [RUN / name for name in ("sandbox", *services, *(f"{name}-worker" for name in services))]


def _place(name: str) -> dict[str, str]:
    """An agent writes its files into a place of its own; without agents one place is enough for all."""
    place = {"SERVICE_RUN_DIR": str(RUN / name)} if NACOS else {}
    return {"PYTHONPATH": str(ROOT), **place}


def _page(variable: str, part: str) -> dict[str, str]:
    """Who shares no place with a service's web process tells its figures on a page of its own."""
    return {variable: str(service_ports()[part])} if NACOS else {}


def _snapshots() -> list[str]:
    """What the agents hear, and where Envoy reads it."""
    sources = [word for place in agents() for word in ("--from", str(place / "nacos" / "services"))]
    return [*sources, "--to", str(ENDPOINTS)]
