"""What an operator may change while the service runs acts on the next payment, without a restart."""

from typing import Any

import pytest

from payment.gateways import alipay_config, gateway_for
from payment.models import Payment, Refund

pytestmark = pytest.mark.django_db


def test_a_way_to_pay_can_be_withdrawn_and_comes_back(shop: Any, set_live: Any) -> None:
    set_live(payment_methods_off=("alipay",))
    order = shop.order()

    refused = shop.create(order)

    assert refused.status_code >= 400 and Payment.objects.count() == 0 and shop.alipay.calls == []
    set_live(payment_methods_off=())
    assert shop.create(order).status_code == 200


@pytest.mark.parametrize(
    ("policy", "is_shipped", "status"),
    [
        ("before_shipping", False, "succeeded"),
        ("before_shipping", True, "requested"),
        ("always", True, "succeeded"),
        ("never", False, "requested"),
    ],
)
def test_which_wishes_of_buyers_are_agreed_to_at_once(
    shop: Any, set_live: Any, policy: str, is_shipped: bool, status: str
) -> None:
    order = shop.order()
    payment = shop.paid(order)
    shop.change(order, status=1, fulfilment=int(is_shipped))
    set_live(refund_auto_approve=policy)

    assert shop.refund(payment, "1.00").status_code in (200, 202)

    assert Refund.objects.get().get_status_display() == status


def test_alipay_is_called_as_the_settings_say_now(set_live: Any, settings: Any) -> None:
    before = gateway_for("alipay")
    assert gateway_for("alipay") is before

    set_live(alipay_gateway_url="https://openapi-sandbox.example/gateway.do", alipay_timeout_seconds=2.5)

    after: Any = gateway_for("alipay")
    assert after is not before
    assert after._client._gateway == "https://openapi-sandbox.example/gateway.do"
    assert after._client._read_timeout == alipay_config().read_timeout == 2.5
