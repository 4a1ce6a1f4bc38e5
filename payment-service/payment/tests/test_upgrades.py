"""Two versions side by side: schema, sagas and events of the release before and the one after."""

from typing import Any

import pytest

from common.testing.upgrades import changed_sagas, old_code_trouble, unsafe_operations
from payment.models import Payment, PaymentInbox
from payment.tests.test_risk import decide, decided, held

pytestmark = pytest.mark.django_db


def test_each_migration_lets_the_code_before_it_go_on() -> None:
    assert unsafe_operations("payment") == []


def test_the_models_before_each_migration_write_on_the_newest_schema() -> None:
    assert old_code_trouble("payment") == []


def test_a_saga_in_flight_finds_its_steps_as_it_left_them() -> None:
    assert changed_sagas("PaymentService") == []


def test_a_newer_sender_may_say_more_than_we_know(shop: Any) -> None:
    event = decided(held(shop))
    event["data"]["score"] = 12
    event["schema"] = "https://schemas.example/risk.json"

    answer = decide(shop, event)

    assert answer.status_code == 200, answer.content
    assert answer.json()["data"]["outcome"] != "ignored"


def test_a_decision_in_a_version_we_do_not_know_releases_nothing(shop: Any) -> None:
    payment = held(shop)
    before = Payment.objects.values().get(pk=payment.pk)

    answer = decide(shop, decided(payment, type="risk.decided.v2"))

    assert answer.json()["data"]["outcome"] == "ignored"
    assert Payment.objects.values().get(pk=payment.pk) == before
    assert not PaymentInbox.objects.exists()
