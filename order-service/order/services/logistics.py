"""What a carrier reports, real or simulated. Delivered means received: the auto-complete clock starts."""

from datetime import datetime, timedelta
from uuid import UUID

from common import clock
from common.errors import InvalidInput
from common.live_settings import live
from common.outbox.inbox import IncomingEvent, accept
from common.transactions import apply_transition, transactional
from order.events import DELIVERED, order_event
from order.models import LogisticsEvent, Order, OrderTransition
from order.selectors import order_by_uuid
from order.states import FULFILMENT_MACHINE, FulfilmentStatus, LogisticsStatus

CONSUMER = "order.logistics"
DESCRIPTIONS = {
    LogisticsStatus.ACCEPTED: "快件已揽收",
    LogisticsStatus.IN_TRANSIT: "快件运输中",
    LogisticsStatus.OUT_FOR_DELIVERY: "快件派送中",
    LogisticsStatus.DELIVERED: "快件已签收",
}


@transactional
def logistics_report(
    *,
    order_uuid: UUID,
    status: LogisticsStatus,
    actor: str,
    description: str = "",
    location: str = "",
    occurred_at: datetime | None = None,
) -> bool:
    """Note one report about a shipped order; False when it was known already or the order never left.

    A report may arrive late or twice: each status counts once. DELIVERED moves the order to RECEIVED.
    Raises OrderNotFound.
    """
    order = order_by_uuid(order_uuid)
    if order.fulfilment_status == FulfilmentStatus.UNSHIPPED:
        return False
    _, is_new = LogisticsEvent.objects.get_or_create(
        order_uuid=order_uuid,
        status=status,
        defaults={
            "description": description or DESCRIPTIONS[status],
            "location": location,
            "occurred_at": occurred_at or clock.now(),
        },
    )
    if status == LogisticsStatus.DELIVERED and order.fulfilment_status == FulfilmentStatus.RECEIVING:
        order_receive(order, actor=actor)
    return is_new


@transactional
def logistics_take(event: IncomingEvent) -> str:
    """Book one `logistics.updated.v1`: data `{status, description?, location?}` about the order it is
    keyed by.

    Raises InvalidInput for an unknown status, OrderNotFound.
    """
    if accept(event, CONSUMER) == "duplicate":
        return "duplicate"
    data = event.data
    is_new = logistics_report(
        order_uuid=event.aggregate_id,
        status=_status(data.get("status")),
        actor="carrier",
        description=str(data.get("description") or "")[:255],
        location=str(data.get("location") or "")[:120],
        occurred_at=event.occurred_at,
    )
    return "handled" if is_new else "ignored"


def _status(value: object) -> LogisticsStatus:
    names = {status.name.lower(): status for status in LogisticsStatus}
    numbers = {int(status): status for status in LogisticsStatus}
    found = names.get(value) if isinstance(value, str) else None
    if type(value) is int:  # not a boolean, which would pass for 0 or 1
        found = numbers.get(value)
    if found is None:
        raise InvalidInput(fields={"status": [", ".join(names)]})
    return found


def order_receive(order: Order, *, actor: str) -> None:
    """Move RECEIVING to RECEIVED.

    In the caller's transaction; raises StateConflict when another was first.
    """
    now = clock.now()
    apply_transition(
        order,
        "receive",
        machine=FULFILMENT_MACHINE,
        history=OrderTransition,
        actor=actor,
        field="fulfilment_status",
        changes={
            "delivered_at": now,
            "logistics_due_at": None,
            "auto_complete_at": now + timedelta(days=live().auto_complete_days),
        },
        publish=lambda row: [order_event(row, DELIVERED)],
    )


@transactional
def logistics_advance_one(*, order: Order) -> bool:
    """Let the simulated carrier make its next report about `order`; False when another worker was first.

    The due time read before is the claim: one conditional UPDATE takes it.
    """
    step = timedelta(seconds=live().logistics_step_seconds)
    claim = Order.objects.filter(pk=order.pk, logistics_due_at=order.logistics_due_at)
    if not claim.update(logistics_due_at=clock.now() + step if step else None):
        return False
    done = LogisticsEvent.objects.filter(order_uuid=order.order_uuid).values_list("status", flat=True)
    due = [status for status in LogisticsStatus if status not in set(done)]
    if due:
        logistics_report(order_uuid=order.order_uuid, status=due[0], actor="carrier:simulated")
    return True
