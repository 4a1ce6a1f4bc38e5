"""Events in, messages out: the right people, the right words, in both languages, once."""

from itertools import permutations

import pytest

from common.ids import new_uuid
from notification.events import HEARD
from notification.messages import MESSAGES
from notification.models import Notification, NotificationInbox

pytestmark = pytest.mark.django_db
LIST = "/api/notifications/"
NUMBER = "CFMP2026112112345678"

# event -> who is told, and words the Chinese and the English text must have. Written by hand, not derived.
EXPECTED = {
    "order.created.v1": {"alice": ("订单已提交", "Order placed"), "bob": ("有新订单", "New order")},
    "order.authorized.v1": {"bob": ("预授权", "authorised")},
    "order.authorization_voided.v1": {"alice": ("撤销", "released"), "bob": ("请勿发货", "do not ship")},
    "order.paid.v1": {"alice": ("支付成功", "paid"), "bob": ("已支付", "please ship")},
    "order.purchased.v1": {"bob": ("最终确认", "final")},
    "order.shipped.v1": {"alice": ("SF10000001", "SF10000001")},
    "order.delivered.v1": {"alice": ("请确认收货", "confirm"), "bob": ("已送达", "reached")},
    "order.completed.v1": {"alice": ("已完成", "completed"), "bob": ("交易完成", "sale is completed")},
    "order.cancelling.v1": {"alice": ("正在取消", "being cancelled"), "bob": ("请勿发货", "do not ship")},
    "order.cancel_failed.v1": {"alice": ("继续有效", "stays valid"), "bob": ("继续有效", "stays valid")},
    "order.cancelled.v1": {"alice": ("不想要了", "不想要了"), "bob": ("库存已恢复", "stock is free")},
    "order.expired.v1": {"alice": ("超时未支付", "not paid in time"), "bob": ("自动关闭", "closed")},
    "order.refunded.v1": {"bob": ("¥100.00", "¥100.00")},
    "payment.succeeded.v1": {"alice": ("成功支付 ¥299.00", "¥299.00")},
    "payment.authorized.v1": {"alice": ("预授权", "authorised")},
    "payment.failed.v1": {"alice": ("支付失败", "failed")},
    "payment.closed.v1": {"alice": ("支付已关闭", "closed")},
    "payment.succeeded_late.v1": {"alice": ("自动原路退款", "we refund it")},
    "payment.refund_requested.v1": {"alice": ("已提交", "was requested"), "bob": ("请处理", "is requested")},
    "payment.refund_rejected.v1": {"alice": ("被拒绝", "refused")},
    "payment.refund_succeeded.v1": {"alice": ("退款 ¥100.00", "¥100.00")},
    "payment.refund_failed.v1": {
        "alice": ("我们正在处理", "look into it"),
        "bob": ("平台正在处理", "failed"),
    },
    "payment.security_event.v1": {},
    "risk.review_requested.v1": {"alice": ("安全审核", "being checked")},
    "risk.decided.v1": {"alice": ("已通过", "passed")},
}
EXTRA = {
    "order.shipped.v1": {"tracking_no": "SF10000001"},
    "order.cancelled.v1": {"reason": "不想要了"},
    "risk.review_requested.v1": {"outcome": "block_and_review"},
    "risk.decided.v1": {"decision": "release", "reason": "called back"},
}


def box(api, person, language="zh"):
    answer = api(person, **{"Accept-Language": language}).get(LIST, {"page_size": 100})
    return answer.json()["results"]["data"]


def texts(rows):
    return [f"{row['title']} {row['content']}" for row in rows]


def test_every_event_we_hear_is_expected_here():
    assert set(EXPECTED) == set(HEARD)


@pytest.mark.parametrize("type_", EXPECTED)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_right_people_read_the_right_message_once(
    api, event, deliver, type_, language, alice, bob, mallory, olive, carol
):
    one = event(type_, **EXTRA.get(type_, {}))

    first, second = deliver(one), deliver(one)

    told = EXPECTED[type_]
    assert (first, second) == ("told" if told else "silent", "duplicate")
    people = {"alice": alice, "bob": bob, "mallory": mallory, "olive": olive, "carol": carol}
    for name, person in people.items():
        rows = texts(box(api, person, language))
        assert len(rows) == (1 if name in told else 0), rows
        if name in told:
            assert told[name][language == "en"] in rows[0]
            assert "{" not in rows[0] and "None" not in rows[0]


