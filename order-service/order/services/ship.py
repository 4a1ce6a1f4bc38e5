"""The seller hands the goods to a carrier."""

import re
import secrets
from datetime import timedelta
from uuid import UUID

from common import clock
from common.live_settings import live
from common.transactions import apply_transition, transactional
from order.errors import OrderStateConflict, TrackingNumberInvalid
from order.events import SHIPPED, order_event
from order.models import Order, OrderTransition
from order.selectors import order_by_uuid
from order.states import FULFILMENT_MACHINE, OrderStatus

_TRACKING = re.compile(r"[A-Za-z0-9-]{4,64}")


@transactional
def order_ship(*, order_uuid: UUID, actor: str, carrier: str = "", tracking_no: str = "") -> Order:
    """Move a paid order to RECEIVING (收货中). Without a tracking number one is made up for the simulated
    carrier.

    Raises OrderStateConflict unless it is paid and unshipped, TrackingNumberInvalid for a malformed number.
    """
    if tracking_no and not _TRACKING.fullmatch(tracking_no):
        raise TrackingNumberInvalid(fields={"tracking_no": ["4-64: A-Z a-z 0-9 -"]})
    order = order_by_uuid(order_uuid)
    apply_transition(
        order,
        "ship",
        machine=FULFILMENT_MACHINE,
        history=OrderTransition,
        actor=actor,
        field="fulfilment_status",
        where={"status": OrderStatus.PAID},
        changes={
            "carrier": carrier or "simulated",
            "tracking_no": tracking_no or f"SIM{secrets.randbelow(10**12):012d}",
            "shipped_at": clock.now(),
            "logistics_due_at": first_report_at(),
        },
        publish=lambda row: [order_event(row, SHIPPED)],
        conflict=OrderStateConflict,
    )
    return order


def first_report_at() -> object:
    """When the simulated carrier reports first; None when the simulation is off (0 seconds)."""
    seconds = live().logistics_step_seconds
    return clock.now() + timedelta(seconds=seconds) if seconds > 0 else None
