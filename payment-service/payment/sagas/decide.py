"""A reviewer's decision about a held payment (event risk.decided.v1): taken once, then release or stop."""

from __future__ import annotations

from uuid import UUID

from common.errors import InvalidInput
from common.outbox.inbox import IncomingEvent, accept
from common.transactions import in_transaction
from payment.sagas.create import payment_resume
from payment.services.risk import payment_stop

CONSUMER = "payment.risk"


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
    stopped = payment_stop(payment_uuid=payment_uuid, reason=str(event.data.get("reason") or "risk_stopped"))
    return "stopped" if stopped else "too_late"
