"""Instances whose clock is an hour off are found, steered and told the news like any other."""

import urllib.request
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from common import clock
from common.testing.processes import eventually
from scripts.nacos_server.console import Console
from tests.clocks import clock_apart, compiled
from tests.nacos.conftest import World
from tests.nacos.instances import Instance
from tests.nacos.test_listing import FOLLOWS


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("clocks"))


@pytest.mark.parametrize("apart", [3600, -3600])
class TestAnHourApart:
    """By `apart` seconds, all processes of the instance; Nacos and everybody else have the right time."""

    @pytest.fixture
    def variables(self, library: Path, apart: int) -> dict[str, str]:
        return clock_apart(library, apart)

    @pytest.fixture
    def instance(self, world: World, variables: dict[str, str], apart: int) -> Iterator[Instance]:
        """An OrderService, listed and known; in order and gone afterwards."""
        made = world.site.instance("order-service", f"apart{apart}", **variables)
        eventually(lambda: made.port in world.ports(), 60, "the caller does not know it")
        yield made
        made.stop()

    def test_an_instance_is_listed_and_steered(
        self, world: World, instance: Instance, apart: int, console: Console
    ) -> None:
        assert _distance(instance) == pytest.approx(apart, abs=60)
        assert instance.port in world.listed()

        console.change_instance("OrderService", instance.port, enabled=False)
        eventually(lambda: instance.port not in world.ports(), FOLLOWS, "disabled, and still called")
        console.change_instance("OrderService", instance.port, enabled=True)
        eventually(lambda: instance.port in world.ports(), FOLLOWS, "enabled again, and not called")

    def test_no_list_is_older_or_younger_than_it_is(self, instance: Instance) -> None:
        """By the instance's own clock; and for a reader with ours no list is from the future."""
        eventually(lambda: _ages(instance), 20, "no ages are told")

        assert all(0 <= age < 30 for age in _ages(instance).values())
        assert all(age >= 0 for age in instance.registry.ages().values())

    def test_a_caller_follows_a_change(
        self, world: World, variables: dict[str, str], apart: int, console: Console
    ) -> None:
        caller = world.site.instance("payment-service", f"caller{apart}", role="agent", **variables)
        eventually(lambda: _ports(caller) == world.ports(), 30, "it does not know both")
        console.change_instance("OrderService", world.heavy.port, enabled=False)
        try:
            eventually(lambda: _ports(caller) == {world.light.port}, FOLLOWS, "disabled, and still called")
        finally:
            console.change_instance("OrderService", world.heavy.port, enabled=True)
        eventually(lambda: len(_ports(caller)) == 2, FOLLOWS, "enabled again, and not called")
        caller.stop()


def _distance(instance: Instance) -> float:
    """Seconds from our clock to the one its agent writes by."""
    return (datetime.fromisoformat(str(instance.agent["written_at"])) - clock.now()).total_seconds()


def _ports(caller: Instance) -> set[int]:
    return {one.port for one in caller.registry.instances("OrderService")}


def _ages(instance: Instance) -> dict[str, float]:
    """What it tells Prometheus of each peer's list."""
    with urllib.request.urlopen(f"http://127.0.0.1:{instance.port}/metrics", timeout=10) as answer:
        page = answer.read().decode()
    families = {family.name: family.samples for family in text_string_to_metric_families(page)}
    return {one.labels["peer"]: one.value for one in families.get("nacos_list_age_seconds", [])}
