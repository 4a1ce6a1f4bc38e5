"""What siblings expect of the order service, replayed; and the fakes of this suite held to what siblings
promise.
"""

import re
from typing import Any
from uuid import UUID

import pytest

from common.ids import new_uuid
from common.service_client import service_client
from common.testing.contracts import Contract, contracts_of, differences, load, replay
from common.testing.people import ALICE, BOB
from order.models import Order
from order.tests.world import TEA, World

pytestmark = pytest.mark.django_db


def _values(world: World, place: Any) -> dict[str, Any]:
    order = place()
    paid = world.payment_for(order)
    return {
        "order_uuid": order["order_uuid"],
        "payment_uuid": paid.payment_uuid,
        "refund_uuid": new_uuid(),
        "product_uuid": TEA,
        "user_uuid": ALICE.uuid,
        "seller_uuid": BOB.uuid,
        "event_id": new_uuid(),
    }


@pytest.mark.parametrize("contract", contracts_of(callee="OrderService"), ids=lambda contract: contract.name)
def test_siblings_get_what_they_expect(
    contract: Contract, world: World, place: Any, service_api: Any
) -> None:
    filled = contract.filled(**_values(world, place))

    replay(filled, service_api(contract.caller))


def test_money_is_a_json_number_with_two_places_inside(world: World, place: Any, service_api: Any) -> None:
    path = f"/api/orders/internal/orders/{place()['order_uuid']}/"

    raw = service_api("PaymentService").get(path).content.decode()

    assert '"total_amount":299.00' in raw
    assert '"price":299.00' in raw
    assert "shipping" not in raw


def test_what_payments_tell_moves_the_order(world: World, place: Any, service_api: Any) -> None:
    contract = load("payment-to-order-succeeded").filled(**_values(world, place))

    replay(contract, service_api("PaymentService"))

    assert Order.objects.get().payment_uuid == UUID(contract.request["json"]["data"]["payment_uuid"])


OURS = [
    contract
    for contract in contracts_of(caller="OrderService")
    if contract.callee in ("PaymentService", "ProductService")
]


@pytest.mark.parametrize("contract", OURS, ids=lambda contract: contract.name)
def test_the_fakes_answer_as_the_contracts_say(contract: Contract, world: World, place: Any) -> None:
    values = _values(world, place)
    if "refund" in contract.request["path"]:
        world.payments[-1].status, world.payments[-1].amount = "success", "299.50"
    filled = contract.filled(**values)

    answer = service_client.request(
        filled.request["method"],
        filled.callee,
        filled.request["path"],
        json=filled.request.get("json"),
        idempotency_key=new_uuid(),
    )

    assert answer.status == filled.response["status"]
    assert not differences(filled.response["json"], answer.data)


@pytest.mark.breaks_invariants
def test_our_calls_are_the_contracts_requests(
    world: World, place: Any, api: Any, drain: Any, alice: Any
) -> None:
    order = place()
    api(alice).post(f"/api/orders/{order['order_uuid']}/pay/", {})
    drain()
    api(alice).post(f"/api/orders/{order['order_uuid']}/cancel/", {})
    other = place()
    world.pay(other)
    api(alice).post(f"/api/orders/{other['order_uuid']}/cancel/", {})
    late = world.payment_for(order, status="success")
    world.tell("payment.succeeded.v1", late)
    drain()

    for contract in OURS:
        path = re.sub(r"\{\w+\}", "{x}", contract.request["path"])
        calls = world.transport.calls_to(contract.callee, contract.request["method"], path)
        assert calls, f"{contract.name} is never called"
        for call in calls:
            wanted = contract.request.get("json")
            assert not differences(wanted, call.json) if wanted else call.json in (None, {})
