"""Evaluating a payment: once, with few queries, for the payment service alone."""

from decimal import Decimal

import pytest

from common.ids import new_uuid
from common.testing.race import race
from notification.models import NotificationOutbox
from security.models import RiskAssessment, RiskProfile, RiskTransition, SecurityPolicy
from security.selectors import Attempt
from security.services.evaluate import assessment_evaluate
from security.states import CaseState, Outcome

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policies")]
EVALUATE = "/api/internal/risk/evaluate/"
ORDER = "01900000-0000-7000-8000-0000000000a1"


def test_an_ordinary_purchase_is_approved(evaluate):
    said = evaluate()

    assert set(said) == {"assessment_uuid", "outcome", "score", "reasons"}
    assert (said["outcome"], said["score"], said["reasons"]) == ("approve", 0, [])
    row = RiskAssessment.objects.get()
    assert (str(row.assessment_uuid), row.case_state) == (said["assessment_uuid"], CaseState.NONE)
    assert not NotificationOutbox.objects.exists()
    assert not RiskTransition.objects.exists()


@pytest.mark.parametrize(
    "amount, outcome", [("49999.99", "review"), ("50000.00", "block_and_review"), ("500000.00", "decline")]
)
def test_the_amount_decides(evaluate, amount, outcome):
    said = evaluate(amount=amount)

    assert said["outcome"] == outcome
    assert said["reasons"][0]["code"] == "amount_at_least"
    assert set(said["reasons"][0]) == {"code", "description", "severity"}


def test_a_number_is_as_good_as_a_string(service_api, body):
    raw = service_api("PaymentService").request(
        "POST",
        EVALUATE,
        body=str(body()).replace("'299.00'", "50000.00").replace("'", '"').replace("None", "null").encode(),
    )

    assert raw.json()["data"]["outcome"] == "block_and_review"
    assert RiskAssessment.objects.get().amount == Decimal("50000.00")


def test_reasons_speak_the_readers_language(service_api, body):
    one = body(amount="52000.00")

    zh = service_api("PaymentService").post(EVALUATE, one).json()["data"]
    en = service_api("PaymentService", **{"Accept-Language": "en"}).post(EVALUATE, one).json()["data"]

    assert zh["reasons"][0]["description"] == "支付金额较大"
    assert en["reasons"][0]["description"] == "The amount is unusually high"
    assert "50000" not in str(en["reasons"])


@pytest.mark.parametrize("amount, cases", [("20000.00", 1), ("52000.00", 1), ("299.00", 0), ("500000.00", 0)])
def test_what_wants_a_person_opens_a_case_with_history_and_event(evaluate, amount, cases):
    said = evaluate(amount=amount)

    assert RiskAssessment.objects.filter(case_state=CaseState.OPEN).count() == cases
    assert RiskTransition.objects.filter(event="open", source="none", target="open").count() == cases
    events = list(NotificationOutbox.objects.values_list("type", "destination", "path"))
    assert events == [("risk.review_requested.v1", "NotificationService", "/event/inbox")] * cases
    if cases:
        data = NotificationOutbox.objects.get().data
        assert data["assessment_uuid"] == said["assessment_uuid"]
        assert data["outcome"] == said["outcome"]


class TestOnce:
    def test_the_same_payment_gets_the_same_answer(self, service_api, body, user_service):
        one = body(amount="52000.00")
        client = service_api("PaymentService")

        first, again = client.post(EVALUATE, one), client.post(EVALUATE, one)

        assert first.json()["data"] == again.json()["data"]
        assert RiskAssessment.objects.count() == 1
        assert NotificationOutbox.objects.count() == 1
        assert RiskProfile.objects.get().attempts == 1

    def test_the_answer_does_not_change_when_policies_do(self, service_api, body):
        one = body(amount="52000.00")
        first = service_api("PaymentService").post(EVALUATE, one).json()["data"]
        SecurityPolicy.objects.update(is_enabled=False)

        assert service_api("PaymentService").post(EVALUATE, one).json()["data"] == first

    @pytest.mark.parametrize(
        "change", [{"amount": "1.00"}, {"order_uuid": str(new_uuid())}, {"user_uuid": str(new_uuid())}]
    )
    def test_other_facts_for_the_same_payment_are_refused(self, service_api, body, change):
        one = body(amount="52000.00")
        service_api("PaymentService").post(EVALUATE, one)

        answer = service_api("PaymentService").post(EVALUATE, {**one, **change})

        assert (answer.status_code, answer.json()["name"]) == (409, "AssessmentMismatch")
        assert RiskAssessment.objects.get().outcome == Outcome.BLOCK_AND_REVIEW


