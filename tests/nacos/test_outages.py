"""Nacos dies, hangs, is slow, says no: no call between services stops, and soon all is well again."""

import json
import os
import time
import urllib.request
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from common.testing.processes import eventually
from tests.nacos.conftest import World
from tests.nacos.instances import Instance
from tests.nacos.traffic import traffic

# Longer than the 20 s after which Nacos drops a client that is silent; `make soak` takes the whole time.
DEEP = bool(os.environ.get("CFMP_DEEP"))
SILENCE = 125.0 if DEEP else 22.0
ABSENCE = 605.0 if DEEP else 3.0
# From the moment that Nacos can be reached again.
BACK = 3.0


def test_a_restarted_server_knows_everyone_again_at_once(world: World) -> None:
    with traffic(world.registry, "OrderService"):
        world.server.stop()
        time.sleep(2)
        world.server.start()
        took = eventually(lambda: world.listed() == _both(world), 15, "not listed again")

    assert took <= BACK


def test_a_killed_server_knows_everyone_again_at_once(world: World) -> None:
    with traffic(world.registry, "OrderService"):
        world.server.kill()
        time.sleep(2)
        assert world.is_whole()
        world.server.start()
        took = eventually(lambda: world.listed() == _both(world), 15, "not listed again")

    assert took <= BACK


def test_what_happened_while_the_server_was_away_is_known_soon(world: World) -> None:
    gone = world.heavy.port

    with traffic(world.registry, "OrderService"):
        world.server.kill()
        world.heavy.kill()
        time.sleep(1)
        world.server.start()
        eventually(lambda: world.ports() == {world.light.port}, 20, f"{gone} is still known")


@pytest.mark.parametrize("outage", ["silence", "pause"])
def test_an_unreachable_server_stops_no_call(world: World, outage: str) -> None:
    begin, end = _outages(world)[outage]

    with traffic(world.registry, "OrderService"):
        begin()
        try:
            time.sleep(SILENCE)
            assert world.is_whole()
        finally:
            end()
        eventually(lambda: world.listed() == _both(world), 30, "not listed again")
        time.sleep(2)
        assert world.is_whole()


@pytest.mark.timeout(900)
def test_a_refused_connection_stops_no_call_and_is_made_again(world: World) -> None:
    with traffic(world.registry, "OrderService"):
        world.network.cut()
        eventually(lambda: not world.caller.agent["connected"], 15, "the agent did not notice")
        time.sleep(ABSENCE)
        assert world.is_whole()
        world.network.heal()
        eventually(lambda: world.caller.agent["connected"], 15, "the agent did not come back")
        eventually(lambda: world.listed() == _both(world), 15)


def test_a_slow_server_stops_no_call_and_no_news(world: World) -> None:
    world.network.slow(0.5)

    with traffic(world.registry, "OrderService"):
        world.heavy.stop()
        eventually(lambda: world.ports() == {world.light.port}, 20)
        world.heavy.start()
        eventually(world.is_whole, 60)


def test_a_service_that_starts_without_nacos_serves_and_is_listed_later(world: World) -> None:
    world.heavy.stop()
    world.network.cut()
    world.heavy.start()

    eventually(lambda: _ready(world.heavy), 60, "it does not serve without Nacos")
    world.network.heal()

    eventually(lambda: world.listed() == _both(world), 20)


def test_after_ten_minutes_without_nacos_calls_still_find_their_way(world: World) -> None:
    world.network.cut()
    eventually(lambda: not world.caller.agent["connected"], 15)
    # The agent dies too, and comes back to files of ten minutes ago and no server.
    world.caller.kill()
    _age(world.caller.place, timedelta(minutes=10))
    world.caller.start()
    eventually(lambda: world.caller.agent.get("pid") == world.caller.process.pid, 20)

    with traffic(world.registry, "OrderService") as calls:
        eventually(lambda: calls.made >= 20, 20)

    assert world.is_whole()
    assert world.registry.ages()["OrderService"] >= 600


def test_a_wrong_password_is_said_once_in_a_while_and_the_service_serves(world: World) -> None:
    wrong = world.site.instance("order-service", "wrong", NACOS_PASSWORD="not-the-password")

    eventually(lambda: _ready(wrong), 60, "it does not serve")
    eventually(lambda: "NACOS_PASSWORD" in wrong.log.read_text(), 30, "no word about the password")
    wrong.stop()

    said = wrong.log.read_text()
    assert wrong.port not in world.listed()
    assert "not-the-password" not in said
    assert "Traceback" not in said


def test_a_missing_name_space_is_said_and_the_service_serves(world: World) -> None:
    lost = world.site.instance("order-service", "lost", NACOS_NAMESPACE="nowhere")

    eventually(lambda: _ready(lost), 60, "it does not serve")
    eventually(lambda: "nowhere" in lost.log.read_text(), 30, "no word about the name space")
    lost.stop()

    assert "Traceback" not in lost.log.read_text()


def _both(world: World) -> set[int]:
    return {world.light.port, world.heavy.port}


def _outages(world: World) -> dict[str, tuple[Callable[[], None], Callable[[], None]]]:
    return {
        "silence": (world.network.silence, world.network.heal),
        "pause": (world.server.pause, world.server.resume),
    }


def _ready(instance: Instance) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{instance.port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _age(place: Path, by: timedelta) -> None:
    """Make every file of the place so much older, as the agent wrote it."""
    for file in (place / "nacos").rglob("*.json"):
        content: dict[str, Any] = json.loads(file.read_text())
        for name in ("written_at", "confirmed_at", "last_seen_at"):
            if content.get(name):
                then = datetime.fromisoformat(content[name]) - by
                content[name] = then.isoformat().replace("+00:00", "Z")
        file.write_text(json.dumps(content))
