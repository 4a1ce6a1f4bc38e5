"""A reviewer's decision about a payment (event risk.decided.v1): taken once, then release or stop.

A held attempt fails at once. One that went on to the cashier meanwhile (outcome review) is closed there
first, by a stored run; what is paid by then stays paid.
"""

from __future__ import annotations

from uuid import UUID

from common.errors import InvalidInput
from common.outbox.inbox import IncomingEvent, accept
from common.sagas.definition import Context, Saga, Step
from common.sagas.runner import start
from common.transactions import in_transaction
from payment.errors import PaymentStateConflict
from payment.sagas.create import payment_resume
from payment.sagas.sync import payment_end
from payment.selectors import payment_by_uuid
from payment.services.risk import ACTOR, payment_is_open_for_review, payment_stop

CONSUMER = "payment.risk"


def _close(context: Context, key: UUID) -> None:
    """Closed at the provider first; silence there is asked about again."""
    payment = payment_by_uuid(UUID(context["payment_uuid"]))
    try:
        payment_end(payment, reason=context["reason"], actor=ACTOR)
    except PaymentStateConflict:
        # Paid before we came: the seller and the operators see to it, by a refund.
        return


STOP = Saga("payment.stop", 1, (Step("close", _close, retries=20, longest_pause=60),))


def risk_decided(event: IncomingEvent) -> str:
    """Apply the decision in one transaction with its receipt; what became of it. InvalidInput for
    nonsense."""
    decision = event.data.get("decision")
    if decision not in ("release", "stop"):
        raise InvalidInput(fields={"data.decision": ["release, stop"]})
    try:
        payment_uuid = UUID(str(event.data.get("payment_uuid")))
    except ValueError as wrong:
        raise InvalidInput(fields={"data.payment_uuid": ["UUID"]}) from wrong
    return in_transaction(lambda: _apply(event, decision, payment_uuid))


def _apply(event: IncomingEvent, decision: str, payment_uuid: UUID) -> str:
    # A decision adds up with everything else: only "taken before" is a reason not to apply it.
    if accept(event, CONSUMER) == "duplicate":
        return "duplicate"
    if decision == "release":
        return "released" if payment_resume(payment_uuid) else "too_late"
    reason = str(event.data.get("reason") or "risk_stopped")
    if payment_stop(payment_uuid=payment_uuid, reason=reason):
        return "stopped"
    if not payment_is_open_for_review(payment_uuid=payment_uuid):
        return "too_late"
    context = {"payment_uuid": str(payment_uuid), "reason": reason[:255]}
    start(STOP, key=payment_uuid.hex, context=context, entity=payment_uuid, inline=False)
    return "stopping"
