"""Cancel an order: close what is not paid, refund what is, give the stock back, tell everybody.

pending: look, close_payment, settle -> cancelled. Paid: … settle -> cancelling, refund, finish -> cancelled.
A refund that is refused reopens the order; one that stays unknown is asked about until it is known.
"""

from decimal import Decimal
from uuid import UUID

from common.errors import PeerRejected
from common.sagas import journal
from common.sagas.definition import Context, Saga, Step, StepRefused, StepWaiting
from common.sagas.runner import Outcome, run, start
from common.transactions import transactional
from order.clients import payment
from order.errors import RefundRefused
from order.sagas.closing import close_payment, look, reopen, settle
from order.sagas.payments import facts_seen, learn
from order.selectors import order_by_uuid, saga_by_key
from order.services.cancel import order_cancel_begin
from order.states import OrderStatus

ASK_AGAIN_SECONDS = 3.0


def refund(context: Context, key: UUID) -> Context | None:
    """Ask for the money; keyed, so that asking twice refunds once."""
    if context["status"] != OrderStatus.CANCELLING or Decimal(context["refund_amount"]) == 0:
        return None
    try:
        answer = payment.payment_refund(
            order_uuid=UUID(context["order_uuid"]),
            amount=Decimal(context["refund_amount"]),
            reason="order_cancelled",
            snapshot=context["snapshot"],
            key=key,
        )
    except PeerRejected as refusal:
        if journal.may_succeed_later(refusal):
            raise
        raise _refused(refusal.peer_code, refusal.peer_name) from refusal
    if answer.status == "failed":
        raise _refused("", "failed")
    return {"refund_id": answer.refund_id}


def _refused(code: str, name: str) -> StepRefused:
    return StepRefused(RefundRefused(data={"code": code, "name": name}))


def finish(context: Context, key: UUID) -> None:
    """Wait until the money has left, by event or by asking; the order ends with it."""
    order_uuid = UUID(context["order_uuid"])
    if _has_ended(order_uuid):
        return
    seen = payment.payment_read(order_uuid)
    if seen is not None:
        learn(facts_seen(seen), actor="service:PaymentService")
        if _has_ended(order_uuid):
            return
        if any(one.refund_id == context.get("refund_id") and one.status == "failed" for one in seen.refunds):
            raise _refused("", "failed")
    raise StepWaiting(ASK_AGAIN_SECONDS)


def _has_ended(order_uuid: UUID) -> bool:
    return order_by_uuid(order_uuid).status == OrderStatus.CANCELLED


CANCEL = Saga(
    "order_cancel",
    1,
    (
        Step("look", look, undo=reopen, local=True),
        Step("close_payment", close_payment, retries=20),
        Step("settle", settle, local=True),
        Step("refund", refund, retries=20),
        Step("finish", finish, retries=20, patience=7 * 86400.0),
    ),
)


def order_cancel(*, order_uuid: UUID, actor: str, reason: str, deadline: float | None) -> Outcome:
    """Cancel the order, inline until `deadline` (monotonic seconds), then by the worker.

    Raises OrderStateConflict or OrderAlreadyShipped. A second call joins the saga that runs.
    """
    row = _begin(order_uuid, actor, reason)
    return run(row, deadline=deadline) if row is not None else Outcome("running")


@transactional
def order_cancel_start(*, order_uuid: UUID, actor: str, reason: str) -> None:
    """The same, begun here and carried out by the worker: for callers that may not wait or call out."""
    row = _begin(order_uuid, actor, reason)
    if getattr(row, "is_leased_here", False):
        journal.let_go(row)


@transactional
def _begin(order_uuid: UUID, actor: str, reason: str) -> object:
    key, is_new = order_cancel_begin(order_uuid=order_uuid, actor=actor, reason=reason)
    if not is_new:
        return saga_by_key(key)
    context = {"order_uuid": str(order_uuid), "actor": actor, "event": "cancel"}
    return start(CANCEL, key=key, context=context, entity=order_uuid)
