"""Judge one attempt to pay, once, and keep the verdict."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F

from common import clock
from common.transactions import apply_transition, transactional
from security.errors import AssessmentMismatch
from security.events import review_requested
from security.models import RiskAssessment, RiskProfile, RiskTransition
from security.rules import Hit, judge
from security.selectors import Attempt, assessment_of_payment, facts_of, rules_in_force
from security.services.figures import EVALUATIONS
from security.states import CASE_MACHINE, REVIEWED, Outcome

RULES = "rules"


def assessment_evaluate(*, payment_uuid: UUID, attempt: Attempt, payment_method: str = "") -> RiskAssessment:
    """The assessment of this payment: made now, or the one made before.

    Of two callers at once both get the same row. A verdict that wants a person opens a case and publishes
    risk.review_requested.v1. Raises AssessmentMismatch when the payment was evaluated with other facts.
    """
    try:
        return _evaluate(payment_uuid, attempt, payment_method)
    except IntegrityError:
        earlier = assessment_of_payment(payment_uuid)
        if earlier is None:
            raise
        return assessment_again(earlier=earlier, attempt=attempt)


def assessment_again(*, earlier: RiskAssessment, attempt: Attempt) -> RiskAssessment:
    """`earlier`, when it was about the same attempt.

    Raises AssessmentMismatch otherwise: outcomes are never redone.
    """
    then = (earlier.order_uuid, earlier.user_uuid, earlier.amount)
    if then != (attempt.order_uuid, attempt.user_uuid, attempt.amount):
        raise AssessmentMismatch
    return earlier


@transactional
def _evaluate(payment_uuid: UUID, attempt: Attempt, payment_method: str) -> RiskAssessment:
    _queue_up(attempt)
    rules, level = rules_in_force()
    verdict = judge(facts_of(attempt, rules), rules, level)
    assessment = RiskAssessment.objects.create(
        payment_uuid=payment_uuid,
        order_uuid=attempt.order_uuid,
        user_uuid=attempt.user_uuid,
        amount=attempt.amount,
        payment_method=payment_method,
        client_ip=attempt.client_ip or None,
        address_index=attempt.address_index,
        outcome=verdict.outcome,
        score=verdict.score,
        reasons=[_reason(hit) for hit in verdict.hits],
    )
    transaction.on_commit(EVALUATIONS.labels(Outcome(verdict.outcome).name.lower()).inc)
    if verdict.outcome in REVIEWED:
        _open_case(assessment)
    return assessment


def _queue_up(attempt: Attempt) -> None:
    """Write to the user's row before counting.

    Whoever comes at the same time waits here, then counts us too.
    """
    learnt = {"account_created_at": attempt.account_created_at} if attempt.account_created_at else {}
    mine = RiskProfile.objects.filter(pk=attempt.user_uuid)
    changes: dict[str, Any] = {"attempts": F("attempts") + 1, "updated_at": clock.now(), **learnt}
    if mine.update(**changes) == 1:
        return
    try:
        with transaction.atomic():
            RiskProfile.objects.create(user_uuid=attempt.user_uuid, attempts=1, **learnt)
    except IntegrityError:
        mine.update(**changes)


def _open_case(assessment: RiskAssessment) -> None:
    apply_transition(
        assessment,
        "open",
        machine=CASE_MACHINE,
        history=RiskTransition,
        actor=RULES,
        reason=Outcome(assessment.outcome).name.lower(),
        field="case_state",
        publish=lambda row: [review_requested(row)],
    )


def _reason(hit: Hit) -> dict[str, Any]:
    kept = asdict(hit)
    return {**kept, "outcome": hit.outcome.name.lower(), "severity": str(hit.severity)}


def assessment_preview(*, attempt: Attempt) -> tuple[Outcome, int, list[dict[str, Any]]]:
    """What the rules would say of `attempt` now.

    Outcome, score, reasons. Leaves no trace and counts for nothing.
    """
    rules, level = rules_in_force()
    verdict = judge(facts_of(attempt, rules), rules, level)
    return verdict.outcome, verdict.score, [_reason(hit) for hit in verdict.hits]
