"""What the order worker does again and again. Times come from `common.clock`, so a test can move them."""

from common import clock
from common.jobs import Job
from order.sagas.expire import orders_expire_due
from order.sagas.stock_push import stock_push_due
from order.selectors import orders_on_their_way, orders_to_complete
from order.services.complete import order_complete
from order.services.logistics import logistics_advance_one

AT_ONCE = 50


def order_expire() -> bool:
    """End pending orders past their time."""
    return orders_expire_due()


def stock_push() -> bool:
    """Send unsent stock deltas to ProductService."""
    return stock_push_due()


def logistics_advance() -> bool:
    """Let the simulated carrier make the reports that are due."""
    due = orders_on_their_way(clock.now(), AT_ONCE)
    for order in due:
        logistics_advance_one(order=order)
    return len(due) == AT_ONCE


def order_auto_complete() -> bool:
    """Complete delivered orders whose buyer never confirmed."""
    due = orders_to_complete(clock.now(), AT_ONCE)
    for order_uuid in due:
        order_complete(order_uuid=order_uuid, actor="system:auto_complete", reason="超时自动确认收货")
    return len(due) == AT_ONCE


# Any number of workers may run any of these at once: each row is claimed by a conditional UPDATE.
JOBS = (
    Job("order_expire", 5.0, "order.jobs.order_expire", exclusive=False),
    Job("stock_push", 1.0, "order.jobs.stock_push", exclusive=False),
    Job("logistics_advance", 1.0, "order.jobs.logistics_advance", exclusive=False),
    Job("order_auto_complete", 60.0, "order.jobs.order_auto_complete", exclusive=False),
)
