"""Taking, keeping and letting go of a named lease. What is right without it is the caller's conditional
UPDATE.
"""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, OperationalError, transaction
from django.db.models import F

from common import clock
from common.atomic import in_transaction, inside_atomic, may_run_again
from common.concrete import concrete
from common.errors import LeaseTimeout
from common.ids import new_uuid

POLL_SECONDS = (0.02, 0.12)
# What is let go looks free also to a host whose clock is behind ours.
CLOCKS_APART = timedelta(hours=1)


class Held:
    """A lease in hand. It may run out under us: `fence` and `extend` say so, and only they ask the
    database.
    """

    def __init__(self, name: str, owner: str) -> None:
        self.name = name
        self.owner = owner
        self._fence: int | None = None

    @property
    def fence(self) -> int:
        """The number of this holding, greater than any before it. Raises LeaseTimeout when the lease was
        lost.
        """
        if self._fence is None:
            self._fence = self._rows().values_list("fence", flat=True).first()
        if self._fence is None:
            raise LeaseTimeout(retry_after=1)
        return self._fence

    def extend(self, seconds: float) -> None:
        """Hold on for `seconds` from now. Raises LeaseTimeout when somebody else has it already."""
        if self._rows().update(held_until=clock.now() + timedelta(seconds=seconds)) != 1:
            raise LeaseTimeout(retry_after=1)

    def _rows(self) -> Any:
        return concrete("lease").objects.filter(name=self.name, owner=self.owner)


@contextmanager
def lease(name: str, wait: float = 3.0, hold: float = 20.0) -> Iterator[Held]:
    """Hold `name` for at most `hold` seconds; wait up to `wait` seconds for whoever has it.

    Raises LeaseTimeout (409, with retry_after) when it is not got in time, and RuntimeError inside a
    transaction, where nobody else would see that we took it.
    """
    if inside_atomic():
        raise RuntimeError("A lease is taken outside any transaction: inside, nobody else can see it.")
    held = Held(name, new_uuid().hex)
    _wait_for(held, wait, hold)
    try:
        yield held
    finally:
        in_transaction(lambda: held._rows().update(held_until=clock.now() - CLOCKS_APART))


def _wait_for(held: Held, wait: float, hold: float) -> None:
    until = time.monotonic() + wait
    if _take_free(held, hold) or _take_unknown(held, hold):
        return
    while time.monotonic() < until:
        time.sleep(random.uniform(*POLL_SECONDS))
        if _take_free(held, hold):
            return
    raise LeaseTimeout(retry_after=max(1, round(wait)))


def _take_free(held: Held, hold: float) -> bool:
    """A row that nobody holds any more is won by conditional UPDATE."""
    free = concrete("lease").objects.filter(name=held.name, held_until__lte=clock.now())
    return in_transaction(lambda: free.update(**_values(held, hold), fence=F("fence") + 1)) == 1


def _take_unknown(held: Held, hold: float) -> bool:
    """A name never held before is won by the unique insert.

    Not by in_transaction: here the primary key's twin is the answer, not an accident to be tried again.
    """
    try:
        with transaction.atomic():
            concrete("lease").objects.create(name=held.name, **_values(held, hold))
    except IntegrityError:
        return False
    except OperationalError as error:
        if not may_run_again(error):
            raise
        return _take_unknown(held, hold)
    return True


def _values(held: Held, hold: float) -> dict[str, Any]:
    now = clock.now()
    return {"owner": held.owner, "held_until": now + timedelta(seconds=hold), "acquired_at": now}


def forget_old(days: int = 7, limit: int = 1000) -> int:
    """Delete up to `limit` leases that nobody has touched for `days`.

    Their holders are long gone, so fences may start anew.
    """
    old = clock.now() - timedelta(days=days)
    leases = concrete("lease").objects
    names = list(leases.filter(held_until__lt=old).values_list("name", flat=True)[:limit])
    return leases.filter(name__in=names, held_until__lt=old).delete()[0]
