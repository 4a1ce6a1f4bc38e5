"""Paying through the order service: what goes on to the payment service, what is kept of its answer."""

from typing import Any

import pytest

from common.ids import new_uuid
from order.tests.world import World

pytestmark = pytest.mark.django_db


def test_the_buyers_address_reaches_risk_control_by_this_road_too(
    world: World, place: Any, api: Any, alice: Any
) -> None:
    """The gateway appends what it saw to X-Forwarded-For; what stands before it anybody wrote."""
    order = place()

    caller = api(alice, **{"X-Forwarded-For": "6.6.6.6, 203.0.113.7"})
    caller.post(f"/api/orders/{order['order_uuid']}/pay/", {"client_ip": "192.0.2.1"})

    (call,) = world.transport.calls_to("PaymentService", "POST", "/api/payment/create/")
    assert call.json["client_ip"] == "203.0.113.7"


def test_a_cashier_still_on_its_way_is_not_kept_under_the_key(
    world: World, place: Any, api: Any, alice: Any
) -> None:
    """Kept for a day, an answer without an address would leave who repeats the key nothing to pay by."""
    path, key = f"/api/orders/{place()['order_uuid']}/pay/", new_uuid()
    cashiers = iter([(202, None), (200, {"qrcode": "q", "url": "u"})])

    def create(_: Any) -> Any:
        status, cashier = next(cashiers)
        data = {"payment_uuid": str(new_uuid()), "under_review": False, "payment_data": cashier}
        return status, {"code": "200", "message": "", "data": data}

    world.transport.on("POST", "PaymentService", "/api/payment/create/", create)

    first, second = (api(alice).post(path, {}, key=key) for _ in range(2))

    assert (first.status_code, first.json()["data"]["payment_data"]) == (202, None)
    assert (second.status_code, second.json()["data"]["payment_data"]["url"]) == (200, "u")
