"""A process is killed before and after each of its calls and after each of its commits; all ends well."""

import json
from collections import defaultdict
from itertools import product

import pytest
import requests

from scripts.storyteller import eventually
from tests.conftest import ROOT, Stack
from tests.crash.doom import NAMES, WEBHOOK
from tests.crash.flows import World
from tests.crash.slaughter import Death, die_everywhere
from tests.crash.table import CALLS_LEFT_OUT, FLOWS, LEFT_OUT

SERVICES = ("order", "payment", "notification")
# Everything that is asked of the provider; its pages are the buyer's affair.
PROVIDER = {
    f"alipay.trade.{name}" for name in ("precreate", "query", "close", "refund", "fastpay.refund.query")
}
REGISTERED = """
import json
from common.sagas.definition import definitions
from common.worker import load_definitions
load_definitions()
steps = [(saga, step) for saga in definitions() for step in saga.steps]
named = [f"step {saga.name}.{saga.version}.{step.name}" for saga, step in steps]
named += [f"undo {saga.name}.{saga.version}.{step.name}" for saga, step in steps if step.undo]
print(json.dumps(named))
"""


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
    assert len(died) >= 100


def test_every_step_of_every_saga_was_died_at(stack: Stack, deaths: dict[str, list[Death]]) -> None:
    """A step that is registered in any service, and that no flow comes to, fails here."""
    registered: set[str] = set()
    for service in SERVICES:
        printed = stack.manage(f"{service}-service", "shell", "-v", "0", "-c", REGISTERED).stdout
        registered |= set(json.loads(printed.splitlines()[-1]))

    assert len(registered) >= 14
    assert registered - {name for name, _ in _moments(deaths)} == set(LEFT_OUT)


def test_every_answer_was_died_before_and_after(deaths: dict[str, list[Death]]) -> None:
    """Of the provider, of a client, and of every peer that a contract names."""
    moments = _moments(deaths)
    by_service = _calls_by_service(deaths)
    contracts = [json.loads(path.read_text()) for path in sorted((ROOT / "contracts").glob("*.json"))]
    agreed = {(one["caller"], _call(one["request"])) for one in contracts}

    assert set(product({*PROVIDER, WEBHOOK}, ("before", "after"))) <= moments
    assert {
        (caller, call) for caller, call in agreed if not {"before", "after"} <= by_service[caller][call]
    } == set(CALLS_LEFT_OUT)


def test_the_books_agree_afterwards(world: World, deaths: dict[str, list[Death]]) -> None:
    world.shop.audit()


def _moments(deaths: dict[str, list[Death]]) -> set[tuple[str, str]]:
    died = [death.point for dead in deaths.values() for death in dead if death.point]
    return {(point.name, point.moment) for point in died}


def _calls_by_service(deaths: dict[str, list[Death]]) -> dict[str, dict[str, set[str]]]:
    """Service -> call, an event's type left off -> the moments at which it was died."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for name, dead in deaths.items():
        service = f"{FLOWS[name].program.removesuffix('-worker').capitalize()}Service"
        for point in [death.point for death in dead if death.point]:
            found[service][" ".join(point.name.split()[:2])].add(point.moment)
    return found


def _call(request: dict[str, str]) -> str:
    path = request["path"].partition("?")[0]
    for name in ("order_uuid", "payment_uuid", "user_uuid", "product_uuid"):
        path = path.replace(f"{{{name}}}", "*")
    return f"{request['method']} {NAMES.sub('*', path)}"


def _problem(world: World, name: str, death: Death) -> str:
    try:
        FLOWS[name].ended(world, death.case)
    except (AssertionError, requests.RequestException) as problem:
        return f"died {death.point}: {problem}"
    return ""
