"""A reviewer's word on an open case."""

from uuid import UUID

from common import clock
from common.transactions import apply_transition, transactional
from security.errors import AssessmentNotOpen, OwnCase
from security.events import decided
from security.models import RiskAssessment, RiskTransition
from security.selectors import assessment_get
from security.states import CASE_MACHINE

DECISIONS = ("release", "stop")


@transactional
def assessment_decide(*, assessment_uuid: UUID, decision: str, reason: str, actor: str) -> RiskAssessment:
    """Close the case by "release" or "stop" and publish risk.decided.v1, which the payment acts upon.

    Of two reviewers at once one decides. Raises AssessmentNotFound, OwnCase, or AssessmentNotOpen when the
    case is decided already or there never was one.
    """
    assessment = assessment_get(assessment_uuid)
    if actor == f"user:{assessment.user_uuid}":
        raise OwnCase
    apply_transition(
        assessment,
        decision,
        machine=CASE_MACHINE,
        history=RiskTransition,
        actor=actor,
        reason=reason,
        field="case_state",
        changes={"decided_by": actor, "decided_at": clock.now(), "decision_reason": reason},
        publish=lambda row: [decided(row, decision=decision, reason=reason)],
        conflict=AssessmentNotOpen,
    )
    return assessment
