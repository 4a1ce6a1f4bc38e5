"""What `/metrics` says of deliveries and cases."""

from decimal import Decimal

import pytest

from common.ids import new_uuid
from security.selectors import Attempt
from security.services.evaluate import assessment_evaluate

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policies")]


def figures(api):
    lines = api().get("/metrics").content.decode().splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))


def test_nothing_waits_at_first(api):
    said = figures(api)

    assert said['notification_deliveries{state="queued"}'] == "0.0"
    assert said["notification_delivery_oldest_seconds"] == "0.0"
    assert said['risk_cases_open{outcome="block_and_review"}'] == "0.0"


def test_what_waits_is_counted_and_aged(api, alice, write, frozen_clock):
    write(alice)
    assessment_evaluate(
        payment_uuid=new_uuid(),
        attempt=Attempt(user_uuid=alice.uuid, amount=Decimal("52000.00"), order_uuid=new_uuid()),
    )
    frozen_clock.move(seconds=90)

    said = figures(api)

    assert said['notification_deliveries{state="queued"}'] == "1.0"
    assert said["notification_delivery_oldest_seconds"] == "90.0"
    assert said['risk_cases_open{outcome="block_and_review"}'] == "1.0"
    assert said['risk_case_oldest_seconds{outcome="block_and_review"}'] == "90.0"
    assert said['risk_cases_open{outcome="review"}'] == "0.0"
