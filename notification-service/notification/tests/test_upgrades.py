"""Two versions side by side: schema, sagas and events of the release before and the one after."""

from typing import Any

import pytest

from common.testing.upgrades import changed_sagas, old_code_trouble, unsafe_operations
from notification.models import Notification

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("app", ["notification", "security"])
def test_each_migration_lets_the_code_before_it_go_on(app: str) -> None:
    assert unsafe_operations(app) == []


@pytest.mark.parametrize("app", ["notification", "security"])
def test_the_models_before_each_migration_write_on_the_newest_schema(app: str) -> None:
    assert old_code_trouble(app) == []


def test_a_saga_in_flight_finds_its_steps_as_it_left_them() -> None:
    assert changed_sagas("NotificationService") == []


def test_a_newer_sender_may_say_more_than_we_know(event: Any, deliver: Any) -> None:
    told = event("order.paid.v1", points=7) | {"schema": "https://schemas.example/order.json"}

    assert deliver(told) == "told"
    assert Notification.objects.exists()


def test_told_in_two_versions_people_hear_it_once(event: Any, deliver: Any) -> None:
    outcomes = [deliver(event("order.paid.v2")), deliver(event("order.paid.v1"))]
    told = Notification.objects.count()

    assert outcomes == ["ignored", "told"]
    assert (deliver(event("order.paid.v2")), Notification.objects.count()) == ("ignored", told)
