"""What a saga's row says after each outcome: one conditional UPDATE each, matched by the fence.

Deciding what to run next, and calling steps, is `runner`'s work.
"""

import random
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from common import clock, tracing
from common.atomic import in_transaction
from common.concrete import concrete
from common.counters import SAGA_STEPS
from common.errors import InternalError, PeerRejected, PeerUnavailable, SuiteError, all_errors
from common.log import get_logger
from common.sagas.definition import Saga, Step
from common.sagas.models import SagaState

log = get_logger(__name__)

# A peer that still works on our own keyed call says 409 with one of these; asking again is the right thing.
PEER_STILL_BUSY = frozenset({"1011", "1013"})


class FenceLost(Exception):
    """Somebody else has taken this run over: stop, they carry on from what is stored."""


def may_succeed_later(error: SuiteError) -> bool:
    """Whether a step that raised `error` is tried again rather than undone. A fault of our own (500) is
    no refusal.
    """
    if isinstance(error, PeerRejected) and str(error.peer_code) in PEER_STILL_BUSY:
        return True
    return error.retryable or error.status == 500


def lease_end() -> datetime:
    """One step must fit into a lease with room to spare: calls time out in seconds."""
    return clock.now() + timedelta(seconds=settings.CFMP.lease_seconds)


def take_over(row: Any, values: dict[str, Any]) -> None:
    """Give the object in memory what was just stored."""
    for name, value in values.items():
        setattr(row, name, value)


def advance(row: Any, definition: Saga, added: dict[str, Any] | None) -> None:
    """The current step is done: on to the next, or the end."""
    values = {"step": row.step + 1, "context": {**row.context, **(added or {})}, **_fresh_step()}
    if row.step + 1 == len(definition.steps):
        values |= {"step": row.step, **_resting(SagaState.DONE)}
    _write(row, values)
    SAGA_STEPS.labels(row.name, "done").inc()


def turn_back(row: Any, definition: Saga, error: SuiteError) -> None:
    """The current step was refused: undo what this run did. A step that may have happened unheard counts
    as done.
    """
    unheard = row.uncertain and not definition.steps[row.step].local
    last = row.step if unheard else row.step - 1
    log.info("saga_turns_back", saga=row.name, uuid=str(row.uuid), error=error.name)
    _write(row, {"error": pack_error(error), **_fresh_step(), **first_undo(definition, last)})
    SAGA_STEPS.labels(row.name, "refused").inc()


def step_back(row: Any, definition: Saga) -> None:
    """The current step is undone: on to the one before that has something to undo, or the end."""
    _write(row, {**_fresh_step(), **first_undo(definition, row.step - 1)})
    SAGA_STEPS.labels(row.name, "undone").inc()


def first_undo(definition: Saga, last: int) -> dict[str, Any]:
    """Where undoing goes on, at step `last` or below; to rest when nothing there can be undone."""
    for index in range(last, -1, -1):
        if definition.steps[index].undo is not None:
            return {"state": SagaState.COMPENSATING, "step": index}
    return {"step": 0, **_resting(SagaState.COMPENSATED)}


def wait(row: Any, definition: Saga, step: Step, seconds: float) -> bool:
    """The step asked for time. Returns False: nothing more to do now."""
    waited = (clock.now() - row.step_since).total_seconds()
    if step.patience is not None and waited >= step.patience:
        park(row, definition, f"{step.name}: waited {int(waited)} s")
        return False
    _write(row, {"next_at": clock.now() + timedelta(seconds=seconds), **_unleased()})
    return False


def try_again(row: Any, definition: Saga, step: Step, error: Exception) -> bool:
    """The step failed in a way that may pass: later, with growing pauses; parked when its tries are used
    up.
    """
    attempts = _attempts(row, step, error)
    text = f"{step.name}: {type(error).__name__}: {error}"[:500]
    if attempts > step.retries:
        park(row, definition, text, attempts=attempts, uncertain=True)
        return False
    pause = min(step.longest_pause, step.pause * 2 ** (attempts - 1)) * random.uniform(0.75, 1.25)
    values = {"attempts": attempts, "uncertain": True, "last_error": text}
    _write(row, {**values, "next_at": clock.now() + timedelta(seconds=pause), **_unleased()})
    SAGA_STEPS.labels(row.name, "retried").inc()
    return False


def _attempts(row: Any, step: Step, error: Exception) -> int:
    """A peer that cannot be reached never parks a run by itself: outages end."""
    if isinstance(error, PeerUnavailable):
        return max(row.attempts, min(row.attempts + 1, max(1, step.retries // 2)))
    return row.attempts + 1


def park(row: Any, definition: Saga, why: str, **values: Any) -> None:
    """Stop until an operator decides. The alert is the log line, the metric and the definition's
    `on_parked`.
    """
    _write(
        row,
        {
            "parked_from": row.state,
            "state": SagaState.PARKED,
            "last_error": why[:500],
            **values,
            **_unleased(),
        },
    )
    SAGA_STEPS.labels(row.name, "parked").inc()
    log.error("saga_parked", saga=row.name, uuid=str(row.uuid), entity=str(row.entity_uuid), reason=why)
    try:
        if definition.on_parked is not None:
            definition.on_parked(row)
    except Exception:
        log.exception("saga_alert_failed", saga=row.name, uuid=str(row.uuid))


def let_go(row: Any) -> None:
    """Out of time: leave the rest to the worker, at once."""
    _write(row, {"next_at": clock.now(), **_unleased()})


def origin_of(row: Any, deadline: float | None = None) -> tracing.RequestContext:
    """The request that started the run, for logs, calls and events of today's try."""
    origin = {"request_id": row.request_id, "traceparent": row.traceparent}
    known = {name: value for name, value in origin.items() if value}
    return tracing.RequestContext(deadline=deadline, language=row.language, actor=row.actor, **known)


def _fresh_step() -> dict[str, Any]:
    now = clock.now()
    return {"attempts": 0, "uncertain": False, "step_since": now, "next_at": now, "lease_until": lease_end()}


def _resting(state: SagaState) -> dict[str, Any]:
    return {"state": state, "finished_at": clock.now(), **_unleased()}


def _unleased() -> dict[str, Any]:
    return {"lease_owner": "", "lease_until": None}


def _write(row: Any, values: dict[str, Any]) -> None:
    values = {**values, "updated_at": clock.now()}
    mine = concrete("saga").objects.filter(pk=row.pk, fence=row.fence, state=row.state, step=row.step)
    if in_transaction(lambda: mine.update(**values)) != 1:
        raise FenceLost(str(row.uuid))
    take_over(row, values)


def pack_error(error: SuiteError) -> dict[str, Any]:
    """An error as stored: enough to raise it again in another process."""
    return {
        "code": error.code,
        "name": error.name,
        "params": {name: str(value) for name, value in error.params.items()},
        "fields": error.fields,
        "data": error.data,
        "retry_after": error.retry_after,
    }


def stored_error(row: Any) -> SuiteError | None:
    """The error that turned the run back; an InternalError when this deploy does not know its class."""
    if not row.error:
        return None
    kinds = {kind.__name__: kind for kind in all_errors()}
    kind = kinds.get(row.error["name"], InternalError)
    rest = {name: row.error[name] for name in ("fields", "data", "retry_after")}
    return kind(**rest, **row.error["params"])
