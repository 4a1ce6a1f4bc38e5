"""Real services in the real registry: who is listed, and how soon a caller follows a change."""

import pytest

from common.errors import PeerUnavailable
from common.service_client import ServiceClient
from common.testing.processes import eventually
from scripts.nacos_server.console import Console
from tests.nacos.conftest import World
from tests.nacos.traffic import shares, traffic

# A change in the console has to count on calls within this time.
FOLLOWS = 2.0


def test_an_instance_is_listed_with_what_an_operator_wants_to_know(world: World) -> None:
    rows = {row["port"]: row for row in world.server.console().instances("OrderService")}

    heavy = rows[world.heavy.port]
    assert heavy["ip"] == "127.0.0.1"
    assert heavy["weight"] == 3.0
    assert heavy["ephemeral"] and heavy["healthy"] and heavy["enabled"]
    assert heavy["metadata"]["protocol"] == "http"
    assert set(heavy["metadata"]) >= {"version", "weight", "started_at"}


def test_a_caller_that_only_listens_is_not_listed(world: World) -> None:
    assert world.caller.agent["connected"]
    assert world.server.console().instances("PaymentService") == []


def test_weights_of_1_and_3_share_the_calls_so(world: World) -> None:
    found = shares(world.registry, "OrderService")

    assert found[world.heavy.port] == pytest.approx(0.75, rel=0.05)
    assert found[world.light.port] == pytest.approx(0.25, rel=0.05)


def test_one_disabled_in_the_console_gets_no_call_any_more(world: World, console: Console) -> None:
    console.change_instance("OrderService", world.heavy.port, enabled=False)
    try:
        eventually(lambda: world.ports() == {world.light.port}, FOLLOWS, "disabled, and still called")
        with traffic(world.registry, "OrderService") as calls:
            eventually(lambda: calls.made >= 10, 10)
        assert set(calls.transport.answered) == {world.light.port}
    finally:
        console.change_instance("OrderService", world.heavy.port, enabled=True)
    eventually(world.is_whole, FOLLOWS, "enabled again, and not called")


def test_all_disabled_is_an_error_that_says_so(world: World, console: Console) -> None:
    client = ServiceClient(world.registry, None, timeout=2.0)
    for port in (world.light.port, world.heavy.port):
        console.change_instance("OrderService", port, enabled=False)
    try:
        eventually(lambda: not world.ports(), FOLLOWS, "the last one is still called")
        with pytest.raises(PeerUnavailable) as nobody:
            client.get("OrderService", "/livez")
        assert nobody.value.reason == "no instance"
    finally:
        for port in (world.light.port, world.heavy.port):
            console.change_instance("OrderService", port, enabled=True)


def test_a_weight_changed_in_the_console_counts(world: World, console: Console) -> None:
    console.change_instance("OrderService", world.light.port, weight=3.0)
    try:
        eventually(lambda: _weight(world, world.light.port) == 3.0, FOLLOWS)
        assert shares(world.registry, "OrderService")[world.light.port] == pytest.approx(0.5, rel=0.05)
    finally:
        console.change_instance("OrderService", world.light.port, weight=1.0)
    eventually(lambda: _weight(world, world.light.port) == 1.0, FOLLOWS)


def test_metadata_changed_in_the_console_arrives(world: World, console: Console) -> None:
    console.change_instance("OrderService", world.light.port, metadata={"protocol": "http", "lane": "canary"})

    def lane() -> str | None:
        return next(
            one.metadata.get("lane")
            for one in world.registry.instances("OrderService")
            if one.port == world.light.port
        )

    eventually(lambda: lane() == "canary", FOLLOWS)


def test_a_killed_instance_is_gone_and_calls_avoid_it_at_once(world: World) -> None:
    dead = world.heavy.port

    with traffic(world.registry, "OrderService") as calls:
        eventually(lambda: calls.made >= 5, 10)
        world.heavy.kill()
        eventually(lambda: dead not in world.listed(), 25, "a dead instance is still listed")
        eventually(lambda: dead not in world.ports(), FOLLOWS)

    world.heavy.start()
    eventually(world.is_whole, 60)
    assert world.heavy.port != dead
    assert world.listed() == {world.light.port, world.heavy.port}


def test_one_that_stops_in_order_loses_no_call(world: World) -> None:
    with traffic(world.registry, "OrderService") as calls:
        eventually(lambda: calls.made >= 5, 10)
        world.heavy.stop()
        eventually(lambda: world.ports() == {world.light.port}, FOLLOWS)

    assert world.heavy.process.returncode == 0


def test_a_killed_agent_comes_back_and_its_service_never_notices(world: World) -> None:
    before = world.heavy.process.pid, world.heavy.port, world.heavy.agent["pid"]

    with traffic(world.registry, "OrderService"):
        world.heavy.kill_agent()
        eventually(lambda: world.heavy.agent.get("pid") != before[2], 15, "no new agent")
        eventually(lambda: world.heavy.port in world.listed(), 15, "not listed again")

    assert (world.heavy.process.pid, world.heavy.port) == before[:2]


def _weight(world: World, port: int) -> float:
    return next(one.weight for one in world.registry.instances("OrderService") if one.port == port)
