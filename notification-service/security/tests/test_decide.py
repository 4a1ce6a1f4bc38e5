"""A reviewer's decision: by administrators, once, with its event to the payment."""

from decimal import Decimal

import pytest

from common.ids import new_uuid
from common.testing.people import mint_user_token
from common.testing.race import race
from notification.models import NotificationOutbox
from security.errors import AssessmentNotOpen
from security.models import RiskAssessment, RiskTransition
from security.selectors import Attempt
from security.services.decide import assessment_decide
from security.services.evaluate import assessment_evaluate
from security.states import CASE_MACHINE, CaseState, Outcome

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policies")]
LIST = "/api/security/assessments/"


@pytest.fixture
def held(policies, alice):
    def make(amount="52000.00"):
        return assessment_evaluate(
            payment_uuid=new_uuid(),
            attempt=Attempt(user_uuid=alice.uuid, amount=Decimal(amount), order_uuid=new_uuid()),
        )

    return make


def path(assessment):
    return f"{LIST}{assessment.assessment_uuid}/decide/"


@pytest.mark.parametrize("decision, state", [("release", CaseState.RELEASED), ("stop", CaseState.STOPPED)])
@pytest.mark.parametrize("amount", ["52000.00", "20000.00"])
def test_a_decision_moves_the_case_and_tells_payment(api, olive, held, decision, state, amount):
    case = held(amount)

    answer = api(olive).post(path(case), {"decision": decision, "reason": "buyer called back"})

    assert answer.status_code == 200
    said = answer.json()["data"]
    assert (said["decision"], said["state"]) == (decision, state.name.lower())
    assert (said["decided_by"], said["decision_reason"]) == (f"user:{olive.uuid}", "buyer called back")
    row = RiskAssessment.objects.get()
    assert (row.case_state, row.outcome) == (state, case.outcome)
    step = RiskTransition.objects.last()
    assert (step.event, step.source, step.actor) == (decision, "open", f"user:{olive.uuid}")
    told = {event.destination: event for event in NotificationOutbox.objects.filter(type="risk.decided.v1")}
    assert set(told) == {"PaymentService", "NotificationService"}
    assert told["PaymentService"].path == "/event/inbox"
    data = told["PaymentService"].data
    assert data == {
        "assessment_uuid": str(case.assessment_uuid),
        "payment_uuid": str(case.payment_uuid),
        "order_uuid": str(case.order_uuid),
        "user_uuid": str(case.user_uuid),
        "amount": amount,
        "decision": decision,
        "reason": "buyer called back",
    }
    assert told["PaymentService"].version == row.version


@pytest.mark.parametrize("first", ["release", "stop"])
@pytest.mark.parametrize("second", ["release", "stop"])
def test_deciding_twice_is_refused_and_changes_nothing(api, olive, held, first, second):
    case = held()
    api(olive).post(path(case), {"decision": first, "reason": "one"})
    before = RiskAssessment.objects.values().get()

    answer = api(olive).post(path(case), {"decision": second, "reason": "two"})

    assert (answer.status_code, answer.json()["code"], answer.json()["name"]) == (
        409,
        "9002",
        "AssessmentNotOpen",
    )
    assert RiskAssessment.objects.values().get() == before
    assert NotificationOutbox.objects.filter(type="risk.decided.v1").count() == 2


@pytest.mark.parametrize("amount", ["299.00", "500000.00"])
def test_without_a_case_there_is_nothing_to_decide(api, olive, held, amount):
    case = held(amount)

    answer = api(olive).post(path(case), {"decision": "release", "reason": "x"})

    assert answer.status_code == 409
    assert not NotificationOutbox.objects.exists()
    assert RiskAssessment.objects.get().case_state == CaseState.NONE


def test_an_unknown_assessment_is_404(api, olive):
    answer = api(olive).post(f"{LIST}{new_uuid()}/decide/", {"decision": "release", "reason": "x"})

    assert (answer.status_code, answer.json()["name"]) == (404, "AssessmentNotFound")


@pytest.mark.parametrize(
    "body, fields",
    [
        ({}, {"decision", "reason"}),
        ({"decision": "release"}, {"reason"}),
        ({"decision": "release", "reason": "  "}, {"reason"}),
        ({"decision": "release", "reason": "x" * 256}, {"reason"}),
        ({"decision": "open", "reason": "x"}, {"decision"}),
        ({"decision": ["stop"], "reason": "x"}, {"decision"}),
        ({"decision": None, "reason": "x"}, {"decision"}),
    ],
)
def test_bad_input_decides_nothing(api, olive, held, body, fields):
    case = held()

    answer = api(olive).post(path(case), body)

    assert (answer.status_code, set(answer.json()["errors"])) == (400, fields)
    assert RiskAssessment.objects.get().case_state == CaseState.OPEN


@pytest.mark.parametrize("person, status", [("alice", 403), ("bob", 403), ("mallory", 403), (None, 401)])
def test_only_administrators_decide(api, held, request, person, status):
    case = held()
    client = api(request.getfixturevalue(person) if person else None)

    assert client.post(path(case), {"decision": "release", "reason": "x"}).status_code == status
    assert client.get(LIST).status_code == status
    assert RiskAssessment.objects.get().case_state == CaseState.OPEN
    assert not NotificationOutbox.objects.filter(type="risk.decided.v1").exists()


def test_nobody_reviews_a_payment_of_their_own(api, olive):
    own = assessment_evaluate(
        payment_uuid=new_uuid(),
        attempt=Attempt(user_uuid=olive.uuid, amount=Decimal("52000.00"), order_uuid=new_uuid()),
    )

    answer = api(olive).post(path(own), {"decision": "release", "reason": "it is me"})

    assert (answer.status_code, answer.json()["code"], answer.json()["name"]) == (403, "9005", "OwnCase")
    assert RiskAssessment.objects.get().case_state == CaseState.OPEN
    assert not NotificationOutbox.objects.filter(type="risk.decided.v1").exists()


