"""`cd order-service && PYTHONPATH=.. python -m common.nacos_agent [web|worker] [--subscribe A,B]`.

In a service's folder it registers that service (`web`, the default) or only watches its peers (`worker`);
in `sandbox/` it registers the three neighbours. With `--subscribe`, anywhere, it only watches the services
named, as the gateway wants. Settings: DISCOVERY, NACOS_*, SERVICE_*.
"""

import argparse
import asyncio
import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import REGISTRY, start_http_server

from common import log
from common.agent_figures import AgentCollector
from common.config import PORTS, ConfigError
from common.config_store import ConfigStore
from common.nacos_agent.agent import Agent
from common.nacos_agent.plan import Plan, make_plan
from common.snapshots import SnapshotFolder

OCCUPIED_SECONDS = 5.0
USAGE = 2


class Occupied(Exception):
    """Another agent writes the same files."""


def main(arguments: Sequence[str] | None = None) -> int:
    """0 after SIGTERM; 2 when the settings or the folder cannot be used, with one message that says why."""
    asked = _parser().parse_args(arguments)
    try:
        plan = make_plan(*_who(asked), subscribe_only=asked.role == "worker" or asked.subscribe is not None)
        settings = plan.settings
        log.configure(settings.service, role="agent", log_file=settings.log_path, level=settings.log_level)
        with _alone(plan):
            _tell_figures(plan)
            asyncio.run(_run(plan))
    except (ConfigError, Occupied) as problem:
        print(problem, file=sys.stderr)
        return USAGE
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m common.nacos_agent", description=__doc__)
    parser.add_argument("role", nargs="?", choices=("web", "worker"), default="web")
    parser.add_argument("--subscribe", metavar="SERVICES", help="comma list; register nothing")
    return parser


def _who(asked: argparse.Namespace) -> tuple[str, list[str] | None]:
    """The name of who we speak for, and whom to watch. Raises ConfigError."""
    folder = Path.cwd().name
    watched = None if asked.subscribe is None else [one for one in asked.subscribe.split(",") if one]
    name = f"{folder.removesuffix('-service').capitalize()}Service"
    if name in PORTS:
        return name, watched
    if folder == "sandbox":
        return "sandbox", watched
    if watched:
        return "gateway", watched
    raise ConfigError(["the agent runs in a service's folder or in sandbox/, or with --subscribe"])


@contextmanager
def _alone(plan: Plan) -> Iterator[None]:
    """Hold the folder. Who only watches waits for its turn; who registers must have it. Raises Occupied."""
    folder = SnapshotFolder.of(plan.settings.run_dir).root
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        descriptor = os.open(folder / "agent.lock", os.O_RDWR | os.O_CREAT, 0o640)
    except OSError as error:
        raise Occupied(
            f"SERVICE_RUN_DIR: {plan.settings.run_dir} cannot be written to ({error.strerror})"
        ) from None
    try:
        _take(descriptor, plan)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, plan: Plan) -> None:
    ends = time.monotonic() + OCCUPIED_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if plan.seats and time.monotonic() > ends:
                raise Occupied(
                    f"SERVICE_RUN_DIR: another agent works in {plan.settings.run_dir}; "
                    "each instance needs a folder of its own"
                ) from None
            time.sleep(0.2)


def _tell_figures(plan: Plan) -> None:
    """A page of its own, on loopback. Raises Occupied when its port cannot be had."""
    if not (port := plan.settings.agent_metrics_port):
        return
    REGISTRY.register(AgentCollector(SnapshotFolder.of(plan.settings.run_dir)))
    try:
        start_http_server(port, "127.0.0.1")
    except OSError as error:
        raise Occupied(f"AGENT_METRICS_PORT={port} cannot be used: {error.strerror}") from None


async def _run(plan: Plan) -> None:
    settings = plan.settings
    folder = SnapshotFolder.of(settings.run_dir)
    store = ConfigStore(folder, settings.service, may_set_alipay=settings.config_may_set_alipay)
    agent = Agent(plan, store.receive)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, agent.leave)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, agent.stop)
    # Whoever started us may have blocked them.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1, signal.SIGTERM, signal.SIGINT})
    await agent.run()


if __name__ == "__main__":
    sys.exit(main())
