"""What can be done with a parcel; each function is one local transaction."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import F

from common import clock
from common.idempotency.claim import bind
from common.outbox.inbox import IncomingEvent, accept
from common.outbox.publish import Event
from common.tests.ring.models import Parcel, ParcelTransition
from common.tests.ring.states import PARCEL, ParcelStatus
from common.transactions import apply_transition, record_created, transactional


@transactional
def parcel_pack(*, weight: int, actor: str) -> Parcel:
    parcel = Parcel.objects.create(weight=weight)
    record_created(parcel, machine=PARCEL, history=ParcelTransition, actor=actor)
    bind("parcel", parcel.parcel_uuid)
    return parcel


@transactional
def parcel_move(
    *, parcel: Parcel, event: str, actor: str, extra: int = 0, where: dict[str, Any] | None = None
) -> Parcel:
    """`send` tells two services, `receive` one, `lose` nobody."""
    apply_transition(
        parcel,
        event,
        machine=PARCEL,
        history=ParcelTransition,
        actor=actor,
        changes={"weight": F("weight") + extra} if extra else None,
        where=where,
        publish=_events(event),
    )
    return parcel


def _events(event: str) -> Any:
    types = {"send": "parcel.sent.v1", "receive": "parcel.received.v1"}
    if event not in types:
        return ()
    return lambda parcel: [Event(types[event], parcel.parcel_uuid, parcel.version, {"weight": parcel.weight})]


@transactional
def parcel_take_note(*, event: IncomingEvent, parcel_uuid: UUID) -> str:
    """Add the event's weight to the parcel, once."""
    taken = accept(event, "parcel_take_note")
    if taken == "new":
        Parcel.objects.filter(parcel_uuid=parcel_uuid).update(weight=F("weight") + event.data["weight"])
    return taken


def parcels_lose_forgotten() -> bool:
    """The job: one parcel that nobody has sent for a day is lost. True while there may be more."""
    old = clock.now() - timedelta(days=1)
    parcel = Parcel.objects.filter(status=ParcelStatus.PACKED, updated_at__lt=old).first()
    if parcel is None:
        return False
    parcel_move(parcel=parcel, event="lose", actor="service:OrderService")
    return True
