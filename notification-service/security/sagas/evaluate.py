"""Evaluate a payment.

Look up what a stranger's account age is, then judge. An unstored flow; judging is one service.
"""

from dataclasses import replace
from uuid import UUID

from security.clients.user import account_opened_at
from security.models import RiskAssessment
from security.selectors import Attempt, account_created_at, assessment_of_payment
from security.services.evaluate import assessment_again, assessment_evaluate


def payment_evaluate(*, payment_uuid: UUID, attempt: Attempt, payment_method: str = "") -> RiskAssessment:
    """The assessment of this payment, asking UserService at most once in a user's life.

    Raises AssessmentMismatch.
    """
    earlier = assessment_of_payment(payment_uuid)
    if earlier is not None:
        return assessment_again(earlier=earlier, attempt=attempt)
    opened_at = account_created_at(attempt.user_uuid) or account_opened_at(attempt.user_uuid)
    known = replace(attempt, account_created_at=opened_at)
    return assessment_evaluate(payment_uuid=payment_uuid, attempt=known, payment_method=payment_method)
