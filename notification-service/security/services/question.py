"""A client's own question about risk: of its order, its payment, or an amount. Asking leaves no trace."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from notification.services.witness import order_amount_heard
from security.errors import AssessmentNotFound
from security.selectors import Attempt, account_created_at, assessment_latest_for
from security.services.evaluate import assessment_preview
from security.states import Outcome

Answer = tuple[Outcome, int, list[dict[str, Any]]]


def risk_question(
    *, user_uuid: UUID, order_uuid: UUID | None, payment_uuid: UUID | None, amount: Decimal | None
) -> Answer:
    """Outcome, score and reasons: what was decided about the order or payment, else what the rules would say.

    Raises AssessmentNotFound for an order or payment that is not the caller's, known or not.
    """
    if order_uuid is not None or payment_uuid is not None:
        earlier = assessment_latest_for(user_uuid, order_uuid=order_uuid, payment_uuid=payment_uuid)
        if earlier is not None:
            return Outcome(earlier.outcome), earlier.score, earlier.reasons
        heard = _heard(user_uuid, order_uuid, payment_uuid)
        amount = heard if amount is None else amount
    attempt = Attempt(
        user_uuid=user_uuid,
        amount=amount if amount is not None else Decimal("0.00"),
        order_uuid=order_uuid,
        account_created_at=account_created_at(user_uuid),
    )
    return assessment_preview(attempt=attempt)


def _heard(user_uuid: UUID, order_uuid: UUID | None, payment_uuid: UUID | None) -> Decimal:
    """The total of an order of the caller's that nobody tried to pay yet."""
    heard = None
    if order_uuid is not None and payment_uuid is None:
        heard = order_amount_heard(user_uuid=user_uuid, order_uuid=order_uuid)
    if heard is None:
        raise AssessmentNotFound
    return heard
