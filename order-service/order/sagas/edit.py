"""Change what an order says. A new address is a new question to risk control: the living payment, which was
judged with the old one, is closed first, and the buyer's next one is judged anew.

mark (no new payment starts) -> close_payment -> edit -> close_newer (an attempt that had read the order
before it was marked) -> reopen. What is paid by then wins, and the order keeps its address. A payment service
that cannot say refuses the edit, for an order that nobody can pay meanwhile would be worse.
"""

import json
from typing import Any
from uuid import UUID

from common.errors import SuiteError
from common.pii import blind_index, decrypt, encrypt
from common.sagas.definition import Context, Saga, Step, StepRefused
from common.sagas.runner import Outcome, run, start
from common.transactions import transactional
from order.errors import OrderNotEditable
from order.models import Order
from order.sagas.closing import close_payment, look, reopen
from order.selectors import order_by_uuid
from order.services.edit import order_edit, order_edit_begin, order_edit_marked
from order.states import OrderStatus


def close_first(context: Context, key: UUID) -> None:
    try:
        close_payment(context, key)
    except SuiteError as silent:
        raise StepRefused(silent) from silent
    if order_by_uuid(UUID(context["order_uuid"])).status != OrderStatus.PENDING_PAYMENT:
        raise StepRefused(OrderNotEditable())


def edit(context: Context, key: UUID) -> None:
    changes = json.loads(decrypt(context["sealed"]))
    order_edit_marked(order_uuid=UUID(context["order_uuid"]), changes=changes)


EDIT = Saga(
    "order_edit",
    1,
    (
        Step("look", look, undo=reopen, local=True),
        Step("close_payment", close_first),
        Step("edit", edit, local=True),
        Step("close_newer", close_payment, retries=20),
        Step("reopen", reopen, local=True),
    ),
)


def order_change(*, order: Order, changes: dict[str, Any], deadline: float | None) -> Outcome:
    """Change `shipping_*`, `remark` or `payment_method` of a pending order; done, unless a new address is
    still being taken up. OrderNotEditable; with a new address also what closing its payment may raise.
    """
    if not _leads_elsewhere(order, changes):
        order_edit(order_uuid=order.order_uuid, changes=changes)
        return Outcome("done")
    return run(_begin(order.order_uuid, changes), deadline=deadline)


def _leads_elsewhere(order: Order, changes: dict[str, Any]) -> bool:
    address = changes.get("shipping_address")
    return address is not None and blind_index(address) != order.shipping_address_index


@transactional
def _begin(order_uuid: UUID, changes: dict[str, Any]) -> object:
    key = order_edit_begin(order_uuid=order_uuid)
    context = {"order_uuid": str(order_uuid), "sealed": encrypt(json.dumps(changes))}
    return start(EDIT, key=key, context=context, entity=order_uuid)