@pytest.mark.parametrize("type_", [it for it in EXPECTED if it.startswith("order") and EXPECTED[it]])
def test_every_order_message_names_the_order(api, event, deliver, type_, alice, bob):
    deliver(event(type_, **EXTRA.get(type_, {})))

    for row in box(api, alice) + box(api, bob):
        assert NUMBER in row["content"]
        assert row["related_id"] == event(type_)["data"]["order_uuid"]
        assert row["related_data"]["event_type"] == type_


def test_the_language_is_the_readers_at_the_time_of_reading(api, event, deliver, alice):
    deliver(event("order.paid.v1"))

    assert "已支付" in texts(box(api, alice, "zh"))[0]
    assert "is paid" in texts(box(api, alice, "en"))[0]
    row = Notification.objects.get(user_uuid=alice.uuid)
    assert (row.title, row.content, row.template_key) == ("", "", "order.paid.buyer")
    assert row.params == {"order_id": NUMBER, "total_amount": "299.00"}


def test_nothing_personal_is_stored(event, deliver):
    deliver(event("order.created.v1", shipping_name="爱丽丝", shipping_phone="13800000001"))

    for row in Notification.objects.all():
        assert "shipping_name" not in row.params and "shipping_phone" not in row.related_data


class TestOrder:
    """Events of one order arriving in any order tell the same story, in the order in which it happened."""

    STORY = ("order.created.v1", "order.paid.v1", "order.shipped.v1")

    @pytest.mark.parametrize("arrival", list(permutations(range(3))))
    def test_reordered_events_are_all_told(self, api, event, deliver, alice, arrival):
        story = [
            {**event(type_, version=version), "occurred_at": f"2026-11-21T01:0{version}:00Z"}
            for version, type_ in enumerate(self.STORY, 1)
        ]

        for index in arrival:
            assert deliver(story[index]) == "told"

        assert [row["title"] for row in box(api, alice)] == ["订单已发货", "订单支付成功", "订单已提交"]

    def test_an_event_from_the_future_is_told_now(self, api, event, deliver, alice, write):
        deliver({**event("order.paid.v1"), "occurred_at": "2199-01-01T00:00:00Z"})
        later = write(alice)

        assert box(api, alice)[0]["id"] == later["id"]


def test_two_different_events_of_one_type_are_two_messages(api, event, deliver, alice):
    deliver(event("payment.refund_succeeded.v1", version=2, refund_amount="1.00"))
    deliver(event("payment.refund_succeeded.v1", version=3, refund_amount="2.00"))

    assert len(box(api, alice)) == 2


def test_somebody_who_buys_from_himself_is_told_once(api, event, deliver, alice):
    deliver(event("order.paid.v1", seller_uuid=str(alice.uuid)))

    assert len(box(api, alice)) == 1


def test_a_stopped_payment_says_so_without_the_reviewers_reason(api, event, deliver, alice):
    deliver(event("risk.decided.v1", decision="stop", reason="looks like a mule"))

    (text,) = texts(box(api, alice))
    assert "未通过" in text and "mule" not in text


def test_a_review_that_holds_nothing_is_no_business_of_the_buyers(api, event, deliver, alice):
    assert deliver(event("risk.review_requested.v1", outcome="review")) == "silent"
    assert box(api, alice) == []


@pytest.mark.parametrize("sender", ["OrderService", "PaymentService", "NotificationService"])
@pytest.mark.parametrize("type_", ["order.paid.v1", "payment.succeeded.v1", "risk.decided.v1"])
def test_nobody_speaks_for_another_service(service_api, event, sender, type_):
    owner = {"order": "OrderService", "payment": "PaymentService", "risk": "NotificationService"}
    may = owner[type_.split(".")[0]] == sender

    answer = service_api(sender).post("/event/inbox", event(type_))

    assert answer.status_code == (200 if may else 403)
    assert Notification.objects.exists() == NotificationInbox.objects.exists() == may


