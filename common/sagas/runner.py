"""Running sagas: started in the caller's transaction, run inline under a fenced lease, finished by the
worker.

Each advance is one conditional UPDATE that matches the fence, so a runner that lost its lease can do no
harm but repeat a keyed call. What is stored for each outcome is `journal`'s affair; what a step is,
`definition`'s.
"""

import time
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, Q

from common import clock, telemetry, tracing
from common.atomic import in_transaction, inside_atomic
from common.concrete import concrete
from common.errors import SuiteError
from common.ids import new_uuid
from common.log import get_logger
from common.sagas import journal
from common.sagas.definition import Saga, Step, StepRefused, StepWaiting, definition_of, definitions, step_key
from common.sagas.journal import FenceLost, may_succeed_later
from common.sagas.models import SagaState

log = get_logger(__name__)

# What a worker gives a run before it turns to the next.
WORKER_SECONDS = 25.0
ACTIVE = (SagaState.RUNNING, SagaState.COMPENSATING)


@dataclass(frozen=True)
class Outcome:
    """Where a run stands. `error` is why it was, or is being, undone; `running` means: ask again later
    (202).
    """

    state: Literal["done", "compensated", "running", "parked"]
    context: dict[str, Any] = field(default_factory=dict)
    error: SuiteError | None = None


def start(saga: Saga, *, key: str, context: dict[str, Any], entity: UUID, inline: bool = True) -> Any:
    """INSERT a run in the caller's transaction and return its row, leased to the caller, who runs it
    after commit.

    Should nobody do so, a worker takes it over; with `inline=False` it does so at once. A second start with
    the same key returns the first row, unleased.
    """
    sagas, now, origin = concrete("saga").objects, clock.now(), tracing.current()
    row = sagas.model(
        name=saga.name,
        definition_version=saga.version,
        key=key,
        entity_uuid=entity,
        context=context,
        lease_owner=new_uuid().hex if inline else "",
        lease_until=journal.lease_end() if inline else None,
        step_since=now,
        next_at=now,
        actor=origin.actor[:80],
        language=origin.language,
        request_id=origin.request_id,
        traceparent=origin.traceparent,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        earlier = sagas.filter(name=saga.name, key=key).first()
        if earlier is None:
            raise
        return earlier
    row.is_leased_here = inline
    return row


def run(row: Any, *, deadline: float | None = None) -> Outcome:
    """Carry `row` on until it rests, must wait, or `deadline` (monotonic seconds) has passed.

    Calls out: RuntimeError inside a transaction. A step's failure is never raised, it is the outcome.
    """
    if inside_atomic():
        raise RuntimeError("run() calls out: commit first.")
    definition = definition_of(row.name, row.definition_version)
    if definition is None or row.state not in ACTIVE:
        return outcome_of(row)
    if not (getattr(row, "is_leased_here", False) or _claim(row)):
        row.refresh_from_db()
        return outcome_of(row)
    try:
        _carry_on(row, definition, deadline)
    except FenceLost:
        row.refresh_from_db()
    row.is_leased_here = False
    return outcome_of(row)


def outcome_of(row: Any) -> Outcome:
    """What a stored row says, without running it."""
    states = {SagaState.DONE: "done", SagaState.COMPENSATED: "compensated", SagaState.PARKED: "parked"}
    return Outcome(states.get(row.state, "running"), dict(row.context), journal.stored_error(row))  # type: ignore[arg-type]


def run_due(limit: int = 20) -> bool:
    """Claim and carry on up to `limit` runs that are due or were left by a dead runner. True when there
    were any.

    Runs whose definition this deploy does not know are not even looked at: the one that knows them runs
    beside it, and must find them as they are.
    """
    now = clock.now()
    due = concrete("saga").objects.filter(
        Q(lease_until=None) | Q(lease_until__lte=now),
        _known_here(),
        state__in=ACTIVE,
        next_at__lte=now,
    )
    rows = list(due.order_by("next_at")[:limit])
    for row in rows:
        _run_stored(row)
    return bool(rows)


def _known_here() -> Q:
    """Every definition of this deploy, by name and version; nothing when there is none."""
    known = Q(pk__in=())
    for saga in definitions():
        known |= Q(name=saga.name, definition_version=saga.version)
    return known


def _run_stored(row: Any) -> None:
    deadline = time.monotonic() + WORKER_SECONDS
    with tracing.bound(journal.origin_of(row, deadline)):
        tracing.about(saga=row.uuid, entity=row.entity_uuid)
        run(row, deadline=deadline)


def _claim(row: Any) -> bool:
    """Win the row by conditional UPDATE, if it still is what `row` says, and read it anew.

    Taken from a runner that died, its step may have happened unheard.
    """
    now = clock.now()
    free = Q(lease_until=None) | Q(lease_until__lte=now)
    values: dict[str, Any] = {"lease_owner": new_uuid().hex, "lease_until": journal.lease_end()}
    if row.lease_until is not None:
        values["uncertain"] = True
    same = Q(pk=row.pk, fence=row.fence, state=row.state, step=row.step, next_at__lte=now)
    mine = concrete("saga").objects.filter(free, same)
    if in_transaction(lambda: mine.update(**values, fence=F("fence") + 1)) != 1:
        return False
    row.refresh_from_db()
    row.is_leased_here = True
    return True


def _carry_on(row: Any, definition: Saga, deadline: float | None) -> None:
    while row.state in ACTIVE:
        if deadline is not None and time.monotonic() >= deadline:
            journal.let_go(row)
            return
        step = definition.steps[row.step]
        forward = row.state == SagaState.RUNNING
        name = f"saga {row.name}: {'' if forward else 'undo '}{step.name}"
        with telemetry.span(name, {"saga.uuid": str(row.uuid)}) as span:
            goes_on = _do(row, definition, step) if forward else _undo(row, definition, step)
            span.add(saga_state=SagaState(row.state).label)
        if not goes_on:
            return


def _do(row: Any, definition: Saga, step: Step) -> bool:
    """One try of one step. True when the run may go on at once."""
    try:
        _do_and_advance(row, definition, step)
    except FenceLost:
        raise
    except StepWaiting as waiting:
        return journal.wait(row, definition, step, waiting.seconds)
    except StepRefused as refusal:
        journal.turn_back(row, definition, refusal.error)
    except SuiteError as error:
        if may_succeed_later(error):
            return journal.try_again(row, definition, step, error)
        journal.turn_back(row, definition, error)
    except Exception as error:
        log.exception("saga_step_broke", saga=row.name, step=step.name, uuid=str(row.uuid))
        return journal.try_again(row, definition, step, error)
    return True


def _do_and_advance(row: Any, definition: Saga, step: Step) -> None:
    key = step_key(row.uuid, step.name)
    if step.local:
        in_transaction(lambda: journal.advance(row, definition, step.do(dict(row.context), key)))
        return
    found = step.happened(dict(row.context), key) if row.uncertain and step.happened else None
    journal.advance(row, definition, step.do(dict(row.context), key) if found is None else found)


def _undo(row: Any, definition: Saga, step: Step) -> bool:
    try:
        if step.undo is not None:
            step.undo(dict(row.context), step_key(row.uuid, step.name))
        journal.step_back(row, definition)
    except FenceLost:
        raise
    except StepWaiting as waiting:
        return journal.wait(row, definition, step, waiting.seconds)
    except Exception as error:
        log.warning("saga_undo_failed", saga=row.name, step=step.name, uuid=str(row.uuid), exc_info=True)
        return journal.try_again(row, definition, step, error)
    return True
