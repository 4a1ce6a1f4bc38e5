"""Every contract in which this service is the callee, replayed on the real thing."""

import pytest

from common.ids import new_uuid
from common.testing.contracts import contracts_of, replay

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
