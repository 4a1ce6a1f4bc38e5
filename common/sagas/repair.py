"""What an operator may do to a run: let it go on, turn it back, or stop it. Each is one conditional
UPDATE.
"""

from typing import Any
from uuid import UUID

from django.db.models import F, Q

from common import clock
from common.concrete import concrete
from common.errors import NotFound, StateConflict
from common.sagas.definition import definition_of
from common.sagas.journal import first_undo
from common.sagas.models import SagaState

ACTIVE = (SagaState.RUNNING, SagaState.COMPENSATING)


def saga_resume(uuid: UUID) -> Any:
    """Let a parked run go on where it stopped, with all its tries anew. Raises NotFound, StateConflict."""
    row = _get(uuid)
    return _change(row, (SagaState.PARKED,), state=row.parked_from or SagaState.RUNNING, **_anew())


def saga_turn_back(uuid: UUID) -> Any:
    """Undo a parked run instead: its current step may have happened, so undoing begins with that one.

    Raises NotFound, StateConflict (not parked, or its definition is unknown to this deploy).
    """
    row = _get(uuid)
    definition = definition_of(row.name, row.definition_version)
    if definition is None:
        raise StateConflict(data={"saga": row.name, "version": row.definition_version})
    return _change(row, (SagaState.PARKED,), **{**_anew(), **first_undo(definition, row.step)})


def saga_park(uuid: UUID, *, reason: str) -> Any:
    """Stop a run before its next step; a runner that is inside one finds its fence gone. Raises
    NotFound, StateConflict.
    """
    row = _get(uuid)
    return _change(
        row,
        ACTIVE,
        state=SagaState.PARKED,
        parked_from=row.state,
        uncertain=row.uncertain or row.lease_until is not None,
        last_error=f"parked by an operator: {reason}"[:500],
        lease_owner="",
        lease_until=None,
    )


def _get(uuid: UUID) -> Any:
    row = concrete("saga").objects.filter(uuid=uuid).first()
    if row is None:
        raise NotFound()
    return row


def _change(row: Any, states: tuple[SagaState, ...], **values: Any) -> Any:
    unmoved = Q(pk=row.pk, fence=row.fence, state=row.state, state__in=states, step=row.step)
    changed = concrete("saga").objects.filter(unmoved)
    if changed.update(**values, fence=F("fence") + 1, updated_at=clock.now()) != 1:
        raise StateConflict(data={"saga": str(row.uuid), "state": SagaState(row.state).label})
    row.refresh_from_db()
    return row


def _anew() -> dict[str, Any]:
    now = clock.now()
    return {
        "parked_from": None,
        "attempts": 0,
        "next_at": now,
        "step_since": now,
        "lease_owner": "",
        "lease_until": None,
    }
