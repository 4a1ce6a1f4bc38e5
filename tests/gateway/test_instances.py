"""Several instances of a service: who gets requests, and how soon the gateway hears of a change.

Shown on Envoy with stubs alone: a foreign gateway's instances are not ours to stop.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families as families

from apisix.embedded.endpoints import Keeper, assignment, write_first
from apisix.table import load
from common.testing.processes import free_port
from tests.gateway.caller import Answer, call
from tests.gateway.envoy import envoy
from tests.gateway.stubs import Stubs, stubs_of
from tests.gateway.tokens import Issuer, bearer

pytestmark = pytest.mark.skipif(
    "GATEWAY_URL" in os.environ, reason="GATEWAY_URL names a gateway whose instances are not ours"
)

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("OrderService", "PaymentService", "NotificationService", "UserService", "ProductService")


@dataclass
class Pair:
    """Two instances of OrderService, `a` and `b`, behind one gateway."""

    url: str
    stubs: Stubs
    token: str
    snapshots: Path

    def call(self) -> Answer:
        return call(self.url, "GET", "/api/orders/", headers=bearer(self.token))

    def spread(self, requests: int = 40) -> Counter[str]:
        """Which instance answered how often; statuses stand for what no instance answered."""
        return Counter(_who(self.call()) for _ in range(requests))

    def instance(self, name: str, **changes: Any) -> dict[str, Any]:
        host, _, port = self.stubs.addresses[name].rpartition(":")
        usual = {"weight": 1.0, "enabled": True, "healthy": True, "metadata": {}}
        return {"host": host, "port": int(port), **usual, **changes}

    def registry_says(self, *instances: dict[str, Any]) -> None:
        snapshot(self.snapshots, "OrderService", list(instances))


def _who(answer: Answer) -> str:
    return answer.json["service"] if answer.status == 200 else str(answer.status)


def snapshot(
    folder: Path, service: str, instances: list[dict[str, Any]], at: str = "2026-01-01T00:00:00Z"
) -> None:
    """As the agent writes it: whole or not at all."""
    content = {
        "service": service,
        "revision": 1,
        "written_at": at,
        "source": "registry",
        "instances": instances,
    }
    fresh = folder / f"{service}.tmp"
    fresh.write_text(json.dumps(content))
    fresh.replace(folder / f"{service}.json")


def within(seconds: float, question: Callable[[], bool]) -> bool:
    """Whether the answer becomes yes in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if question():
            return True
        time.sleep(0.05)
    return question()


