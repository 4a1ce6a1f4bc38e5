"""Switches per type: stored, partial, and what they change."""

import pytest

from notification.models import Notification, NotificationDelivery, NotificationPreference
from notification.states import DeliveryDetail, DeliveryState

pytestmark = pytest.mark.django_db
PREFERENCES = "/api/notifications/preferences/"
LIST = "/api/notifications/"


def test_everything_is_on_at_first(api, alice):
    said = api(alice).get(PREFERENCES).json()

    assert said["data"] == {"transaction": True, "system": True, "promotion": True}
    assert not NotificationPreference.objects.exists()


def test_a_switch_is_stored_and_leaves_the_others(api, alice, bob):
    api(alice).put(PREFERENCES, {"promotion": False})
    answer = api(alice).put(PREFERENCES, {"system": False})

    assert answer.json()["data"] == {"transaction": True, "system": False, "promotion": False}
    assert api(alice).get(PREFERENCES).json()["data"] == answer.json()["data"]
    assert api(bob).get(PREFERENCES).json()["data"]["promotion"] is True


def test_a_muted_type_is_stored_but_not_shown(api, alice, write):
    api(alice).put(PREFERENCES, {"promotion": False})

    muted, shown = write(alice, type=2), write(alice, type=1)

    assert [row["id"] for row in api(alice).get(LIST).json()["results"]["data"]] == [shown["id"]]
    assert api(alice).get(f"{LIST}unread-count/").json()["unread_count"] == 1
    assert api(alice).get(f"{LIST}{muted['id']}/").status_code == 404
    delivery = NotificationDelivery.objects.get(notification_id=muted["id"])
    assert (delivery.state, delivery.detail) == (DeliveryState.SKIPPED, DeliveryDetail.MUTED)


def test_what_is_in_the_box_stays_when_the_type_is_muted(api, alice, write):
    before = write(alice, type=2)

    api(alice).put(PREFERENCES, {"promotion": False})

    assert api(alice).get(f"{LIST}{before['id']}/").status_code == 200


def test_switching_on_again_lets_new_ones_in(api, alice, write):
    api(alice).put(PREFERENCES, {"promotion": False})
    write(alice, type=2)
    api(alice).put(PREFERENCES, {"promotion": True})

    later = write(alice, type=2)

    assert [row["id"] for row in api(alice).get(LIST).json()["results"]["data"]] == [later["id"]]


def test_critical_messages_reach_people_who_muted_their_type(api, alice, event, deliver):
    api(alice).put(PREFERENCES, {"transaction": False})

    deliver(event("order.paid.v1"))
    deliver(event("payment.refund_failed.v1"))

    keys = {row.template_key: row.in_box for row in Notification.objects.filter(user_uuid=alice.uuid)}
    assert keys == {"order.paid.buyer": False, "payment.refund_failed.buyer": True}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"promotion": "no"},
        {"promotion": 0},
        {"promotion": None},
        {"urgent": False},
        {"promotion": False, "urgent": False},
    ],
)
def test_nonsense_is_refused_and_nothing_moves(api, alice, body):
    answer = api(alice).put(PREFERENCES, body)

    assert (answer.status_code, answer.json()["code"]) == (400, "1001")
    assert not NotificationPreference.objects.exists()
