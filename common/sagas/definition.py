"""What a saga is: named, versioned steps, and what a step may say. Running them is `runner`'s work.

A service defines its sagas as module variables in `<app>/sagas/`; making one registers it. A change to
the steps of a saga gets a new version, and the old one stays until no stored run needs it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from common.errors import SuiteError

Context = dict[str, Any]
Do = Callable[[Context, UUID], Context | None]

_known: dict[tuple[str, int], "Saga"] = {}


class StepRefused(Exception):
    """Said by a step: this will never work. The run undoes what it did, and `error` is its outcome."""

    def __init__(self, error: SuiteError) -> None:
        self.error = error
        super().__init__(str(error))


class StepWaiting(Exception):
    """Said by a step: not yet, ask me again in `seconds`. Costs none of its retries."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"asks again in {seconds} s")


@dataclass(frozen=True)
class Step:
    """One thing to do, and how to undo it.

    `do(context, step_key)` returns what to add to the context (ids and amounts, never plain PII) or
    None. It runs at least once: whatever it calls must be keyed by `step_key`, or be found done by
    `happened(context, step_key)`, which is asked first whenever an earlier try may have worked unheard
    (a dict: it happened, this was its result). `undo(context, step_key)` gets the same key and must
    accept that nothing is there to undo; an opposite call of its own is keyed by `undo_key(step_key)`.
    `local=True`: `do` touches only our own database and commits together with the advance, exactly once.
    `retries` tries after the first, `pause` seconds doubling up to `longest_pause`; then the run parks;
    a peer that cannot be reached (PeerUnavailable) never uses them up.
    `patience`: seconds that StepWaiting may last before the run parks (None: for ever).
    """

    name: str
    do: Do
    undo: Callable[[Context, UUID], Any] | None = None
    happened: Callable[[Context, UUID], Context | None] | None = None
    local: bool = False
    retries: int = 12
    pause: float = 1.0
    longest_pause: float = 300.0
    patience: float | None = None


@dataclass(frozen=True)
class Saga:
    """A definition. (name, version) is stored with every run, so a deploy never changes those in flight."""

    name: str
    version: int
    steps: tuple[Step, ...]
    on_parked: Callable[[Any], None] | None = None

    def __post_init__(self) -> None:
        names = [step.name for step in self.steps]
        if not names or len(set(names)) != len(names):
            raise ValueError(f"Saga {self.name}: steps need names of their own.")
        _known[self.name, self.version] = self


def definition_of(name: str, version: int) -> Saga | None:
    """The registered definition; None when this deploy does not know it."""
    return _known.get((name, version))


def definitions() -> list[Saga]:
    """All that are registered, by name and version."""
    return [_known[key] for key in sorted(_known)]


def step_key(saga_uuid: UUID, step_name: str) -> UUID:
    """The same for every try of this step in this run: the Idempotency-Key of what it calls."""
    return uuid5(saga_uuid, step_name)


def undo_key(key: UUID) -> UUID:
    """The key for an opposite call made by `undo`."""
    return uuid5(key, "undo")
