"""Give back money that covers no order: it was paid after the order had ended, twice, or in another amount.

The payment service returns late and double payments by itself; this saga makes sure, and asks where it did
not.
"""

from uuid import UUID

from common.sagas.definition import Context, Saga, Step, StepWaiting
from order.clients import payment
from order.selectors import order_snapshot
from order.services.mark_paid import PaymentFacts, payment_learn

ASK_AGAIN_SECONDS = 5.0
ACTOR = "system:stray"


def give_back(context: Context, key: UUID) -> Context | None:
    """Ask for the refund unless one is under way.

    The body is stored first, so that a repeat says the same.
    """
    order_uuid = UUID(context["order_uuid"])
    seen = payment.payment_read(order_uuid)
    if seen is None or str(seen.payment_uuid) != context["payment_uuid"]:
        return {"left_to": "PaymentService"}
    under_way = sum(refund.amount for refund in seen.refunds if refund.status != "failed")
    if under_way >= seen.amount:
        return None
    payment.payment_refund(
        order_uuid=order_uuid,
        amount=seen.amount - under_way,
        reason="late_payment",
        snapshot=context["snapshot"],
        key=key,
        payment_uuid=context["payment_uuid"],
    )
    return None


def remember(context: Context, key: UUID) -> Context:
    """Keep what the call says about the order: asked again, it must be the same."""
    return {"snapshot": order_snapshot(UUID(context["order_uuid"]))}


def confirm(context: Context, key: UUID) -> Context | None:
    """Wait until the money has left."""
    seen = payment.payment_read(UUID(context["order_uuid"]))
    if seen is None or str(seen.payment_uuid) != context["payment_uuid"]:
        return None
    if seen.refunded_amount < seen.amount:
        raise StepWaiting(ASK_AGAIN_SECONDS)
    facts = PaymentFacts(
        payment_uuid=seen.payment_uuid,
        order_uuid=seen.order_uuid,
        amount=seen.amount,
        refunded_amount=seen.refunded_amount,
        is_paid=True,
    )
    payment_learn(facts=facts, actor=ACTOR)
    return None


STRAY = Saga(
    "order_stray_payment",
    1,
    (
        Step("remember", remember, local=True),
        Step("give_back", give_back),
        Step("confirm", confirm, patience=86400.0),
    ),
)
