"""What this service tells others, and to which doors.

Risk decisions. Messages to people tell nobody anything.
Room: names, routes and the thin data of each event. Publishing happens in services, within their transaction.
"""

from decimal import Decimal
from typing import Protocol
from uuid import UUID

from common.money import format_amount
from common.outbox.publish import Event
from security.states import Outcome

REVIEW_REQUESTED = "risk.review_requested.v1"
DECIDED = "risk.decided.v1"

# The people concerned are told by this service itself, through the same door everybody's events come in by.
_INBOX = ("NotificationService", "/event/inbox")

ROUTES: dict[str, tuple[tuple[str, str], ...]] = {
    REVIEW_REQUESTED: (_INBOX,),
    DECIDED: (("PaymentService", "/event/inbox"), _INBOX),
}


class AssessmentLike(Protocol):
    """The columns of an assessment an event speaks of."""

    assessment_uuid: UUID
    payment_uuid: UUID
    order_uuid: UUID
    user_uuid: UUID
    amount: Decimal
    outcome: int
    version: int


def review_requested(assessment: AssessmentLike) -> Event:
    """Somebody should look; with outcome block_and_review the payment waits for it."""
    outcome = Outcome(assessment.outcome).name.lower()
    return _event(REVIEW_REQUESTED, assessment, {"outcome": outcome})


def decided(assessment: AssessmentLike, *, decision: str, reason: str) -> Event:
    """A reviewer decided.

    `decision` is "release" or "stop". The reason is for colleagues, never for the buyer.
    """
    return _event(DECIDED, assessment, {"decision": decision, "reason": reason})


def _event(type_: str, assessment: AssessmentLike, more: dict[str, str]) -> Event:
    data = {
        "assessment_uuid": str(assessment.assessment_uuid),
        "payment_uuid": str(assessment.payment_uuid),
        "order_uuid": str(assessment.order_uuid),
        "user_uuid": str(assessment.user_uuid),
        "amount": format_amount(assessment.amount),
    }
    return Event(type_, assessment.assessment_uuid, assessment.version, {**data, **more})
