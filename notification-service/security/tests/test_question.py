"""Clients' questions about risk: only about what is theirs, without any trace."""

from decimal import Decimal

import pytest

from common.ids import new_uuid
from notification.models import NotificationOutbox
from security.models import RiskAssessment, RiskProfile
from security.selectors import Attempt
from security.services.evaluate import assessment_evaluate

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policies")]
RISK = "/api/security/risk-assessment/"
FRAUD = "/api/security/fraud-detection/"


@pytest.fixture
def assessed(alice):
    return assessment_evaluate(
        payment_uuid=new_uuid(),
        attempt=Attempt(user_uuid=alice.uuid, amount=Decimal("52000.00"), order_uuid=new_uuid()),
    )


def test_the_shapes_the_client_reads(api, alice):
    risk = api(alice).post(RISK, {"amount": "52000.00"}).json()
    fraud = api(alice).post(FRAUD, {"amount": "52000.00"}).json()

    assert risk["code"] == fraud["code"] == "200"
    assert set(risk["data"]) == {"risk_level", "risk_factors", "recommendation"}
    assert risk["data"]["risk_level"] == "high"
    assert set(risk["data"]["risk_factors"][0]) == {"factor_type", "factor_description", "severity"}
    assert set(fraud["data"]) == {"fraud_score", "fraud_detected", "fraud_types", "action_recommended"}
    assert (fraud["data"]["fraud_detected"], fraud["data"]["action_recommended"]) == (
        True,
        "block_and_review",
    )
    assert fraud["data"]["fraud_types"] == ["amount_at_least", "unknown_account"]


@pytest.mark.parametrize(
    "amount, level, action",
    [
        (None, "low", "approve"),
        ("299.00", "low", "approve"),
        (299.5, "low", "approve"),
        ("20000.00", "medium", "review"),
        ("52000.00", "high", "block_and_review"),
        ("500000.00", "critical", "decline"),
    ],
)
def test_an_amount_alone(api, alice, amount, level, action):
    assert api(alice).post(RISK, {"amount": amount}).json()["data"]["risk_level"] == level
    assert api(alice).post(FRAUD, {"amount": amount}).json()["data"]["action_recommended"] == action


@pytest.mark.parametrize("path", [RISK, FRAUD])
def test_asking_without_a_body_is_about_the_person(api, alice, path):
    assert api(alice).post(path).status_code == 200
    assert api(alice).post(path, {}).status_code == 200


def test_asking_leaves_no_trace_and_counts_for_nothing(api, alice):
    for _ in range(30):
        api(alice).post(RISK, {"amount": "52000.00"})

    assert not RiskAssessment.objects.exists()
    assert not RiskProfile.objects.exists()
    assert not NotificationOutbox.objects.exists()
    assert api(alice).post(FRAUD, {"amount": "299.00"}).json()["data"]["fraud_score"] == 0


@pytest.mark.parametrize("name", ["order_uuid", "payment_uuid"])
def test_what_was_decided_is_told_to_its_owner(api, alice, assessed, name):
    said = api(alice).post(FRAUD, {name: str(getattr(assessed, name))}).json()["data"]

    assert (said["action_recommended"], said["fraud_score"]) == ("block_and_review", assessed.score)


def test_an_order_nobody_tried_to_pay_yet_is_judged_by_its_total(api, alice, event, deliver):
    one = event("order.created.v1", total_amount="52000.00")
    deliver(one)

    said = api(alice).post(RISK, {"order_uuid": one["data"]["order_uuid"]}).json()["data"]

    assert said["risk_level"] == "high"


@pytest.mark.parametrize("name", ["order_uuid", "payment_uuid"])
@pytest.mark.parametrize("path", [RISK, FRAUD])
@pytest.mark.parametrize("person", ["bob", "mallory", "olive"])
def test_not_yours_and_unknown_look_the_same(api, assessed, request, event, deliver, path, name, person):
    deliver(event("order.created.v1", order_uuid=str(assessed.order_uuid)))
    client = api(request.getfixturevalue(person))

    foreign = client.post(path, {name: str(getattr(assessed, name)), "amount": "1.00"})
    unknown = client.post(path, {name: str(new_uuid()), "amount": "1.00"})

    assert foreign.status_code == unknown.status_code == 404
    assert {**foreign.json(), "request_id": 0} == {**unknown.json(), "request_id": 0}


def test_an_order_and_a_payment_must_belong_together(api, alice, assessed):
    body = {"order_uuid": str(new_uuid()), "payment_uuid": str(assessed.payment_uuid)}

    assert api(alice).post(RISK, body).status_code == 404


def test_both_languages(api, alice):
    zh = api(alice).post(RISK, {"amount": "52000.00"}).json()["data"]
    en = api(alice, **{"Accept-Language": "en"}).post(RISK, {"amount": "52000.00"}).json()["data"]

    assert zh["risk_factors"][0]["factor_description"] == "支付金额较大"
    assert en["risk_factors"][0]["factor_description"] == "The amount is unusually high"
    assert zh["recommendation"] != en["recommendation"]


@pytest.mark.parametrize(
    "body",
    [{"amount": "-1"}, {"amount": "0"}, {"amount": "x"}, {"order_uuid": "x"}, {"payment_uuid": "5"}],
)
@pytest.mark.parametrize("path", [RISK, FRAUD])
def test_bad_input(api, alice, path, body):
    answer = api(alice).post(path, body)

    assert (answer.status_code, list(answer.json()["errors"])) == (400, list(body))


def test_budget(api, alice, assessed, count_sql):
    with count_sql() as log:
        api(alice).post(RISK, {"order_uuid": str(assessed.order_uuid)})
    assert log.count == 1, log

    with count_sql() as log:
        api(alice).post(RISK, {"amount": "1.00"})
    assert log.count == 4, log
