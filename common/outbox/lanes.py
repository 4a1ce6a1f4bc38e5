"""Doors that are no peers' are served side by side, one lane each: a slow or a dead one costs only itself.

Room: Django. A door whose lane found nobody rests, longer each time, so that not even many of them hold every
lane. That is known to this worker alone: another, or the next, learns it by one try. What is due and when a
letter is dead stays `relay`'s affair.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta

from django.db import connections

from common import clock
from common.outbox.relay import Door, door_waiting, relay_door

# So many connections to the database a worker may open besides those of its duties.
MOST = 8
LONGEST_REST = 30.0


class Lanes:
    """Up to `most` doors at once. One thread starts and looks after them: a worker's duty."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._pool = ThreadPoolExecutor(most, thread_name_prefix="outside")
        self._in_hand: dict[Door, Future[bool]] = {}
        self._failures: dict[Door, int] = {}
        self._rests_until: dict[Door, datetime] = {}

    def start_due(self) -> bool:
        """Give the next door its lane. False when no door waits, or all lanes are taken.

        Raises what kept a lane from its work: a database that is away, say.
        """
        self._look_after()
        if len(self._in_hand) == self._most:
            return False
        door = door_waiting({*self._in_hand, *self._resting()})
        if door is not None:
            self._in_hand[door] = self._pool.submit(_serve, door)
        return door is not None

    def finish(self) -> None:
        """Wait for what the lanes have in hand."""
        self._pool.shutdown()

    def _look_after(self) -> None:
        for door, lane in list(self._in_hand.items()):
            if lane.done():
                del self._in_hand[door]
                self._note(door, answered=lane.result())

    def _note(self, door: Door, *, answered: bool) -> None:
        if answered:
            self._failures.pop(door, None)
            return
        failures = self._failures[door] = self._failures.get(door, 0) + 1
        # The exponent is bounded, too: a door may be away for months.
        rest = min(LONGEST_REST, 2.0 ** min(failures - 1, 10))
        self._rests_until[door] = clock.now() + timedelta(seconds=rest)

    def _resting(self) -> Iterator[Door]:
        now = clock.now()
        self._rests_until = {door: until for door, until in self._rests_until.items() if until > now}
        return iter(self._rests_until)


def _serve(door: Door) -> bool:
    try:
        return relay_door(door)
    finally:
        connections.close_all()
