"""The agent itself: brings what Nacos knows of us and what we know of Nacos in line, again and again.

Room: network. One loop (`_settle`) compares what should be with what is, over the present connection, and
does what is missing; every event (a connection, a push, a change of readiness) only makes it run sooner. So
nothing depends on an event that may get lost.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any

from common import clock
from common.log import get_logger
from common.nacos_agent import advice
from common.nacos_agent.beliefs import Beliefs
from common.nacos_agent.configs import Configs, Receive
from common.nacos_agent.plan import Plan, Seat, only_here
from common.nacos_agent.readiness import Readiness
from common.nacos_client import NacosClient, NacosError, NacosUnreachable, Registration
from common.snapshots import SnapshotFolder, write_snapshot

log = get_logger(__name__)

TICK_SECONDS = 1.0
CHECK_SECONDS = 5.0
LEAVE_SECONDS = 1.0
REMIND_SECONDS = 60.0
STATE_SECONDS = 2.0


class Listing(Enum):
    """What we know of one registration over the present connection."""

    OUT = "out"
    UNSURE = "unsure"
    IN = "in"


@dataclass
class Place:
    """One seat, its readiness and whether Nacos lists it."""

    seat: Seat
    readiness: Readiness
    listing: Listing = Listing.OUT
    missing: bool = False

    @property
    def registration(self) -> Registration:
        return self.seat.registration


class Agent:
    """Runs from `run` until `stop`; `leave` deregisters for good and keeps everything else going."""

    def __init__(
        self,
        plan: Plan,
        receive: Receive,
        *,
        beliefs: Beliefs | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.plan = plan
        self.folder = SnapshotFolder.of(plan.settings.run_dir)
        self.beliefs = beliefs or Beliefs(self.folder)
        self._now = now
        self._wake = asyncio.Event()
        self._stopping = False
        self._leaving = False
        self._turn: asyncio.Task[None] | None = None
        self.client = NacosClient(
            plan.target,
            on_connected=self._wake.set,
            on_instances=self.beliefs.hear,
            on_config=self._config_changed,
        )
        self.configs = Configs(self.client, plan.configs, receive)
        self.places = [Place(seat, Readiness(seat.ready_url, self._wake.set)) for seat in plan.seats]
        self._epochs = {"naming": 0, "config": 0}
        self._subscribed: set[str] = set()
        self._namespace: bool | None = None
        # When each is due again (monotonic).
        self._due = {"lists": 0.0, "configs": 0.0, "namespace": 0.0, "state": 0.0, "reminder": 0.0}
        self._confirmed_at = ""
        self._problem = ""
        self._problem_since = 0.0
        # What to do about agent.json, when it cannot be written, and why.
        self._unwritten: tuple[str, str] | None = None
        self._state: dict[str, Any] = {}

    # --- life -----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until `stop`. Closes everything behind itself."""
        if services := only_here(self.plan):
            cure = "SERVICE_HOST=0.0.0.0, or SERVICE_ADVERTISE_HOST"
            log.warning("reachable_from_this_machine_only", services=services, cure=cure)
        watchers = [asyncio.create_task(place.readiness.watch()) for place in self.places]
        await self.client.start()
        try:
            while not await self._is_over():
                await self._take_turn()
                self._tell()
                await self._pause()
        finally:
            for task in watchers:
                task.cancel()
            await asyncio.gather(*watchers, return_exceptions=True)
            await self.client.close()
            self._tell()

    def leave(self) -> None:
        """Deregister now and stay so (SIGUSR1). What is being asked of Nacos meanwhile is given up."""
        log.info("leaving", services=[place.registration.service for place in self.places])
        self._leaving = True
        if self._turn is not None:
            self._turn.cancel()
        self._wake.set()

    def stop(self) -> None:
        """Deregister and end (SIGTERM)."""
        self._stopping = True
        self.leave()

    async def _is_over(self) -> bool:
        """Before anything else: go, when somebody asked us to."""
        self._wake.clear()
        if self._leaving:
            await asyncio.gather(*(self._leave(place) for place in self.places))
            self._tell()
        return self._stopping

    async def _take_turn(self) -> None:
        self._turn = asyncio.create_task(self._settle())
        await asyncio.wait({self._turn})
        if not self._turn.cancelled():
            # A fault of ours ends the process: whoever started it starts it again, with a clean slate.
            self._turn.result()

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(TICK_SECONDS):
                await self._wake.wait()

    # --- one turn -------------------------------------------------------------------------------

    async def _settle(self) -> None:
        self._note_new_connections()
        if not self.client.naming_connected:
            if self.client.problem:
                self._complain(advice.unreachable(self.plan.target), self.client.problem)
            return
        # One that fails leaves the others their turn: they ask for different rights, of different ports.
        parts = (self._settle_places, self._settle_lists, self._settle_configs, self._settle_namespace)
        problems = [problem for part in parts if (problem := await self._tried(part))]
        if self._unwritten:
            problems.append(self._unwritten)
        if problems:
            self._complain(*problems[0])
        else:
            self._be_content()

    async def _tried(self, part: Callable[[], Awaitable[None]]) -> tuple[str, str] | None:
        """What to do about the problem that `part` met, and the problem itself."""
        try:
            await part()
        except NacosError as error:
            return advice.about(error, self.plan.target), str(error)
        except OSError as error:
            return advice.unwritable(error), str(error)
        return None

    def _note_new_connections(self) -> None:
        known, self._epochs = self._epochs, dict(self.client.epochs)
        if known["naming"] != self._epochs["naming"]:
            self.beliefs.connected()
            self._subscribed.clear()
            # A server without its memory may have lost the namespace, too.
            self._namespace = None
            self._put_off("namespace", 0)
            self._put_off("lists", CHECK_SECONDS)
            for place in self.places:
                place.listing = Listing.OUT
        if known["config"] != self._epochs["config"]:
            self._put_off("configs", 0)

    def _is_due(self, what: str) -> bool:
        return self._now() >= self._due[what]

    def _put_off(self, what: str, seconds: float) -> None:
        self._due[what] = self._now() + seconds

    async def _settle_namespace(self) -> None:
        """Raises NoNamespace: Nacos registers in one that nobody made, too, and shows it nowhere."""
        if self._is_due("namespace") and self._namespace is not True:
            self._put_off("namespace", CHECK_SECONDS)
            with suppress(NacosUnreachable):
                # A server that does not tell is believed to have it.
                self._namespace = await self.client.namespace_exists() is not False
        if self._namespace is False:
            raise advice.NoNamespace(self.plan.target.namespace)

    async def _settle_places(self) -> None:
        for place in self.places:
            wanted = place.readiness.ready and not self._leaving
            if wanted and place.listing is not Listing.IN:
                await self._register(place)
            elif not wanted and place.listing is not Listing.OUT:
                await self._deregister(place)

    async def _register(self, place: Place) -> None:
        # Until the answer is here it may or may not be listed; a turn can be cut short at any await.
        place.listing = Listing.UNSURE
        await self.client.register(place.registration)
        place.listing = Listing.IN
        log.info("registered", **_shown(place.registration))

    async def _deregister(self, place: Place) -> None:
        await self.client.deregister(place.registration, LEAVE_SECONDS)
        place.listing = Listing.OUT
        log.info("deregistered", **_shown(place.registration))

    async def _settle_lists(self) -> None:
        for service in self.plan.watched:
            if service not in self._subscribed:
                self.beliefs.hear(await self.client.subscribe(service))
                self._subscribed.add(service)
        if self._is_due("lists") or self.beliefs.doubtful:
            self._put_off("lists", CHECK_SECONDS)
            await self._check()
        self._confirmed_at = clock.rfc3339(clock.now())

    async def _check(self) -> None:
        """Ask for every list, though pushes should have told: they get lost, and so do registrations."""
        for service in self.plan.watched:
            self.beliefs.hear(await self.client.query(service))
        for place in self.places:
            if place.listing is Listing.IN:
                await self._check_place(place)

    async def _check_place(self, place: Place) -> None:
        own = place.registration
        heard = await self.client.query(own.service)
        listed = any((one.host, one.port) == (own.host, own.port) for one in heard.instances)
        if not listed:
            # Lost, or disabled by an operator: then it does no harm and enables nothing.
            await self.client.register(own)
            if not place.missing:
                log.warning("registered_again", **_shown(own))
        place.missing = not listed

    async def _settle_configs(self) -> None:
        if self.client.config_problem:
            raise NacosUnreachable(self.client.config_problem)
        if self.client.config_connected and self._is_due("configs"):
            self._put_off("configs", CHECK_SECONDS)
            await self.configs.settle()

    def _config_changed(self, data_id: str) -> None:
        self._put_off("configs", 0)
        self._wake.set()

    async def _leave(self, place: Place) -> None:
        if place.listing is Listing.OUT:
            return
        try:
            async with asyncio.timeout(LEAVE_SECONDS):
                await self._deregister(place)
        except (NacosError, TimeoutError):
            # Nacos does not answer. It forgets us when the connection is gone.
            self.client.drop_naming()
            place.listing = Listing.OUT

    # --- telling --------------------------------------------------------------------------------

    def _complain(self, problem: str, reason: str) -> None:
        """At once when it is another one, then every minute."""
        if not self._problem:
            self._problem_since = self._now()
        if problem != self._problem or self._is_due("reminder"):
            log.error("nacos_problem", problem=problem, reason=reason, seconds=self._lasted())
            self._put_off("reminder", REMIND_SECONDS)
        self._problem = problem

    def _be_content(self) -> None:
        if self._problem:
            log.info("nacos_problem_over", problem=self._problem, seconds=self._lasted())
        self._problem = ""

    def _lasted(self) -> int:
        return round(self._now() - self._problem_since)

    def _tell(self) -> None:
        """Write agent.json when it says something new, or is older than a moment."""
        state = {
            "pid": os.getpid(),
            "connected": self.client.naming_connected,
            "registers": [place.registration.service for place in self.places],
            "registered": [place.registration.service for place in self.places if self._counts(place)],
            "leaving": self._leaving,
            "problem": self._problem,
        }
        if state == self._state and not self._is_due("state"):
            return
        self._state = state
        self._put_off("state", STATE_SECONDS)
        told = {**state, "confirmed_at": self._confirmed_at, "written_at": clock.rfc3339(clock.now())}
        try:
            write_snapshot(self.folder.agent, told)
            self._unwritten = None
        except OSError as error:
            self._unwritten = advice.unwritable(error), str(error)

    def _counts(self, place: Place) -> bool:
        # Whoever waits for us to be gone must not take "perhaps" for "no".
        return place.listing is not Listing.OUT if self._leaving else place.listing is Listing.IN


def _shown(registration: Registration) -> dict[str, Any]:
    return {
        "peer": registration.service,
        "address": f"{registration.host}:{registration.port}",
        "weight": registration.weight,
    }
