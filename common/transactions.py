"""A change of state: the conditional UPDATE, the history row and the events, in one transaction.

Also the door to `in_transaction` and `@transactional` (from `atomic`), so a service imports one module.
Which transitions exist is data in each service's `states.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import models, transaction
from django.db.models import F, Q

from common import clock, tracing
from common.atomic import in_transaction, inside_atomic, transactional
from common.counters import TRANSITIONS
from common.errors import StateConflict, SuiteError
from common.ids import new_id
from common.outbox.publish import Event, publish
from common.state_machine import StateMachine

__all__ = [
    "TransitionBase",
    "apply_transition",
    "in_transaction",
    "inside_atomic",
    "record_created",
    "transactional",
]

Publish = Callable[[Any], Sequence[Event]] | Sequence[Event]
# Each lost round means that somebody else changed the row, legally, in between.
ROUNDS = 5


class TransitionBase(models.Model):
    """One step of one entity along one axis, append-only. `source` and `target` are lower-case state names.

    `source` is empty for the row's birth.
    """

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    entity_uuid = models.UUIDField(db_index=True)
    axis = models.CharField(max_length=40, default="status")
    event = models.CharField(max_length=60)
    source = models.CharField(max_length=40, blank=True, default="")
    target = models.CharField(max_length=40)
    actor = models.CharField(max_length=80)
    reason = models.CharField(max_length=255, blank=True, default="")
    request_id = models.CharField(max_length=128, blank=True, default="")
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        abstract = True
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.axis}: {self.source or 'nothing'} -> {self.target} by {self.event}"


def apply_transition(
    row: Any,
    event: str,
    *,
    machine: StateMachine,
    history: type[models.Model],
    actor: str,
    reason: str = "",
    field: str = "status",
    changes: Mapping[str, Any] | None = None,
    where: Mapping[str, Any] | Q | None = None,
    publish: Publish = (),
    conflict: type[SuiteError] = StateConflict,
) -> None:
    """Move `row` by `event`: one conditional UPDATE, one history row, and the events it publishes.

    The UPDATE matches the primary key, the machine's sources and `where`, adds one to `version` and sets
    `updated_at` (where the model has it) together with `changes`. Other columns may have moved since
    `row` was read: write `changes` that build on them as F() expressions or guard them by `where`.
    Afterwards `row` holds the new values. Must run inside a transaction. Raises `conflict` when the row
    is in no source state or `where` does not hold.
    """
    _require_transaction(f"apply_transition({event!r})")
    source = _compare_and_set(row, event, machine, field, dict(changes or {}), where, conflict)
    _write_history(row, history, field, event, source, machine.target(event), actor, reason)
    _count_when_committed(row, field, event)
    _publish(publish(row) if callable(publish) else publish)


def record_created(
    row: Any,
    *,
    machine: StateMachine,
    history: type[models.Model],
    actor: str,
    reason: str = "",
    field: str = "status",
    event: str = "created",
    publish: Publish = (),
) -> None:
    """Write the birth of `row` (already inserted in this transaction): its first history row and its
    events.
    """
    _require_transaction("record_created")
    _write_history(row, history, field, event, None, machine.initial, actor, reason)
    _count_when_committed(row, field, event)
    _publish(publish(row) if callable(publish) else publish)


def entity_uuid_of(row: Any) -> UUID:
    """The public UUID of a row: `uuid`, or the field named after the model (`order_uuid`, `payment_uuid`)."""
    for name in ("uuid", f"{row._meta.model_name}_uuid", "entity_uuid"):
        if hasattr(row, name):
            return getattr(row, name)
    raise AttributeError(f"{type(row).__name__} has neither `uuid` nor `{row._meta.model_name}_uuid`.")


def _require_transaction(what: str) -> None:
    if not inside_atomic():
        raise RuntimeError(f"{what} needs a transaction: the state, its history and its events go together.")


def _compare_and_set(
    row: Any,
    event: str,
    machine: StateMachine,
    field: str,
    changes: dict[str, Any],
    where: Mapping[str, Any] | Q | None,
    conflict: type[SuiteError],
) -> Any:
    """Return the state the row really came from.

    Neither database returns what an UPDATE replaced, so we match the very state and version we have in
    hand; when they are stale we read again and try again, as long as the fresh state is a source.
    """
    for _ in range(ROUNDS):
        source, version = getattr(row, field), row.version
        if source not in machine.sources(event):
            row.refresh_from_db(fields=[field, "version"])
            if getattr(row, field) not in machine.sources(event):
                raise _conflict(conflict, row, event, machine, field)
            continue
        values = _values(row, machine.target(event), field, changes)
        match = Q(**{"pk": row.pk, field: source, "version": version}) & _as_q(where)
        if type(row)._default_manager.filter(match).update(**values, version=F("version") + 1) == 1:
            _take_over(row, values, version + 1)
            return source
        row.refresh_from_db(fields=[field, "version"])
        if (getattr(row, field), row.version) == (source, version):
            raise _conflict(conflict, row, event, machine, field)  # then it was `where` that did not hold
    raise _conflict(conflict, row, event, machine, field)


def _as_q(where: Mapping[str, Any] | Q | None) -> Q:
    return where if isinstance(where, Q) else Q(**(where or {}))


def _values(row: Any, target: Any, field: str, changes: dict[str, Any]) -> dict[str, Any]:
    values = {**changes, field: target}
    if any(column.name == "updated_at" for column in row._meta.fields):
        values.setdefault("updated_at", clock.now())
    return values


def _take_over(row: Any, values: dict[str, Any], version: int) -> None:
    """Give the object in memory what the UPDATE wrote; computed values are read back."""
    computed = [name for name, value in values.items() if hasattr(value, "resolve_expression")]
    for name, value in values.items():
        if name not in computed:
            setattr(row, name, value)
    row.version = version
    if computed:
        row.refresh_from_db(fields=computed)


def _conflict(
    conflict: type[SuiteError], row: Any, event: str, machine: StateMachine, field: str
) -> SuiteError:
    return conflict(data={"event": event, field: machine.states(getattr(row, field)).name.lower()})


def _write_history(
    row: Any,
    history: type[models.Model],
    axis: str,
    event: str,
    source: Any,
    target: Any,
    actor: str,
    reason: str,
) -> None:
    history._default_manager.create(
        entity_uuid=entity_uuid_of(row),
        axis=axis,
        event=event,
        source="" if source is None else type(target)(source).name.lower(),
        target=target.name.lower(),
        actor=actor[:80],
        reason=reason[:255],
        request_id=tracing.current().request_id,
    )


def _count_when_committed(row: Any, axis: str, event: str) -> None:
    series = TRANSITIONS.labels(row._meta.model_name, axis, event)
    transaction.on_commit(series.inc)


def _publish(events: Sequence[Event]) -> None:
    publish(*events)
