"""Runs a flow once to see where its program can die, then once for every such point, dying there."""

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from tests.crash.flows import Flow, World, about, told_to_the_twin
from tests.crash.programs import PATIENCE, Point, Twin, WebTwin, WorkerTwin
from tests.crash.table import FLOWS
from tests.shop import Order

# Leases of the dead end after these many seconds.
LEASE_SECONDS = 2
# Cases of a web flow that may end without coming to the point that is appointed.
SPARE = 3
STOPPED = ("order-worker", "payment-worker", "notification-worker", "sandbox-notifier")


@dataclass(frozen=True)
class Death:
    """One case and where its process died; None: it ran through, for the list of points."""

    point: Point | None
    case: Order


def die_everywhere(world: World) -> dict[str, list[Death]]:
    """All flows; by name, each case with its death. Everything runs again afterwards."""
    stack = world.shop.stack
    with ExitStack() as running:
        twins: dict[str, Twin] = {}
        for program in sorted({flow.program for flow in FLOWS.values()}):
            kind = WebTwin if program in ("order", "payment") else WorkerTwin
            twins[program] = running.enter_context(kind(stack, program).running())
        cases = {name: _prepared(world, flow, twins[flow.program]) for name, flow in FLOWS.items()}
        deaths = _in_lanes(world, twins, cases, [name for name, flow in FLOWS.items() if flow.is_web])
        # In this order: what is handed over to the first still needs the others.
        workers = [name for name in STOPPED if name in twins]
        for program in workers:
            stack.control("stop", f"cfmp:{program}")
            for name, flow in FLOWS.items():
                if flow.program == program:
                    flow.handed(world, cases[name])
        deaths |= _in_lanes(world, twins, cases, [name for name, flow in FLOWS.items() if not flow.is_web])
        stack.control("start", *(f"cfmp:{program}" for program in workers))
        for name, dead in deaths.items():
            for death in dead:
                FLOWS[name].later(world, death.case)
        world.books.alipay_waits_no_longer()
        _wait_for_alipay(world, deaths)
    return deaths


def _prepared(world: World, flow: Flow, twin: Twin) -> list[Order]:
    return flow.prepare(world, twin, flow.most + 1 + (SPARE if flow.is_web else 0))


def _in_lanes(
    world: World, twins: dict[str, Twin], cases: dict[str, list[Order]], names: Iterable[str]
) -> dict[str, list[Death]]:
    """Programs side by side, each one's flows one after the other."""
    lanes: dict[str, list[str]] = {}
    for name in names:
        lanes.setdefault(FLOWS[name].program, []).append(name)

    def lane(program: str) -> dict[str, list[Death]]:
        twin = twins[program]
        return {name: _die_at_each_point(world, FLOWS[name], twin, cases[name]) for name in lanes[program]}

    with ThreadPoolExecutor(len(lanes)) as pool:
        return {name: deaths for found in pool.map(lane, lanes) for name, deaths in found.items()}


def _die_at_each_point(world: World, flow: Flow, twin: Twin, cases: list[Order]) -> list[Death]:
    first, *others = cases
    points = _watched(world, flow, twin, first)
    assert flow.least <= len(points) <= flow.most, [str(point) for point in points]
    deaths, left = [Death(None, first)], iter(others)
    for point in points:
        deaths += _die_at(point, world, flow, twin, left)
    twin.forget()
    return deaths


def _die_at(point: Point, world: World, flow: Flow, twin: Twin, cases: Iterator[Order]) -> Iterator[Death]:
    """With the next case; with one more when the workers' event came first and saved the question."""
    for case in cases:
        twin.appoint(about(case), point, commits=flow.is_web)
        answered = flow.begin(world, twin, case)
        if isinstance(twin, WorkerTwin):
            _work_until_it_dies(twin, point)
        yield Death(point if twin.has_died else None, case)
        if twin.has_died:
            return
        assert answered in flow.answers, f"{flow.program} goes on ({answered}) {point}"
    raise AssertionError(f"{flow.program} never comes to {point}")


def _watched(world: World, flow: Flow, twin: Twin, case: Order) -> list[Point]:
    twin.appoint(about(case), commits=flow.is_web)
    answered = flow.begin(world, twin, case)
    if isinstance(twin, WorkerTwin):
        assert twin.work() == 0
    else:
        assert answered in flow.answers, answered
    twin.forget()
    return twin.points()


def _work_until_it_dies(twin: WorkerTwin, point: Point) -> None:
    """Again and again, as a supervisor would: what an earlier death has leased is not to be had at once."""
    end = time.monotonic() + PATIENCE
    while (status := twin.work()) == 0:
        assert time.monotonic() < end, f"{twin.program} never came to {point}"
        time.sleep(0.2)
    assert status == -9, f"{twin.program} failed with {status}"


def _wait_for_alipay(world: World, deaths: dict[str, list[Death]]) -> None:
    """The twins stay until Alipay has told them what it has to tell."""
    for name, flow in FLOWS.items():
        if flow.prepare is told_to_the_twin:
            for death in deaths[name]:
                world.shop.until(death.case, "is paid", lambda seen: seen["payment_status"] == "paid")
