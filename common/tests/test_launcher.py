"""The launcher: real processes, real signals, in the order that loses nothing."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from common.testing.processes import give_secrets
from common.tests.instance import ROOT, Instance, service_folder

Launch = Callable[..., Instance]
TWIN = {"module": "common.tests.launched", "TWIN_MODULE": "common.tests.agent_twin"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service's folder beside a migrated `var`."""
    folder = tmp_path_factory.mktemp("launched")
    var = folder / "var"
    give_secrets(var)
    (var / "db").mkdir()
    subprocess.run(
        [sys.executable, "-m", "django", "migrate", "--verbosity", "0"],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": "common.tests.settings",
            "CFMP_VAR_DIR": str(var),
            "CFMP_DB_ENGINE": "sqlite",
        },
        check=True,
    )
    return service_folder(folder)


@pytest.fixture
def launch(home: Path, tmp_path: Path) -> Iterator[Launch]:
    with ExitStack() as stack:

        def start(name: str = "run", **given: Any) -> Instance:
            return stack.enter_context(Instance(home, tmp_path / name, **given))

        yield start


def nothing_left(instance: Instance) -> bool:
    """Everything it started is gone, at the latest in a moment."""
    for _ in range(50):
        if not instance.pids():
            return True
        time.sleep(0.1)
    return False


def test_a_free_port_is_found_told_and_served(launch: Launch) -> None:
    instance = launch().ready()

    assert f'"port": {instance.port}' in instance.said()
    assert instance.ask("/livez")[0] == 200
    with socket.socket(socket.AF_UNIX) as door:
        door.connect(str(instance.run / "order.sock"))
    assert (instance.run / "order.sock").stat().st_mode & 0o077 == 0


def test_a_stop_goes_in_order_and_answers_what_it_has(launch: Launch) -> None:
    instance = launch(DRAIN_SECONDS="3", **TWIN).ready()
    instance.until(lambda: "registered" in instance.agent_said())
    slow: list[int] = []
    caller = threading.Thread(target=lambda: slow.append(instance.ask("/slow?4.5")[0]))
    caller.start()
    instance.until(lambda: instance.ask("/livez")[0] == 200)

    instance.signal(signal.SIGTERM)
    instance.until(lambda: instance.ask("/readyz")[0] == 503)
    during = instance.ask("/livez")
    status = instance.ends()
    caller.join()

    assert during == (200, "close")
    assert slow == [200]
    assert status == 0
    assert instance.agent_said()[1:] == [
        "registered",
        "deregistered while /readyz says 503 and /livez says 200",
        "told to end while /livez says 0",
    ]
    assert not (instance.run / "order.drain").exists()
    assert not (instance.run / "order.sock").exists()
    assert nothing_left(instance)


def test_before_a_stop_connections_are_kept(launch: Launch) -> None:
    assert launch().ready().ask("/livez") == (200, "keep-alive")


def test_a_second_signal_kills_what_is_left(launch: Launch) -> None:
    instance = launch(DRAIN_SECONDS="60", **TWIN).ready()
    instance.signal(signal.SIGTERM)
    instance.until(lambda: instance.ask("/readyz")[0] == 503)

    instance.signal(signal.SIGTERM)

    assert instance.ends() == 1
    assert nothing_left(instance)


def test_a_drain_flag_left_by_a_killed_life_is_removed(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "order.drain").touch()

    assert launch().ready().ask("/readyz")[0] == 200


def test_two_instances_share_nothing(launch: Launch) -> None:
    one, other = launch("one").ready(), launch("other").ready()
    (one.run / "order.drain").touch()

    assert one.port != other.port
    assert (one.ask("/readyz")[0], other.ask("/readyz")[0]) == (503, 200)
    for instance in (one, other):
        assert instance.ask("/api/orders/open/")[0] == 200
        assert list((instance.run / "metrics").rglob("*.db"))
    one.signal(signal.SIGTERM)
    assert one.ends() == 0
    assert other.ask("/livez")[0] == 200
    assert (other.run / "order.sock").exists()


def test_one_place_holds_one_instance(launch: Launch) -> None:
    first = launch().ready()
    second = launch()

    assert second.ends() == 1
    assert f"another order web runs in {first.run}: stop it" in second.said()
    assert first.ask("/livez")[0] == 200


