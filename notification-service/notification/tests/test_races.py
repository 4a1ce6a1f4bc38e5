"""The same event, the same key, the same message, many at once."""

import pytest

from common.testing.race import race
from notification.models import Notification, NotificationInbox

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_event_delivered_eight_times_at_once_is_told_once(service_api, event):
    one = event("order.paid.v1")

    answers = race([lambda: service_api("OrderService").post("/event/inbox", one)] * 8)

    assert {answer.status_code for answer in answers} == {200}, answers
    outcomes = sorted(answer.json()["data"]["outcome"] for answer in answers)
    assert outcomes == ["duplicate"] * 7 + ["told"]
    assert Notification.objects.count() == 2
    assert NotificationInbox.objects.count() == 1


def test_eight_events_of_one_order_at_once_are_all_told(service_api, event):
    story = [event("payment.refund_succeeded.v1", version=number) for number in range(8)]

    answers = race([lambda one=one: service_api("PaymentService").post("/event/inbox", one) for one in story])

    assert {answer.json()["data"]["outcome"] for answer in answers} == {"told"}
    assert Notification.objects.count() == 8


def test_one_key_eight_times_at_once_stores_one_message(service_api, alice):
    body = {"user_uuid": str(alice.uuid), "type": 0, "title": "t", "content": "c"}

    answers = race(
        [lambda: service_api("OrderService").post("/api/internal/notifications/create/", body, key="step-7")]
        * 8
    )

    # The losers hear "still running" or the first answer; nobody makes a second message.
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert 200 in {answer.status_code for answer in answers}
    assert Notification.objects.count() == 1


def test_reading_one_and_reading_all_at_once_count_it_once(api, alice, write):
    made = [write(alice) for _ in range(5)]

    answers = race(
        [lambda one=one: api(alice).post(f"/api/notifications/{one['id']}/read/") for one in made]
        + [lambda: api(alice).patch("/api/notifications/read-all/")]
    )

    assert {answer.status_code for answer in answers} == {200}
    assert api(alice).get("/api/notifications/unread-count/").json()["unread_count"] == 0
    assert Notification.objects.filter(read=True).exclude(read_at=None).count() == 5


def test_a_first_switch_set_twice_at_once_is_one_row(api, alice):
    from notification.models import NotificationPreference

    answers = race([lambda: api(alice).put("/api/notifications/preferences/", {"promotion": False})] * 6)

    assert {answer.status_code for answer in answers} == {200}
    assert NotificationPreference.objects.count() == 1
