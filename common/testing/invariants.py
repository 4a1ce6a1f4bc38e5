"""What must hold in every service at rest. Money and stock are each service's own; it composes these
with them.

Every function raises AssertionError with the offending rows. `CFMP_INVARIANTS` names the service's own
check, which the pytest plugin runs after each test that touched the database.
"""

from typing import Any

from django.conf import settings
from django.db.models import Max
from django.utils.module_loading import import_string

from common.concrete import concrete, has_part
from common.outbox.models import OutboxState
from common.sagas.models import SagaState
from common.transactions import entity_uuid_of


def assert_invariants() -> None:
    """The common invariants, then the service's own."""
    assert_outbox_is_sound()
    assert_sagas_are_sound()
    if path := getattr(settings, "CFMP_INVARIANTS", ""):
        import_string(path)()


def assert_outbox_is_sound() -> None:
    """Delivered rows say when, dead ones too; nothing is delivered ahead of an older one that is still
    on its way.
    """
    if not has_part("outbox"):
        return
    rows = list(concrete("outbox").objects.order_by("aggregate_id", "destination", "version", "id"))
    waiting: set[tuple[Any, str]] = set()
    for row in rows:
        line = (row.aggregate_id, row.destination)
        if row.state == OutboxState.PENDING:
            waiting.add(line)
        delivered = row.state == OutboxState.DELIVERED
        assert delivered == (row.delivered_at is not None), f"delivered without a time, or the reverse: {row}"
        assert not (delivered and line in waiting and row.attempts), f"delivered out of order: {row}"


def assert_sagas_are_sound() -> None:
    """What rests has an end and no lease; what was turned back says why."""
    if not has_part("saga"):
        return
    for row in concrete("saga").objects.all():
        resting = row.state in (SagaState.DONE, SagaState.COMPENSATED)
        assert resting == (row.finished_at is not None), f"finished without a time, or the reverse: {row}"
        assert not (resting and row.lease_until), f"at rest and leased: {row}"
        turned = row.state in (SagaState.COMPENSATING, SagaState.COMPENSATED)
        # an operator may turn a parked run back without its having been refused
        assert not turned or row.error or row.last_error, f"turned back, and nothing says why: {row}"


def assert_history_agrees(model: Any, history: Any, *, states: Any, field: str = "status") -> None:
    """Every row of `model` is in the state that its last history row along `field` led to."""
    last = history.objects.filter(axis=field).values("entity_uuid").annotate(last=Max("id")).values("last")
    targets = dict(
        history.objects.filter(pk__in=list(last.values_list("last", flat=True))).values_list(
            "entity_uuid", "target"
        )
    )
    for row in model.objects.all():
        told = targets.get(entity_uuid_of(row))
        now = states(getattr(row, field)).name.lower()
        assert told == now, f"{row!r} is {now}, its history says {told}"
