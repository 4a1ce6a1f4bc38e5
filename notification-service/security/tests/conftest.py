"""Asking risk control as the payment service does."""

import pytest

from common.ids import new_uuid


@pytest.fixture
def body(alice):
    def build(**changes):
        usual = {
            "payment_uuid": str(new_uuid()),
            "order_uuid": str(new_uuid()),
            "user_uuid": str(alice.uuid),
            "amount": "299.00",
            "payment_method": "alipay",
            "client_ip": "203.0.113.7",
            "address_index": None,
        }
        return {**usual, **changes}

    return build


@pytest.fixture
def evaluate(service_api, body):
    def post(**changes):
        answer = service_api("PaymentService").post("/api/internal/risk/evaluate/", body(**changes))
        assert answer.status_code == 200, answer.content
        return answer.json()["data"]

    return post
