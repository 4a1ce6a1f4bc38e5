"""Orders that nobody paid in time: the provider is asked and the payment closed before the stock goes
back.
"""

import time
from uuid import UUID

from common import clock
from common.sagas.definition import Saga, Step
from common.sagas.runner import run, start
from common.transactions import transactional
from order.sagas.closing import close_payment, look, reopen, settle
from order.selectors import orders_to_expire
from order.services.expire import order_expire_begin

AT_ONCE = 50
# One slow payment must not hold up the others: the worker's saga loop takes over.
SECONDS_EACH = 5.0

EXPIRE = Saga(
    "order_expire",
    1,
    (
        Step("look", look, undo=reopen, local=True),
        Step("close_payment", close_payment, retries=1000),
        Step("settle", settle, local=True),
    ),
)


def orders_expire_due() -> bool:
    """Start and carry on the expiry of pending orders past their time. True when there may be more."""
    due = orders_to_expire(clock.now(), AT_ONCE)
    for order_uuid in due:
        row = _begin(order_uuid)
        if row is not None:
            run(row, deadline=time.monotonic() + SECONDS_EACH)
    return len(due) == AT_ONCE


@transactional
def _begin(order_uuid: UUID) -> object | None:
    key = order_expire_begin(order_uuid=order_uuid)
    if key is None:
        return None
    context = {"order_uuid": str(order_uuid), "actor": "system:expiry", "event": "expire"}
    return start(EXPIRE, key=key, context=context, entity=order_uuid)