@pytest.fixture(scope="module")
def fixed(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Both instances stand in the configuration."""
    folder = tmp_path_factory.mktemp("fixed")
    with stubs_of("a", "b") as stubs:
        addresses = dict.fromkeys(SERVICES, f"{stubs.addresses['a']}, {stubs.addresses['b']}")
        with envoy(load(environ=issuer.keys()), folder, addresses=addresses) as running:
            yield Pair(running.url, stubs, issuer.rs256(), folder)


@pytest.fixture(scope="module")
def registered(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Both instances come from the registry's snapshots, through the real process."""
    folder = tmp_path_factory.mktemp("registered")
    snapshots, endpoints = folder / "services", folder / "endpoints"
    snapshots.mkdir()
    write_first(endpoints, SERVICES)
    with (
        stubs_of("a", "b") as stubs,
        endpoints_process(snapshots, endpoints),
        envoy(load(environ=issuer.keys()), folder, addresses={}, endpoints=endpoints) as running,
    ):
        yield Pair(running.url, stubs, issuer.rs256(), snapshots)


@contextmanager
def endpoints_process(snapshots: Path, endpoints: Path, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    given = ("--from", snapshots, "--to", endpoints, *more)
    command = (sys.executable, "-m", "apisix.embedded.endpoints", *given)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        yield process
        process.terminate()
        assert process.wait(5) == 0


def test_static_instances_share_the_requests(fixed: Pair) -> None:
    assert set(fixed.spread(20)) == {"a", "b"}


def test_an_instance_that_drains_gets_nothing_more(fixed: Pair) -> None:
    fixed.stubs.unwell.add("a")
    assert within(5, lambda: fixed.spread(4) == {"b": 4})

    fixed.stubs.unwell.clear()
    assert within(5, lambda: set(fixed.spread(8)) == {"a", "b"})


def test_when_all_checks_fail_all_are_asked(fixed: Pair) -> None:
    fixed.stubs.unwell.update("ab")
    time.sleep(2.5)  # two checks later than the change

    assert fixed.spread(4).keys() <= {"a", "b"}
    fixed.stubs.unwell.clear()


def test_an_instance_that_only_fails_rests(fixed: Pair) -> None:
    fixed.stubs.failing.add("a")
    fixed.spread(40)
    assert within(3, lambda: fixed.spread(6) == {"b": 6})

    fixed.stubs.failing.clear()
    assert within(15, lambda: set(fixed.spread(8)) == {"a", "b"})


def test_the_last_instance_never_rests(registered: Pair) -> None:
    registered.registry_says(registered.instance("a"))
    assert within(5, lambda: registered.spread(4) == {"a": 4})
    registered.stubs.failing.add("a")
    registered.spread(15)
    time.sleep(1.5)  # Envoy looks once a second whom to rest
    registered.stubs.arrivals.clear()

    assert registered.spread(5) == {"500": 5}
    assert len(registered.stubs.arrivals) == 5
    registered.stubs.failing.clear()


def test_the_registrys_weights_hold(registered: Pair) -> None:
    registered.registry_says(registered.instance("a"), registered.instance("b", weight=3.0))

    assert within(5, lambda: registered.spread(40) == {"a": 10, "b": 30})


@pytest.mark.parametrize("change", [{"enabled": False}, {"healthy": False}, {"weight": 0.0}])
def test_an_instance_that_is_switched_off_gets_nothing(registered: Pair, change: dict[str, Any]) -> None:
    registered.registry_says(registered.instance("a"), registered.instance("b"))
    assert within(5, lambda: set(registered.spread(8)) == {"a", "b"})

    registered.registry_says(registered.instance("a"), registered.instance("b", **change))
    assert within(2, lambda: registered.spread(6) == {"a": 6})


def test_an_empty_list_is_believed(registered: Pair) -> None:
    registered.registry_says(registered.instance("a"))
    assert within(5, lambda: registered.spread(4) == {"a": 4})

    registered.registry_says()
    assert within(2, lambda: registered.call().status == 503)
    assert registered.call().json["name"] == "PeerUnavailable"


def test_a_broken_snapshot_changes_nothing(registered: Pair) -> None:
    registered.registry_says(registered.instance("b"))
    assert within(5, lambda: registered.spread(4) == {"b": 4})

    (registered.snapshots / "OrderService.json").write_text('{"service": "OrderService", "insta')
    time.sleep(1.5)  # three looks
    assert registered.spread(4) == {"b": 4}

    (registered.snapshots / "OrderService.json").unlink()
    time.sleep(1.5)
    assert registered.spread(4) == {"b": 4}


def test_the_process_tells_what_it_carried_and_when_it_last_looked(tmp_path: Path) -> None:
    snapshot(tmp_path, "OrderService", [TestKeeper.one, {**TestKeeper.one, "enabled": False}])
    port = free_port()

    def told() -> dict[str, float]:
        try:
            page = call(f"http://127.0.0.1:{port}", "GET", "/metrics").text
        except OSError:
            return {}
        return {family.name: family.samples[0].value for family in families(page) if family.samples}

    with endpoints_process(tmp_path, tmp_path / "to", "--metrics-port", str(port)):
        assert within(10, lambda: told().get("endpoints_listed") == 1)
        assert abs(told()["endpoints_look_timestamp_seconds"] - time.time()) < 30
        assert told()["endpoints_unwritten"] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--to", "/proc/nowhere"), "/proc/nowhere cannot be used: No such file or directory"),
        (("--metrics-port", "{taken}"), "port {taken} cannot be used: Address already in use"),
    ],
)
def test_what_the_process_cannot_use_is_named(tmp_path: Path, arguments: tuple[str, str], said: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = listener.getsockname()[1]
        given = [word.format(taken=taken) for word in arguments]
        command = [
            sys.executable,
            "-m",
            "apisix.embedded.endpoints",
            "--from",
            tmp_path,
            "--to",
            tmp_path / "to",
        ]
        done = subprocess.run([*command, *given], cwd=ROOT, capture_output=True, text=True, timeout=30)

    assert done.returncode == 2
    assert said.format(taken=taken) in done.stderr
    assert "Traceback" not in done.stderr


class TestKeeper:
    """The rules of the files, without a gateway."""

    one = {"host": "10.0.0.1", "port": 8001, "weight": 1.0, "enabled": True, "healthy": True}

    def test_the_newest_of_several_snapshots_counts(self, tmp_path: Path) -> None:
        first, second, target = (tmp_path / name for name in ("first", "second", "to"))
        for folder in (first, second, target):
            folder.mkdir()
        snapshot(first, "OrderService", [self.one], at="2026-01-01T00:00:05Z")
        snapshot(second, "OrderService", [], at="2026-01-01T00:00:04Z")
        keeper = Keeper([first, second], target)

        assert keeper.look() == ["OrderService"]
        assert "10.0.0.1" in (target / "OrderService.json").read_text()
        snapshot(second, "OrderService", [], at="2026-01-01T00:00:06Z")
        assert keeper.look() == ["OrderService"]
        assert "10.0.0.1" not in (target / "OrderService.json").read_text()

    def test_what_did_not_change_is_not_written(self, tmp_path: Path) -> None:
        snapshot(tmp_path, "OrderService", [self.one])
        target = tmp_path / "to"
        target.mkdir()
        keeper = Keeper([tmp_path], target)
        keeper.look()
        snapshot(tmp_path, "OrderService", [self.one], at="2026-01-01T00:00:09Z")

        assert keeper.look() == []

    def test_a_list_that_cannot_be_written_is_said_once_and_carried_later(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        source, target = tmp_path / "from", tmp_path / "to"
        source.mkdir()
        for service in ("OrderService", "UserService"):
            snapshot(source, service, [self.one])
        # No file can be moved onto a folder, whoever writes; a full disk is the same OSError.
        (target / "OrderService.json").mkdir(parents=True)
        keeper = Keeper([source], target)

        assert [keeper.look(), keeper.look(), keeper.look()] == [["UserService"], [], []]
        said = capsys.readouterr().out
        assert said.count("endpoints_not_written") == 1
        assert "free the disk" in said
        (target / "OrderService.json").rmdir()
        assert [keeper.look(), keeper.look()] == [["OrderService"], []]

    @pytest.mark.parametrize(
        "content",
        ["", "[]", '{"service": "PaymentService"}', '{"service": "OrderService", "instances": [{}]}'],
    )
    def test_what_is_no_snapshot_is_left(
        self, tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        target = tmp_path / "to"
        write_first(target, ["OrderService"])
        (tmp_path / "OrderService.json").write_text(content)

        assert Keeper([tmp_path], target).look() == []
        assert "snapshot_unreadable" in capsys.readouterr().out

    def test_the_first_file_keeps_an_earlier_runs_list(self, tmp_path: Path) -> None:
        (tmp_path / "OrderService.json").write_text("earlier")
        write_first(tmp_path, ["OrderService", "UserService"])

        assert (tmp_path / "OrderService.json").read_text() == "earlier"
        assert json.loads((tmp_path / "UserService.json").read_text()) == assignment("UserService", [])

    def test_names_become_addresses_and_unknown_names_nothing(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        named = [{**self.one, "host": "localhost"}, {**self.one, "host": "no.such.invalid"}]
        (entry,) = assignment("OrderService", named)["resources"][0]["endpoints"][0]["lb_endpoints"]

        assert entry["endpoint"]["address"]["socket_address"]["address"] in ("127.0.0.1", "::1")
        assert "host_unknown" in capsys.readouterr().out

    @pytest.mark.parametrize(
        "host", ["a..b", "b" * 64 + ".example", "fe80::1%lo", "fe80::1%gone0", "a b", "\x00"]
    )
    def test_one_odd_host_costs_no_other_its_place(
        self, host: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        listed = assignment("OrderService", [{**self.one, "host": host}, self.one])["resources"][0]
        (entry,) = listed["endpoints"][0]["lb_endpoints"]

        assert entry["endpoint"]["address"]["socket_address"]["address"] == "10.0.0.1"
        assert "host_unknown" in capsys.readouterr().out

    def test_a_small_weight_is_still_one(self) -> None:
        light = assignment("OrderService", [{**self.one, "weight": 0.001}])

        assert light["resources"][0]["endpoints"][0]["lb_endpoints"][0]["load_balancing_weight"] == 1