class TestNeverDecreasing:
    def test_an_order_that_is_held_stays_held_for_its_next_payment(self, evaluate):
        evaluate(order_uuid=ORDER, amount="52000.00")
        SecurityPolicy.objects.filter(kind="amount_at_least").update(is_enabled=False)

        again = evaluate(order_uuid=ORDER, amount="52000.00")

        assert again["outcome"] == "block_and_review"
        assert "order_already_restricted" in [reason["code"] for reason in again["reasons"]]

    def test_another_order_is_not_concerned(self, evaluate):
        evaluate(order_uuid=ORDER, amount="52000.00")

        assert evaluate()["outcome"] == "approve"

    def test_a_stopped_order_is_declined_from_then_on(self, evaluate, api, olive):
        held = evaluate(order_uuid=ORDER, amount="52000.00")
        api(olive).post(
            f"/api/security/assessments/{held['assessment_uuid']}/decide/",
            {"decision": "stop", "reason": "no"},
        )

        assert evaluate(order_uuid=ORDER, amount="299.00")["outcome"] == "decline"

    def test_a_released_case_stands_against_nobody(self, evaluate, api, olive):
        held = evaluate(order_uuid=ORDER, amount="52000.00")
        api(olive).post(
            f"/api/security/assessments/{held['assessment_uuid']}/decide/",
            {"decision": "release", "reason": "ok"},
        )

        assert evaluate(order_uuid=ORDER, amount="299.00")["outcome"] == "approve"

    def test_somebody_elses_case_on_the_same_order_number_is_not_ours(self, evaluate, bob):
        evaluate(order_uuid=ORDER, amount="52000.00")

        assert evaluate(order_uuid=ORDER, user_uuid=str(bob.uuid))["outcome"] == "approve"


def test_switched_off_policies_do_not_speak_and_nobody_calls_that_approved(evaluate):
    SecurityPolicy.objects.update(is_enabled=False)

    assert evaluate(amount="600000.00")["outcome"] == "not_evaluated"


@pytest.mark.parametrize(
    "change, field",
    [
        ({"amount": "-1.00"}, "amount"),
        ({"amount": "0.00"}, "amount"),
        ({"amount": "0.001"}, "amount"),
        ({"amount": "1e5"}, "amount"),
        ({"amount": "NaN"}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": None}, "amount"),
        ({"amount": "100000000.00"}, "amount"),
        ({"payment_uuid": "x"}, "payment_uuid"),
        ({"order_uuid": "7"}, "order_uuid"),
        ({"user_uuid": None}, "user_uuid"),
        ({"client_ip": "not an ip"}, "client_ip"),
        ({"address_index": "x" * 129}, "address_index"),
        ({"payment_method": "x" * 21}, "payment_method"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_kept(service_api, body, change, field):
    answer = service_api("PaymentService").post(EVALUATE, body(**change))

    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert not RiskAssessment.objects.exists()
    assert not RiskProfile.objects.exists()


class TestBudget:
    """Statements per evaluation: does not grow with the number of policies or of earlier attempts."""

    def cost(self, evaluate, count_sql, **changes):
        with count_sql() as log:
            evaluate(**changes)
        return log

    def test_a_known_user(self, evaluate, count_sql):
        evaluate()

        log = self.cost(evaluate, count_sql)

        # Evaluated before? account age; queue up; policies and level; block list; history; the row.
        assert log.count == 7, log

    def test_a_stranger(self, evaluate, count_sql):
        log = self.cost(evaluate, count_sql)

        assert log.count == 8, log

    def test_a_case_costs_three_more(self, evaluate, count_sql):
        evaluate()

        log = self.cost(evaluate, count_sql, amount="52000.00")

        assert log.count == 10, log

    def test_a_repetition(self, evaluate, count_sql):
        payment = str(new_uuid())
        evaluate(payment_uuid=payment, order_uuid=ORDER)

        log = self.cost(evaluate, count_sql, payment_uuid=payment, order_uuid=ORDER)

        assert log.count == 1, log

    def test_fifty_policies_and_fifty_attempts_cost_the_same(self, evaluate, count_sql):
        for number in range(100, 150):
            SecurityPolicy.objects.create(
                policy_id=number,
                policy_name=f"p{number}",
                kind="velocity_count",
                parameters={"window_seconds": number % 5 * 60 + 60, "limit": 1000},
                outcome=Outcome.REVIEW,
                score=1,
                severity="low",
            )
        SecurityPolicy.objects.filter(pk=4).update(is_enabled=False)
        for _ in range(50):
            evaluate()

        log = self.cost(evaluate, count_sql)

        assert log.count == 7, log


def attempt(user, amount="299.00", order=None):
    return Attempt(user_uuid=user.uuid, amount=Decimal(amount), order_uuid=order or new_uuid())


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_eight_at_once_for_one_payment_are_one_assessment(self, alice):
        payment, order = new_uuid(), new_uuid()

        made = race(
            [
                lambda: assessment_evaluate(payment_uuid=payment, attempt=attempt(alice, "52000.00", order))
                for _ in range(8)
            ]
        )

        assert not [one for one in made if isinstance(one, Exception)], made
        assert len({one.assessment_uuid for one in made}) == 1
        assert RiskAssessment.objects.count() == 1
        assert NotificationOutbox.objects.count() == 1


def test_evaluations_are_counted_by_outcome(evaluate, counted, django_capture_on_commit_callbacks):
    for outcome in ("approve", "decline"):
        counted("risk_evaluations_total", outcome=outcome)

    with django_capture_on_commit_callbacks(execute=True):
        evaluate(payment_uuid=str(new_uuid()))
        evaluate(payment_uuid=str(new_uuid()), amount="500000.00")

    assert counted("risk_evaluations_total", outcome="approve") == 1
    assert counted("risk_evaluations_total", outcome="decline") == 1
