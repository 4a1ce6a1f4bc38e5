"""Cases whose payment ended by itself leave the reviewers' queue."""

from decimal import Decimal

import pytest

from common.ids import new_uuid
from common.testing.race import race
from notification.models import NotificationOutbox
from security.models import RiskAssessment, RiskTransition
from security.selectors import Attempt
from security.services.decide import assessment_decide
from security.services.evaluate import assessment_evaluate
from security.services.lapse import cases_lapse_over
from security.states import CaseState

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policies")]


@pytest.fixture
def held(policies, alice):
    def make():
        return assessment_evaluate(
            payment_uuid=new_uuid(),
            attempt=Attempt(user_uuid=alice.uuid, amount=Decimal("52000.00"), order_uuid=new_uuid()),
        )

    return make


@pytest.fixture
def ended(event, deliver):
    def tell(case, type_="payment.closed.v1", **data):
        about = {"order_uuid": str(case.order_uuid), "payment_uuid": str(case.payment_uuid), **data}
        deliver(event(type_, **about))

    return tell


@pytest.mark.parametrize("type_", ["payment.closed.v1", "payment.failed.v1"])
def test_a_case_whose_payment_ended_lapses_alone(held, ended, type_):
    over, waiting = held(), held()
    ended(over, type_)

    cases_lapse_over()

    states = dict(RiskAssessment.objects.values_list("assessment_uuid", "case_state"))
    assert states == {over.assessment_uuid: CaseState.LAPSED, waiting.assessment_uuid: CaseState.OPEN}
    step = RiskTransition.objects.get(event="lapse")
    assert (step.entity_uuid, step.actor) == (over.assessment_uuid, "job:lapse")
    assert not NotificationOutbox.objects.filter(type="risk.decided.v1").exists()


@pytest.mark.parametrize("type_", ["payment.succeeded.v1", "payment.refund_failed.v1"])
def test_other_news_of_the_payment_lapse_nothing(held, ended, type_):
    ended(held(), type_)

    cases_lapse_over()

    assert RiskAssessment.objects.get().case_state == CaseState.OPEN


def test_the_orders_other_payment_is_another_payment(held, ended):
    case = held()
    ended(case, payment_uuid=str(new_uuid()))

    cases_lapse_over()

    assert RiskAssessment.objects.get().case_state == CaseState.OPEN


def test_a_lapsed_case_cannot_be_decided(api, olive, held, ended):
    case = held()
    ended(case)
    cases_lapse_over()

    answer = api(olive).post(
        f"/api/security/assessments/{case.assessment_uuid}/decide/", {"decision": "release", "reason": "x"}
    )

    assert (answer.status_code, answer.json()["name"]) == (409, "AssessmentNotOpen")
    assert RiskAssessment.objects.get().case_state == CaseState.LAPSED


def test_it_stands_against_the_order_like_an_open_one(held, ended, alice):
    case = held()
    ended(case)
    cases_lapse_over()

    again = assessment_evaluate(
        payment_uuid=new_uuid(),
        attempt=Attempt(user_uuid=alice.uuid, amount=Decimal("299.00"), order_uuid=case.order_uuid),
    )

    assert again.outcome == case.outcome


def test_a_round_costs_the_same_for_one_open_case_or_many(held, count_sql):
    def cost():
        with count_sql() as log:
            cases_lapse_over()
        return log.count

    held()
    one = cost()
    for _ in range(5):
        held()

    assert cost() == one == 2


@pytest.mark.django_db(transaction=True)
def test_a_reviewer_and_the_job_at_once(held, ended):
    case = held()
    ended(case)

    def release():
        return assessment_decide(
            assessment_uuid=case.assessment_uuid, decision="release", reason="r", actor="olive"
        )

    race([release, cases_lapse_over, cases_lapse_over, release])

    row = RiskAssessment.objects.get()
    ends = list(RiskTransition.objects.exclude(event="open").values_list("event", flat=True))
    told = NotificationOutbox.objects.filter(type="risk.decided.v1").count()
    assert (row.case_state, ends, told) in [
        (CaseState.LAPSED, ["lapse"], 0),
        (CaseState.RELEASED, ["release"], 2),
    ]
