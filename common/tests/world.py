"""The outside world of saga tests: peers that keep keys, and die or fail as they are told to."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from common.sagas.definition import Context, Saga, Step
from common.sagas.models import SagaState
from common.sagas.runner import Outcome, outcome_of, run_due, start
from common.tests.ring.models import RingSaga

LEASE_SECONDS = settings.CFMP.lease_seconds
ENTITY = UUID("01900000-0000-7000-8000-000000000001")


class Killed(BaseException):
    """kill -9: no handler runs, nothing more is written."""


@dataclass
class World:
    """The peers: they do things once per key, and can be told to fail before or after the effect."""

    done: dict[UUID, str] = field(default_factory=dict)
    undone: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    before: dict[str, list[BaseException]] = field(default_factory=dict)
    after: dict[str, list[BaseException]] = field(default_factory=dict)

    def act(self, name: str, key: UUID) -> Context:
        self.calls.append(name)
        self.trouble(self.before, name)
        self.done[key] = name
        self.trouble(self.after, name)
        return {name: str(key)}

    def reverse(self, name: str, key: UUID) -> None:
        self.calls.append(f"undo {name}")
        self.trouble(self.before, f"undo {name}")
        if self.done.pop(key, None):
            self.undone.append(name)
        self.trouble(self.after, f"undo {name}")

    @staticmethod
    def trouble(troubles: dict[str, list[BaseException]], name: str) -> None:
        if troubles.get(name):
            raise troubles[name].pop(0)

    def step(self, name: str, *, undo: bool = True, **options: Any) -> Step:
        reverse = (lambda context, key: self.reverse(name, key)) if undo else None
        return Step(name, lambda context, key: self.act(name, key), reverse, **options)


def trip(world: World, *names: str, **options: Any) -> Saga:
    return Saga("trip", 1, tuple(world.step(name, **options) for name in names or ("a", "b", "c")))


def begin(saga: Saga, key: str = "k", context: Context | None = None) -> Any:
    with transaction.atomic():
        return start(saga, key=key, context=context or {"given": "1.00"}, entity=ENTITY)


def finish(clock_: Any) -> Outcome:
    """Let the worker do all it can, however long it takes."""
    for _ in range(60):
        while run_due():
            pass
        row = RingSaga.objects.get()
        if row.state in (SagaState.DONE, SagaState.COMPENSATED, SagaState.PARKED):
            break
        clock_.move(seconds=400)
    return outcome_of(RingSaga.objects.get())
