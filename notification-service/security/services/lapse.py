"""Close cases that nobody needs to decide any more: their payment failed or closed in the meantime."""

from common.transactions import apply_transition, transactional
from notification.services.witness import payments_over
from security.errors import AssessmentNotOpen
from security.models import RiskAssessment, RiskTransition
from security.states import CASE_MACHINE, CaseState

# Cases are few: people decide them. More than this are looked at in the next round.
MOST = 500


def cases_lapse_over() -> bool:
    """Lapse every open case whose payment is over.

    A reviewer who decides at the same moment wins or loses, never both.
    Nothing is published: the payment is where it is because it told us so.
    """
    cases = list(RiskAssessment.objects.filter(case_state=CaseState.OPEN).order_by("created_at")[:MOST])
    over = payments_over(order_uuids={case.order_uuid for case in cases}) if cases else set()
    for case in cases:
        if str(case.payment_uuid) in over:
            _lapse(case)
    return False


def _lapse(case: RiskAssessment) -> None:
    try:
        _close(case)
    except AssessmentNotOpen:
        return


@transactional
def _close(case: RiskAssessment) -> None:
    apply_transition(
        case,
        "lapse",
        machine=CASE_MACHINE,
        history=RiskTransition,
        actor="job:lapse",
        reason="the payment ended",
        field="case_state",
        conflict=AssessmentNotOpen,
    )