def test_a_taken_port_is_said_at_once(launch: Launch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        port = squatter.getsockname()[1]
        refused = launch(SERVICE_PORT=str(port))

        assert refused.ends() == 1
    assert f"port {port} on 127.0.0.1 is taken" in refused.said()
    assert "Traceback" not in refused.said()
    assert nothing_left(refused)


@pytest.mark.parametrize("processes", ["two", "0", "-1", "100000"])
def test_a_number_of_processes_that_cannot_be_is_said_at_once(launch: Launch, processes: str) -> None:
    refused = launch(WEB_CONCURRENCY=processes)

    assert refused.ends() == 1
    assert "WEB_CONCURRENCY must be a whole number" in refused.said()
    assert "Traceback" not in refused.said()


def test_an_empty_number_of_processes_is_none_given(launch: Launch) -> None:
    instance = launch(WEB_CONCURRENCY="").ready()

    assert len(instance.pids("gunicorn")) == 2


def test_the_launcher_ends_with_a_killed_gunicorn(launch: Launch) -> None:
    instance = launch(**TWIN).ready()
    instance.until(lambda: instance.pids("agent_twin"))

    os.kill(instance.pids("gunicorn")[0], signal.SIGKILL)

    assert instance.ends() == 1
    assert "service_ended" in instance.said()
    assert nothing_left(instance)


def test_a_killed_agent_comes_back_and_gunicorn_notices_nothing(launch: Launch) -> None:
    instance = launch(**TWIN).ready()
    instance.until(lambda: "registered" in instance.agent_said())
    [agent], gunicorns = instance.pids("agent_twin"), instance.pids("gunicorn")

    os.kill(agent, signal.SIGKILL)
    instance.until(lambda: instance.agent_said().count("registered") == 2)

    assert instance.pids("agent_twin") != [agent]
    assert instance.pids("gunicorn") == gunicorns


def test_an_agent_that_cannot_live_rests_longer_and_longer(launch: Launch) -> None:
    instance = launch(TWIN="ill", **TWIN).ready()
    instance.until(lambda: len(instance.agent_said()) >= 2)

    assert '"again_in": 1.0' in instance.said()
    instance.signal(signal.SIGTERM)
    assert instance.ends() == 0


def test_an_agent_that_was_given_nonsense_ends_the_boot(launch: Launch) -> None:
    instance = launch(TWIN="misfit", **TWIN)

    assert instance.ends() == 1
    assert len(instance.agent_said()) == 1
    assert nothing_left(instance)


def test_an_agent_that_hears_nothing_is_killed_in_the_end(launch: Launch) -> None:
    instance = launch(TWIN="deaf", PATIENCE="4", **TWIN).ready()
    instance.until(lambda: "registered" in instance.agent_said())

    instance.signal(signal.SIGTERM)

    assert instance.ends() == 0
    assert nothing_left(instance)


def test_an_agent_that_is_missing_stops_nothing(launch: Launch) -> None:
    instance = launch(**{**TWIN, "TWIN_MODULE": "common.tests.no_such_agent"}).ready()

    assert instance.ask("/livez")[0] == 200
    instance.signal(signal.SIGTERM)
    assert instance.ends() == 0


def test_with_static_addresses_there_is_no_agent(launch: Launch) -> None:
    instance = launch().ready()

    assert instance.pids("agent") == []
    assert '"child": "agent"' not in instance.said()


def test_a_killed_launcher_takes_its_children_along(launch: Launch) -> None:
    instance = launch(**TWIN).ready()
    instance.until(lambda: instance.pids("agent_twin"))

    instance.signal(signal.SIGKILL)

    assert instance.ends() == -signal.SIGKILL
    assert nothing_left(instance)


def test_a_hangup_renews_the_workers_behind_the_same_door(launch: Launch) -> None:
    instance = launch().ready()
    port, (master, worker) = instance.port, instance.pids("gunicorn")
    answers = []

    def renewed() -> bool:
        answers.extend(instance.ask("/livez")[0] for _ in range(20))
        return worker not in instance.pids("gunicorn")

    instance.signal(signal.SIGHUP)
    instance.until(renewed)

    assert set(answers) == {200}
    assert instance.ask("/readyz")[0] == 200
    assert master in instance.pids("gunicorn")
    assert instance.port == port


def test_a_hangup_while_it_boots_ends_nothing(launch: Launch) -> None:
    instance = launch()
    instance.until(lambda: instance.pids("gunicorn"))
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGTTIN, signal.SIGTTOU):
        instance.signal(number)

    assert instance.ready().ask("/livez")[0] == 200


@pytest.mark.skipif(os.getuid() != 0, reason="only root may make a process number 1")
def test_as_process_1_it_hears_signals_and_buries_orphans(launch: Launch) -> None:
    instance = launch(under=("unshare", "--pid", "--fork", "--kill-child")).ready()
    [first] = instance.pids("common.launcher")
    instance.ask("/orphan")
    time.sleep(0.3)

    states = [state_of(pid) for pid in Path(f"/proc/{first}/task/{first}/children").read_text().split()]
    os.kill(first, signal.SIGTERM)

    assert states == ["S"]
    assert instance.ends() == 0
    assert nothing_left(instance)


def state_of(pid: str) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_worker_finishes_what_it_has_in_hand(launch: Launch) -> None:
    instance = launch(role="worker")
    instance.until(lambda: "working" in instance.said())
    instance.signal(signal.SIGHUP)  # gunicorn's alone: it would end a worker

    instance.signal(signal.SIGTERM)

    assert instance.ends() == 0
    assert "finished" in instance.said()
    assert not (instance.run / "order.drain").exists()


def test_a_service_that_hangs_is_killed_after_its_time(launch: Launch) -> None:
    instance = launch(role="worker", DEAF="yes", PATIENCE="1", **TWIN)
    instance.until(lambda: "working" in instance.said())

    instance.signal(signal.SIGTERM)

    assert instance.ends() == 1
    assert '"event": "killed"' in instance.said()
    assert nothing_left(instance)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ([], 2, "usage: python -m common.launcher web|worker"),
        (["wev"], 2, "usage: python -m common.launcher web|worker"),
        (["web"], 1, "is no service's folder: start it in one of notification-service, order-service"),
    ],
)
def test_a_wrong_start_is_explained(arguments: list[str], status: int, said: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "common.launcher", *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert done.returncode == status
    assert said in done.stderr
    assert "Traceback" not in done.stderr