@pytest.mark.parametrize("type_", ["order.renamed.v1", "order.paid.v2", "stock.changed.v1"])
def test_unknown_events_are_ignored_and_leave_nothing(event, deliver, type_):
    assert deliver(event(type_)) == "ignored"
    assert not Notification.objects.exists()
    assert not NotificationInbox.objects.exists()


@pytest.mark.parametrize("broken", [{"buyer_uuid": None}, {"buyer_uuid": "x"}, {"seller_uuid": "7"}])
def test_an_event_that_names_nobody_is_refused_whole(service_api, event, broken):
    one = event("order.paid.v1", **broken)

    answer = service_api("OrderService").post("/event/inbox", one)

    assert (answer.status_code, answer.json()["name"]) == (400, "EventIncomplete")
    assert not Notification.objects.exists()
    assert not NotificationInbox.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"event_id": "x"},
        {"event_id": None},
        {"type": "Paid!"},
        {"version": -1},
        {"version": "x"},
        {"occurred_at": "yesterday"},
        {"data": []},
    ],
)
def test_a_malformed_envelope_is_refused(service_api, event, change):
    answer = service_api("OrderService").post("/event/inbox", {**event("order.paid.v1"), **change})

    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == set(change)
    assert not Notification.objects.exists()


@pytest.mark.parametrize(
    "data",
    [
        {"order_id": 7, "total_amount": 299.0},
        {"product_name": "x" * 5000},
        {"product_name": "{order_id} {0} %s"},
        {"product_name": ["a", {"b": 1}]},
        {"reason": "", "product_name": ""},
    ],
)
def test_odd_values_still_make_a_sentence(api, event, deliver, alice, data):
    deliver(event("order.created.v1", **data))

    (row,) = box(api, alice)
    assert row["title"] == "订单已提交"
    assert len(row["content"]) < 600


class TestBudget:
    @pytest.mark.parametrize("type_", ["order.paid.v1", "payment.succeeded.v1"])
    def test_an_event_costs_the_same_for_one_reader_or_two(self, service_api, event, count_sql, type_):
        with count_sql() as log:
            service_api("OrderService" if "order" in type_ else "PaymentService").post(
                "/event/inbox", event(type_)
            )

        # Inbox (taken? newer?), switches, messages, deliveries.
        assert log.count == 5, log

    def test_a_duplicate_costs_two(self, service_api, event, deliver, count_sql):
        one = event("order.paid.v1")
        deliver(one)

        with count_sql() as log:
            service_api("OrderService").post("/event/inbox", one)

        assert log.count == 2, log


def test_the_templates_can_be_filled_by_what_events_carry(event):
    """Every parameter a text may speak of is among the data that its event really has."""
    carried = {
        "order": {
            "order_uuid", "order_id", "buyer_uuid", "seller_uuid", "total_amount", "status", "cancelling",
            "fulfilment_status", "payment_status", "refunded_amount", "reason", "tracking_no", "product_name",
        },
        "payment": {
            "payment_uuid", "order_uuid", "order_id", "user_uuid", "seller_uuid", "amount", "refunded_amount",
            "status", "transaction_id", "payment_method", "paid_at", "reason",
            "refund_uuid", "refund_amount", "refund_source",
        },
        "risk": {"assessment_uuid", "payment_uuid", "order_uuid", "user_uuid", "amount", "outcome", "reason"},
    }  # fmt: skip
    for key, message in MESSAGES.items():
        assert message.parameters() <= carried[key.split(".")[0]], key


def test_a_broken_handler_leaves_nothing_and_the_next_delivery_works(service_api, event, alice):
    """The same event with a second reader that breaks: taken and told go together or not at all."""
    event_id = new_uuid()
    service_api("OrderService").post(
        "/event/inbox", event("order.paid.v1", event_id=event_id, seller_uuid="broken")
    )
    assert not Notification.objects.exists()

    answer = service_api("OrderService").post("/event/inbox", event("order.paid.v1", event_id=event_id))

    assert answer.json()["data"]["outcome"] == "told"
    assert Notification.objects.count() == 2
