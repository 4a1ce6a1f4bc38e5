"""Storing a sibling's message: the documented shape, once per key, and nothing from anybody else."""

import pytest

from notification.models import Notification, NotificationDelivery

pytestmark = pytest.mark.django_db
CREATE = "/api/internal/notifications/create/"
LIST = "/api/notifications/"


@pytest.fixture
def body(alice):
    return {
        "user_uuid": str(alice.uuid),
        "type": 0,
        "title": "订单创建成功",
        "content": "您的订单已创建成功，订单号：CFMP202506080001",
        "related_id": "01900000-0000-7000-8000-0000000000a1",
    }


@pytest.mark.parametrize("path", [CREATE, LIST])
def test_it_answers_exactly_the_documented_shape(service_api, body, path, alice):
    answer = service_api("OrderService").post(path, body)

    assert answer.status_code == 200
    said = answer.json()
    assert (said["code"], said["message"]) == ("200", "通知创建成功")
    assert set(said["data"]) == {"id", "user_uuid", "type", "title", "content", "read", "created_at"}
    assert said["data"]["user_uuid"] == str(alice.uuid)
    assert said["data"]["read"] is False
    assert said["data"]["created_at"].endswith("Z")
    assert isinstance(said["data"]["id"], int) and said["data"]["id"] < 2**53
    assert NotificationDelivery.objects.get().notification_id == said["data"]["id"]


def test_the_reader_finds_it(service_api, api, body, alice):
    made = service_api("PaymentService").post(CREATE, {**body, "related_data": {"amount": 299.10}}).json()

    row = api(alice).get(f"/api/notifications/{made['data']['id']}/").json()["data"]

    assert row["title"] == "订单创建成功"
    assert row["related_id"] == body["related_id"]
    assert row["related_data"] == {"amount": "299.1"}


@pytest.mark.parametrize("given, stored", [(1, 1), ("promotion", 2), ("SYSTEM", 1), ("0", 0)])
def test_a_type_is_a_number_or_a_name(service_api, body, given, stored):
    assert service_api("OrderService").post(CREATE, {**body, "type": given}).json()["data"]["type"] == stored


def test_the_same_key_stores_one_message(service_api, body):
    client = service_api("OrderService")

    first = client.post(CREATE, body, key="step-1")
    again = client.post(CREATE, body, key="step-1")

    assert again.json() == first.json()
    assert again["Idempotent-Replay"] == "true"
    assert Notification.objects.count() == 1


def test_the_same_key_for_another_body_is_refused(service_api, body):
    client = service_api("OrderService")
    client.post(CREATE, body, key="step-1")

    answer = client.post(CREATE, {**body, "title": "other"}, key="step-1")

    assert (answer.status_code, answer.json()["name"]) == (422, "IdempotencyKeyReused")
    assert Notification.objects.count() == 1


def test_an_answer_lost_in_a_crash_is_rebuilt(service_api, body):
    from notification.models import NotificationIdempotencyKey

    client = service_api("OrderService")
    first = client.post(CREATE, body, key="step-1").json()
    # The process died after the commit and before the answer was kept; its lease has run out since.
    NotificationIdempotencyKey.objects.update(
        answer=None, answer_status=None, lease_until="2020-01-01T00:00:00Z"
    )

    again = client.post(CREATE, body, key="step-1")

    assert again.status_code == 200
    assert again.json()["data"] == first["data"]
    assert Notification.objects.count() == 1


@pytest.mark.parametrize(
    "change, field",
    [
        ({"user_uuid": "nobody"}, "user_uuid"),
        ({"user_uuid": None}, "user_uuid"),
        ({"type": 3}, "type"),
        ({"type": True}, "type"),
        ({"type": 1.0}, "type"),
        ({"type": "urgent"}, "type"),
        ({"title": ""}, "title"),
        ({"title": "x" * 101}, "title"),
        ({"title": ["x"]}, "title"),
        ({"title": "a\x00b"}, "body"),
        ({"content": "x" * 5001}, "content"),
        ({"related_id": "x" * 65}, "related_id"),
        ({"related_data": [1]}, "related_data"),
        ({"related_data": {"x": "y" * 5000}}, "related_data"),
        ({"related_data": {"x": "a\x00b"}}, "body"),
    ],
)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_bad_input_is_refused_by_field(service_api, body, change, field, language):
    answer = service_api("OrderService", **{"Accept-Language": language}).post(CREATE, {**body, **change})

    said = answer.json()
    assert (answer.status_code, said["code"], said["name"]) == (400, "1001", "InvalidInput")
    assert field in said["errors"]
    assert said["request_id"]
    assert said["message"] == ("The request is invalid" if language == "en" else "请求参数错误")
    assert not Notification.objects.exists()


def test_nothing_else_of_a_row_can_be_set(service_api, body):
    service_api("OrderService").post(
        CREATE, {**body, "read": True, "id": 7, "template_key": "order.paid.buyer", "in_box": False}
    )

    row = Notification.objects.get()
    assert (row.read, row.template_key, row.in_box) == (False, "", True)
    assert row.id != 7


@pytest.mark.parametrize("path", [CREATE, LIST])
@pytest.mark.parametrize("person", ["alice", "olive"])
def test_a_persons_token_creates_nothing(api, body, path, person, request):
    answer = api(request.getfixturevalue(person)).post(path, body)

    assert answer.status_code in (401, 403)
    assert not Notification.objects.exists()


@pytest.mark.parametrize("path", [CREATE, LIST])
def test_a_bare_header_creates_nothing(api, body, path, alice):
    answer = api(None, **{"UUID": str(alice.uuid), "X-User-UUID": str(alice.uuid)}).post(path, body)

    assert answer.status_code == 401
    assert not Notification.objects.exists()


def test_a_sibling_that_is_not_named_creates_nothing(service_api, body):
    answer = service_api("NotificationService").post(CREATE, body)

    assert (answer.status_code, answer.json()["code"]) == (403, "1004")
    assert not Notification.objects.exists()
