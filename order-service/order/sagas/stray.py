"""Give back money that covers no order: it was paid after the order had ended, twice, or in another amount.

The payment service returns late and double payments by itself and never calls them paid; this saga is for
what it could not know: a payment that succeeded while its order was ending here.
"""

from uuid import UUID

from common.errors import InternalError, PeerRejected
from common.sagas.definition import Context, Saga, Step, StepWaiting
from common.sagas.journal import may_succeed_later
from order.clients import payment
from order.selectors import payment_of
from order.services.mark_paid import PaymentFacts, payment_learn

ASK_AGAIN_SECONDS = 5.0
ACTOR = "system:stray"
# 6005: nothing is left to refund, so somebody else is giving it back.
NOTHING_LEFT = "6005"


def give_back(context: Context, key: UUID) -> None:
    """Ask for all that is left of the payment; keyed, so that asking twice refunds once."""
    known = payment_of(UUID(context["payment_uuid"]))
    if known is None or known.refunded_amount >= known.amount:
        return
    try:
        payment.payment_return(known.payment_uuid, reason="late_payment", key=key)
    except PeerRejected as refusal:
        if may_succeed_later(refusal) or refusal.peer_code != NOTHING_LEFT:
            raise


def confirm(context: Context, key: UUID) -> None:
    """Wait until the money has left, by event or by asking."""
    known = payment_of(UUID(context["payment_uuid"]))
    if known is None or known.refunded_amount >= known.amount:
        return
    seen = payment.payment_read(known.order_uuid)
    if seen is None or seen.payment_uuid != known.payment_uuid:
        raise StepWaiting(ASK_AGAIN_SECONDS)
    if seen.refunded_amount < seen.amount:
        _someone_gives_it_back(seen)
        raise StepWaiting(ASK_AGAIN_SECONDS)
    facts = PaymentFacts(
        payment_uuid=seen.payment_uuid,
        order_uuid=seen.order_uuid,
        amount=seen.amount,
        refunded_amount=seen.refunded_amount,
        is_paid=True,
    )
    payment_learn(facts=facts, actor=ACTOR)


def _someone_gives_it_back(seen: payment.PaymentSeen) -> None:
    """Raises InternalError, which parks the run within hours and alerts an operator, when no refund that is
    done or under way covers the payment: waiting for one that was refused would be waiting for nothing.
    """
    if sum(one.amount for one in seen.refunds if one.status != "failed") < seen.amount:
        raise InternalError


STRAY = Saga(
    "order_stray_payment",
    1,
    (Step("give_back", give_back, retries=20), Step("confirm", confirm, retries=20, patience=7 * 86400.0)),
)
