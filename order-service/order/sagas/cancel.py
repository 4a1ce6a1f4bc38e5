"""Cancel an order: close what is not paid, refund what is, give the stock back, tell everybody.

pending: look, close_payment, settle -> cancelled. Paid: … settle -> cancelling, refund, finish -> cancelled.
A refund that is refused reopens the order; one that stays unknown is asked about until it is known.
"""

from decimal import Decimal
from uuid import UUID, uuid5

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
PATIENCE_SECONDS = 7 * 86400.0
# 6005: less is left than we ask for; 6002: nothing at all. Somebody else's refund was faster.
EXCEEDS, NOT_PAID = "6005", "6002"


def refund(context: Context, key: UUID) -> Context | None:
    """Ask for the money; keyed, so that asking twice refunds once."""
    if context["status"] != OrderStatus.CANCELLING or Decimal(context["refund_amount"]) == 0:
        return None
    try:
        return _ask(context, Decimal(context["refund_amount"]), key)
    except PeerRejected as refusal:
        if journal.may_succeed_later(refusal):
            raise
        if refusal.peer_code != EXCEEDS:
            raise _refused(refusal.peer_code, refusal.peer_name) from refusal
    return _ask_for_the_rest(context, key)


def _ask(context: Context, amount: Decimal, key: UUID) -> Context:
    answer = payment.payment_refund(
        order_uuid=UUID(context["order_uuid"]),
        amount=amount,
        reason="order_cancelled",
        snapshot=context["snapshot"],
        key=key,
    )
    if answer.status == "failed":
        raise _refused("", "failed")
    return {"refund_id": answer.refund_id}


def _ask_for_the_rest(context: Context, key: UUID) -> Context | None:
    """A refund we had not heard of has part of it: learn it, and ask for what nobody has asked for yet.

    While others hold everything, wait for what becomes of them.
    """
    order_uuid = UUID(context["order_uuid"])
    seen = payment.payment_read(order_uuid)
    if seen is None:
        raise _refused(EXCEEDS, "RefundExceedsPayment")
    learn(facts_seen(seen), actor="service:PaymentService")
    if _has_ended(order_uuid):
        return None
    left = _unclaimed(seen)
    if left >= Decimal(context["refund_amount"]):
        raise _refused(EXCEEDS, "RefundExceedsPayment")
    if left <= 0:
        raise StepWaiting(ASK_AGAIN_SECONDS)
    return _ask_for(context, left, key)


def _unclaimed(seen: payment.PaymentSeen) -> Decimal:
    """What nobody has given back or is giving back."""
    return seen.amount - sum((one.amount for one in seen.refunds if one.status != "failed"), Decimal(0))


def _ask_for(context: Context, left: Decimal, key: UUID) -> Context:
    """The same wish for the same rest, so that a repeat finds it; StepWaiting when overtaken once more."""
    try:
        return _ask(context, left, uuid5(key, str(left)))
    except PeerRejected as refusal:
        if journal.may_succeed_later(refusal):
            raise
        if refusal.peer_code not in (EXCEEDS, NOT_PAID):
            raise _refused(refusal.peer_code, refusal.peer_name) from refusal
        raise StepWaiting(ASK_AGAIN_SECONDS) from refusal


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
        if (left := _unclaimed(seen)) > 0 and context.get("refund_id"):
            # Somebody else's part, which ours left room for, has failed since: it is ours to ask for.
            _ask_for(context, left, key)
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
        Step("refund", refund, retries=20, patience=PATIENCE_SECONDS),
        Step("finish", finish, retries=20, patience=PATIENCE_SECONDS),
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
