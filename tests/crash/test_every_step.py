"""A process is killed before and after each of its calls and after each of its commits; all ends well."""

import pytest
import requests

from scripts.storyteller import eventually
from tests.crash.flows import FLOWS, World
from tests.crash.slaughter import Death, die_everywhere


@pytest.fixture(scope="module")
def deaths(world: World) -> dict[str, list[Death]]:
    return die_everywhere(world)


@pytest.mark.parametrize("name", FLOWS)
def test_it_comes_to_the_same_end_wherever_its_process_dies(
    world: World, deaths: dict[str, list[Death]], name: str
) -> None:
    assert len(deaths[name]) > FLOWS[name].least
    for death in deaths[name]:
        eventually(lambda death=death: _problem(world, name, death), lambda found: not found, name, 120)


def test_every_program_died_often(deaths: dict[str, list[Death]]) -> None:
    """Before and after each call and commit: the list of points is what the flows really do."""
    died = [death for dead in deaths.values() for death in dead if death.point]
    print(f"\n{len(died)} processes killed: " + "; ".join(str(death.point) for death in died))
    assert {FLOWS[name].program for name, dead in deaths.items() if len(dead) > 1} == {
        *("order", "payment", "order-worker", "payment-worker", "notification-worker", "sandbox-notifier")
    }
    assert len(died) >= 60


def test_the_books_agree_afterwards(world: World, deaths: dict[str, list[Death]]) -> None:
    world.shop.audit()


def _problem(world: World, name: str, death: Death) -> str:
    try:
        FLOWS[name].ended(world, death.case)
    except (AssertionError, requests.RequestException) as problem:
        return f"died {death.point}: {problem}"
    return ""
