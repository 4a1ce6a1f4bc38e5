"""Contracts.

Those in which this service is the callee are replayed on it, those it calls by are what it sends.
"""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from common.ids import new_uuid
from common.testing.contracts import contracts_of, differences, load, replay
from common.testing.people import NINA
from notification.clients.user import user_find
from security.clients.user import account_opened_at
from security.selectors import Attempt
from security.services.decide import assessment_decide
from security.services.evaluate import assessment_evaluate

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policies")]
MINE = contracts_of(callee="NotificationService")


def test_there_are_contracts():
    assert len(MINE) >= 6


@pytest.mark.parametrize("contract", MINE, ids=lambda contract: contract.name)
def test_we_keep_our_word(contract, service_api, alice, bob, event, deliver):
    names = {"order_uuid": new_uuid(), "payment_uuid": new_uuid(), "event_id": new_uuid()}
    filled = contract.filled(**names, user_uuid=alice.uuid, buyer_uuid=alice.uuid, seller_uuid=bob.uuid)
    deliver(event("order.paid.v1", order_uuid=str(names["order_uuid"])))

    answer = replay(filled, service_api(contract.caller))

    if filled.request["method"] == "GET":
        assert answer.json()["results"]["data"]


def test_a_held_payment_is_answered_as_its_contract_says(service_api, alice):
    (contract,) = [it for it in MINE if it.name == "payment-to-notification-risk-evaluate"]
    filled = contract.filled(order_uuid=new_uuid(), payment_uuid=new_uuid(), user_uuid=alice.uuid)

    said = replay(filled, service_api("PaymentService")).json()["data"]

    assert said["outcome"] == filled.response["json"]["data"]["outcome"]
    assert said["reasons"][0]["code"] == filled.response["json"]["data"]["reasons"][0]["code"]


def test_userservice_is_called_and_read_by_its_contract(fake_transport, alice):
    contract = load("notification-to-user-detail").filled(user_uuid=alice.uuid)
    fake_transport.on(
        "GET", "UserService", contract.request["path"], contract.response["json"], contract.response["status"]
    )

    person, opened_at = user_find(alice.uuid), account_opened_at(alice.uuid)

    assert (person.username, person.email) == ("Alice", "alice@example.com")
    assert opened_at == datetime(2025, 1, 15, 2, tzinfo=UTC)
    assert {call.path for call in fake_transport.calls_to("UserService")} == {contract.request["path"]}


def test_the_fake_userservice_of_these_tests_keeps_the_contract_too(fake_transport, alice):
    from common.service_client import service_client

    contract = load("notification-to-user-detail").filled(user_uuid=alice.uuid)
    for person in (alice, NINA):
        said = service_client.get("UserService", f"/api/v1/user/{person.uuid}/").data
        assert differences(contract.response["json"], said) == []


def test_a_decision_goes_to_payment_as_its_contract_says(fake_transport, drain, alice):
    contract = load("notification-to-payment-risk-decided")
    for peer in ("PaymentService", "NotificationService"):
        fake_transport.on("POST", peer, "/event/inbox", contract.response["json"])
    case = assessment_evaluate(
        payment_uuid=new_uuid(),
        attempt=Attempt(user_uuid=alice.uuid, amount=Decimal("52000.00"), order_uuid=new_uuid()),
    )

    assessment_decide(
        assessment_uuid=case.assessment_uuid, decision="release", reason="buyer called back", actor="user:x"
    )
    drain()

    (call,) = fake_transport.calls_to("PaymentService")
    names = {"assessment_uuid": case.assessment_uuid, "payment_uuid": case.payment_uuid}
    wanted = contract.filled(
        **names, event_id=call.json["event_id"], order_uuid=case.order_uuid, user_uuid=alice.uuid
    )
    assert (call.method, call.path) == (wanted.request["method"], wanted.request["path"])
    assert {**call.json, "occurred_at": 0} == {**wanted.request["json"], "occurred_at": 0}