@pytest.mark.parametrize("privilege, status", [(1, 200), (0, 403)])
def test_a_published_token_is_an_administrators_when_userservice_says_so(
    api, olive, held, fake_transport, privilege, status
):
    fake_transport.on("GET", "UserService", "/api/v1/user/{uuid}/", {"privilege": privilege})
    token = mint_user_token(olive, key="cfmp-hs256")

    answer = api(None, Authorization=f"Bearer {token}").post(
        path(held()), {"decision": "release", "reason": "x"}
    )

    assert answer.status_code == status


class TestList:
    def test_rows_newest_first(self, api, olive, held, frozen_clock):
        for amount in ("299.00", "52000.00", "500000.00"):
            held(amount)
            frozen_clock.move(seconds=1)

        said = api(olive).get(LIST).json()

        rows = said["results"]["data"]
        assert said["count"] == 3
        assert [row["amount"] for row in rows] == ["500000.00", "52000.00", "299.00"]
        assert [row["outcome"] for row in rows] == ["decline", "block_and_review", "approve"]
        assert [row["state"] for row in rows] == ["none", "open", "none"]
        assert rows[1]["reasons"][0]["code"] == "amount_at_least"

    def test_the_rows_hold_what_their_schema_says(self, api, olive, held):
        from security.serializers import AssessmentSerializer

        held()
        assert set(api(olive).get(LIST).json()["results"]["data"][0]) == set(AssessmentSerializer().fields)

    @pytest.mark.parametrize(
        "query, count",
        [
            ({"state": "open"}, 1),
            ({"state": "none"}, 2),
            ({"outcome": "decline"}, 1),
            ({"outcome": "approve", "state": "none"}, 1),
            ({"user_uuid": "01900000-0000-7000-8000-00000000a11c"}, 3),
            ({"user_uuid": "01900000-0000-7000-8000-000000000b0b"}, 0),
            ({"order_uuid": "01900000-0000-7000-8000-000000000b0b"}, 0),
        ],
    )
    def test_filters(self, api, olive, held, query, count):
        for amount in ("299.00", "52000.00", "500000.00"):
            held(amount)

        assert api(olive).get(LIST, query).json()["count"] == count

    @pytest.mark.parametrize(
        "query", [{"state": "x"}, {"outcome": "5"}, {"user_uuid": "me"}, {"order_uuid": "1"}, {"page": "0"}]
    )
    def test_nonsense_filters_are_refused(self, api, olive, query):
        assert api(olive).get(LIST, query).status_code == 400

    @pytest.mark.parametrize("size", [1, 20])
    def test_it_takes_two_statements_whatever_its_size(self, api, olive, held, count_sql, size):
        for _ in range(20):
            held()

        with count_sql() as log:
            api(olive).get(LIST, {"page_size": size})

        assert log.count == 2, log


@pytest.mark.parametrize("state", CaseState)
@pytest.mark.parametrize("event", CASE_MACHINE.events())
def test_every_state_and_event_pair(state, event):
    allowed = {
        ("open", CaseState.NONE): CaseState.OPEN,
        ("release", CaseState.OPEN): CaseState.RELEASED,
        ("stop", CaseState.OPEN): CaseState.STOPPED,
        ("lapse", CaseState.OPEN): CaseState.LAPSED,
    }
    assert CASE_MACHINE.allows(state, event) == ((event, state) in allowed)
    if (event, state) in allowed:
        assert CASE_MACHINE.target(event) == allowed[event, state]


@pytest.mark.django_db(transaction=True)
def test_of_eight_reviewers_at_once_one_decides(held):
    case = held()

    said = race(
        [
            lambda decision=decision: assessment_decide(
                assessment_uuid=case.assessment_uuid, decision=decision, reason="r", actor=decision
            )
            for decision in ("release", "stop") * 4
        ]
    )

    winners = [one for one in said if not isinstance(one, Exception)]
    assert len(winners) == 1
    assert {type(one) for one in said} - {RiskAssessment} == {AssessmentNotOpen}
    row = RiskAssessment.objects.get()
    assert row.case_state == CASE_MACHINE.target(row.decided_by)
    assert NotificationOutbox.objects.filter(type="risk.decided.v1").count() == 2
    assert RiskTransition.objects.exclude(event="open").count() == 1


def test_the_outcome_is_never_rewritten(api, olive, held):
    case = held()

    api(olive).post(path(case), {"decision": "release", "reason": "x"})

    assert RiskAssessment.objects.get().outcome == Outcome.BLOCK_AND_REVIEW


def test_the_buyer_hears_of_both_through_the_worker(
    api, alice, olive, held, drain, fake_transport, service_api
):
    """The whole way: case opened, told; decided, told; payment gets its event."""
    to_payment = []
    fake_transport.on(
        "POST", "PaymentService", "/event/inbox", lambda call: to_payment.append(call.json) or {}
    )

    def own_door(call):
        answer = service_api("NotificationService").post("/event/inbox", call.json)
        return answer.status_code, answer.json()

    fake_transport.on("POST", "NotificationService", "/event/inbox", own_door)
    case = held()
    drain()
    api(olive).post(path(case), {"decision": "release", "reason": "called back"})
    drain()

    rows = api(alice).get("/api/notifications/").json()["results"]["data"]
    assert [row["title"] for row in rows] == ["支付审核通过", "支付正在审核"]
    assert {row["related_id"] for row in rows} == {str(case.order_uuid)}
    assert [(event["type"], event["data"]["decision"]) for event in to_payment] == [
        ("risk.decided.v1", "release")
    ]
