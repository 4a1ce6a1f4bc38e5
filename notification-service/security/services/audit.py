"""What must hold for cases at rest, with the messages' own check.

Reads only; run after every database test.
"""

from collections.abc import Iterator
from uuid import UUID

from common.concrete import concrete
from notification.services.audit import message_problems
from security.events import DECIDED as DECIDED_EVENT
from security.events import REVIEW_REQUESTED
from security.models import RiskAssessment, RiskTransition
from security.states import DECIDED, REVIEWED, CaseState, Outcome

TOLD_BY = {"open": REVIEW_REQUESTED, "release": DECIDED_EVENT, "stop": DECIDED_EVENT}


def assert_risk_and_messages_are_sound() -> None:
    """Raises AssertionError with everything that does not add up."""
    problems = [*case_problems(), *message_problems()]
    assert not problems, "; ".join(problems)


def case_problems() -> Iterator[str]:
    """One sentence per case whose state, history, decision and events do not tell one story."""
    steps: dict[UUID, list[RiskTransition]] = {}
    for step in RiskTransition.objects.order_by("id"):
        steps.setdefault(step.entity_uuid, []).append(step)
    told = set(concrete("outbox").objects.values_list("aggregate_id", "type"))
    for case in RiskAssessment.objects.all():
        story = steps.get(case.assessment_uuid, [])
        yield from (f"{case.assessment_uuid} ({case}): {problem}" for problem in _problems(case, story, told))


def _problems(
    case: RiskAssessment, story: list[RiskTransition], told: set[tuple[UUID, str]]
) -> Iterator[str]:
    state = CaseState(case.case_state)
    if (state != CaseState.NONE) != (Outcome(case.outcome) in REVIEWED):
        yield "a case without a reason for one, or the reverse"
    if (story[-1].target if story else "none") != state.name.lower():
        yield "its history ends elsewhere"
    if (state in DECIDED) != bool(case.decided_by and case.decided_at and case.decision_reason):
        yield "decided by nobody, or undecided by somebody"
    for step in story:
        if step.event in TOLD_BY and (case.assessment_uuid, TOLD_BY[step.event]) not in told:
            yield f"nobody was told of {step.event}"
