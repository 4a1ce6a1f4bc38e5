"""Giving money back: who may, how much, and what the buyer, the seller and the order hear of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from common.ids import new_uuid
from common.testing.people import ALICE, BOB, CAROL, MALLORY, OLIVE
from payment.models import Payment, PaymentEvent, PaymentOutbox, Refund

pytestmark = pytest.mark.django_db


def fresh(row: Any) -> Any:
    """`row` as the database has it."""
    row.refresh_from_db()
    return row


def shipped(shop: Any) -> Payment:
    """A paid payment whose goods are on their way."""
    order = shop.order()
    payment = shop.paid(order)
    shop.change(order, status=1, fulfilment=1)
    return payment


def test_before_shipping_a_buyers_refund_is_agreed_and_paid_at_once(shop: Any) -> None:
    payment = shop.paid()

    answer = shop.refund(payment, "12.00")

    assert answer.status_code == 200, answer.content
    assert answer.json()["message"] == "退款处理成功"
    data = answer.json()["data"]
    assert data["success"] is True and data["refund_status"] == "completed"
    assert data["order_id"] == payment.order_id and b'"refund_amount":12.00' in answer.content
    assert data["estimated_arrival"] == "3-5个工作日"
    assert fresh(payment).status == 4 and payment.refunded_amount == Decimal("12.00")
    assert payment.living_key is None
    assert shop.alipay.balance(payment.out_trade_no) == 0


def test_the_refunds_number_is_its_uuid(shop: Any) -> None:
    payment = shop.paid()

    refund_id = shop.refund(payment, "5.00").json()["data"]["refund_id"]

    (sent,) = shop.alipay.calls_of("alipay.trade.refund")
    assert sent["out_request_no"] == refund_id.replace("-", "")
    assert sent["out_trade_no"] == payment.out_trade_no and sent["refund_amount"] == "5.00"


def test_partial_refunds_add_up_to_the_whole_and_not_beyond(shop: Any) -> None:
    payment = shop.paid()

    first = shop.refund(payment, "0.01")
    second = shop.refund(payment, "11.98")
    beyond = shop.refund(payment, "0.02")

    assert (first.status_code, second.status_code) == (200, 200)
    assert fresh(payment).status == 5
    assert beyond.status_code == 422 and beyond.json()["code"] == "6005"
    assert shop.refund(payment, "0.01", refund_reason="the rest").status_code == 200
    assert fresh(payment).status == 4 and payment.refunded_amount == Decimal("12.00")
    assert Refund.objects.count() == 3


def test_without_an_amount_all_that_is_left_goes_back(shop: Any) -> None:
    payment = shop.paid()
    shop.refund(payment, "5.00")

    answer = shop.refund(payment, None)

    assert b'"refund_amount":7.00' in answer.content and fresh(payment).status == 4


def test_what_is_not_paid_is_not_refunded(shop: Any) -> None:
    payment = shop.pending()

    answer = shop.refund(payment, "1.00")

    assert answer.status_code == 409 and answer.json()["data"] == {"status": "pending"}
    assert Refund.objects.count() == 0 and shop.alipay.calls_of("alipay.trade.refund") == []


def test_a_refunded_payment_has_nothing_left(shop: Any) -> None:
    payment = shop.paid()
    shop.refund(payment, "12.00")

    for amount in ("12.00", None):
        answer = shop.refund(payment, amount)
        assert answer.status_code == 409 and answer.json()["data"] == {"status": "refunded"}


@pytest.mark.parametrize(
    "amount",
    ["0", "0.00", "-1.00", "0.001", "1e2", "NaN", "Infinity", 1e400, "", " 1", "1,00", True, [], {}],
)
def test_an_amount_that_is_none_is_a_field_error(shop: Any, amount: Any) -> None:
    payment = shop.paid()
    body = b'{"refund_amount": 1e400}' if amount == float("inf") else None
    path = f"/api/payment/{payment.order_uuid}/refund/"

    if body:
        answer = shop.api(ALICE).request("POST", path, body=body)
    else:
        answer = shop.api(ALICE).post(path, {"refund_amount": amount})

    assert answer.status_code == 400, answer.content
    assert "refund_amount" in answer.json()["errors"] or "body" in answer.json()["errors"]
    assert answer.json()["request_id"] and Refund.objects.count() == 0


def test_the_order_hears_of_each_refund_and_of_the_running_total(shop: Any) -> None:
    payment = shop.paid()
    shop.refund(payment, "5.00")
    shop.refund(payment, "7.00")

    rows = PaymentOutbox.objects.filter(type="payment.refund_succeeded.v1", destination="OrderService")
    told = [
        (row.path, row.data["refund_amount"], row.data["refunded_amount"], row.data["refund_source"])
        for row in rows.order_by("version")
    ]

    assert told == [
        ("/event/refund_notified", "5.00", "5.00", "buyer"),
        ("/event/refund_notified", "7.00", "12.00", "buyer"),
    ]
    versions = list(rows.order_by("version").values_list("version", flat=True))
    assert versions == sorted(set(versions))


def test_after_shipping_a_buyer_waits_for_the_seller(shop: Any) -> None:
    payment = shipped(shop)

    answer = shop.refund(payment, "5.00")

    assert answer.status_code == 202 and answer.json()["data"]["refund_status"] == "processing"
    assert answer.json()["data"]["state"] == "requested"
    assert fresh(payment).refund_pending_amount == Decimal("5.00") and payment.refunded_amount == 0
    assert shop.alipay.calls_of("alipay.trade.refund") == []
    assert PaymentOutbox.objects.filter(type="payment.refund_requested.v1").count() == 1


@pytest.mark.parametrize("person", [BOB, OLIVE], ids=["seller", "admin"])
def test_the_seller_or_an_administrator_approves(shop: Any, person: Any) -> None:
    payment = shipped(shop)
    refund_id = shop.refund(payment, "5.00").json()["data"]["refund_id"]

    answer = shop.api(person).post(f"/api/refunds/{refund_id}/approve/", {"reason": "of course"})

    assert answer.status_code == 200, answer.content
    assert answer.json()["data"]["state"] == "succeeded"
    assert fresh(payment).refunded_amount == Decimal("5.00") and payment.refund_pending_amount == 0
    refund = Refund.objects.get()
    assert refund.decided_by == f"user:{person.uuid}" and refund.open_key is None


@pytest.mark.parametrize("person", [BOB, OLIVE], ids=["seller", "admin"])
def test_the_seller_or_an_administrator_rejects_and_the_amount_is_free_again(shop: Any, person: Any) -> None:
    payment = shipped(shop)
    refund_id = shop.refund(payment, "12.00").json()["data"]["refund_id"]

    answer = shop.api(person).post(f"/api/refunds/{refund_id}/reject/", {"reason": "worn"})

    assert answer.status_code == 200 and answer.json()["data"]["state"] == "rejected"
    assert answer.json()["data"]["decision_reason"] == "worn"
    assert fresh(payment).refund_pending_amount == 0 and payment.status == 1
    assert shop.alipay.calls_of("alipay.trade.refund") == []
    assert PaymentOutbox.objects.filter(type="payment.refund_rejected.v1").count() == 1
    again = shop.refund(payment, "12.00")
    assert again.status_code == 202


@pytest.mark.parametrize("verb", ["approve", "reject"])
@pytest.mark.parametrize(("person", "status"), [(ALICE, 403), (CAROL, 404), (MALLORY, 404)])
def test_nobody_else_decides(shop: Any, verb: str, person: Any, status: int) -> None:
    payment = shipped(shop)
    refund_id = shop.refund(payment, "5.00").json()["data"]["refund_id"]

    answer = shop.api(person).post(f"/api/refunds/{refund_id}/{verb}/", {})

    assert answer.status_code == status
    assert Refund.objects.get().status == 0 and fresh(payment).refund_pending_amount == Decimal("5.00")


@pytest.mark.parametrize("second", ["approve", "reject"])
@pytest.mark.parametrize("first", ["approve", "reject"])
def test_a_decision_is_made_once(shop: Any, first: str, second: str) -> None:
    payment = shipped(shop)
    refund_id = shop.refund(payment, "5.00").json()["data"]["refund_id"]
    shop.api(BOB).post(f"/api/refunds/{refund_id}/{first}/", {})
    before = PaymentEvent.objects.count()

    answer = shop.api(BOB).post(f"/api/refunds/{refund_id}/{second}/", {})

    assert answer.status_code == 409 and answer.json()["code"] == "6011"
    assert PaymentEvent.objects.count() == before


def test_a_buyers_double_click_is_one_wish(shop: Any) -> None:
    payment = shipped(shop)

    first = shop.refund(payment, "5.00").json()["data"]
    second = shop.refund(payment, "5.00").json()["data"]
    other = shop.refund(payment, "6.00")

    assert second["refund_id"] == first["refund_id"]
    assert other.status_code == 409 and other.json()["name"] == "RefundInProgress"
    assert fresh(payment).refund_pending_amount == Decimal("5.00") and Refund.objects.count() == 1


def test_a_double_click_on_the_whole_amount_is_one_wish(shop: Any) -> None:
    payment = shipped(shop)

    first, second = shop.refund(payment, "12.00"), shop.refund(payment, "12.00")

    assert second.json()["data"]["refund_id"] == first.json()["data"]["refund_id"]
    assert Refund.objects.count() == 1


@pytest.mark.parametrize("person", [ALICE, BOB, OLIVE])
def test_anybodys_double_click_on_a_part_is_one_refund(shop: Any, frozen_clock: Any, person: Any) -> None:
    payment = shop.paid()

    first = shop.refund(payment, "5.00", person=person).json()["data"]
    frozen_clock.move(seconds=9)
    second = shop.refund(payment, "5.00", person=person)

    assert (second.status_code, second.json()["data"]["refund_id"]) == (200, first["refund_id"])
    assert Refund.objects.count() == 1 and fresh(payment).refunded_amount == Decimal("5.00")


@pytest.mark.parametrize(
    ("seconds", "body", "keys"),
    [
        (11, {}, ("", "")),
        (1, {"refund_reason": "the other one too"}, ("", "")),
        (1, {"refund_amount": "4.00"}, ("", "")),
        (1, {}, ("first", "second")),
    ],
)
def test_who_means_it_twice_is_believed(
    shop: Any, frozen_clock: Any, seconds: int, body: dict[str, str], keys: tuple[str, str]
) -> None:
    payment = shop.paid()
    path = f"/api/payment/{payment.order_uuid}/refund/"
    wish = {"refund_amount": "5.00", "refund_reason": "scratched"}

    for key, change in zip(keys, ({}, body), strict=True):
        sent = shop.api(BOB).post(path, wish | change, **({"key": key} if key else {}))
        assert sent.status_code == 200, sent.content
        frozen_clock.move(seconds=seconds)

    assert Refund.objects.count() == 2


def test_a_refund_that_failed_may_be_asked_for_again_at_once(shop: Any) -> None:
    payment = shop.paid()
    shop.refund(payment, "1.00", person=BOB)
    shop.alipay.refuse_next("alipay.trade.refund", "ACQ.TRADE_NOT_ALLOW_REFUND")
    refused = shop.refund(payment, "5.00", person=BOB)

    again = shop.refund(payment, "5.00", person=BOB)

    assert refused.json()["data"]["refund_id"] != again.json()["data"]["refund_id"]
    assert fresh(payment).refunded_amount == Decimal("6.00") and Refund.objects.count() == 3


@pytest.mark.parametrize(("person", "source"), [(BOB, "seller"), (OLIVE, "admin")])
def test_a_seller_or_administrator_gives_back_even_after_shipping(
    shop: Any, person: Any, source: str
) -> None:
    payment = shipped(shop)

    answer = shop.refund(payment, "5.00", person=person)

    assert answer.status_code == 200 and Refund.objects.get().source == source
    assert fresh(payment).refunded_amount == Decimal("5.00")


@pytest.mark.parametrize("person", [CAROL, MALLORY])
def test_a_stranger_cannot_refund_what_does_not_exist_for_them(shop: Any, person: Any) -> None:
    payment = shop.paid()

    by_order = shop.refund(payment, "5.00", person=person)
    by_payment = shop.api(person).post(
        f"/api/payments/{payment.payment_uuid}/refund/", {"refund_amount": "5.00"}
    )

    assert (by_order.status_code, by_payment.status_code) == (404, 404)
    assert Refund.objects.count() == 0


@pytest.mark.parametrize("name", ["payment_uuid", "out_trade_no", "id"])
def test_a_payment_is_refunded_by_any_of_its_names(shop: Any, name: str) -> None:
    payment = shop.paid()

    answer = shop.api(ALICE).post(
        f"/api/payments/{getattr(payment, name)}/refund/", {"refund_amount": "5.00"}
    )

    assert answer.status_code == 200 and fresh(payment).refunded_amount == Decimal("5.00")


def test_a_wallet_is_said_not_to_be_there(shop: Any) -> None:
    answer = shop.refund(shop.paid(), "5.00", refund_method="wallet")

    assert answer.status_code == 422 and answer.json()["name"] == "MethodUnavailable"
    assert Refund.objects.count() == 0


def test_orderservice_refunds_a_cancelled_order_and_repeats_itself_safely(shop: Any) -> None:
    payment, key = shop.paid(), new_uuid()
    order = shop.service_api("OrderService")
    body = {"refund_amount": "12.00", "refund_reason": "order_cancelled", "refund_method": "original_payment"}

    first = order.post(f"/api/payment/{payment.order_uuid}/refund/", body, key=key)
    second = order.post(f"/api/payment/{payment.order_uuid}/refund/", body, key=key)

    assert first.status_code == 200 and first.json() == second.json()
    assert second["Idempotent-Replay"] == "true"
    assert Refund.objects.get().source == "order_cancel"
    assert len(shop.alipay.calls_of("alipay.trade.refund")) == 1


def test_a_key_with_another_body_is_refused(shop: Any) -> None:
    payment, key = shop.paid(), new_uuid()
    path = f"/api/payment/{payment.order_uuid}/refund/"
    shop.api(ALICE).post(path, {"refund_amount": "5.00"}, key=key)

    answer = shop.api(ALICE).post(path, {"refund_amount": "6.00"}, key=key)

    assert answer.status_code == 422 and fresh(payment).refunded_amount == Decimal("5.00")


def test_the_list_shows_buyers_and_sellers_theirs(shop: Any) -> None:
    refund_id = shop.refund(shipped(shop), "5.00").json()["data"]["refund_id"]

    seen = {
        person.name: [
            row["refund_id"] for row in shop.api(person).get("/api/refunds/").json()["results"]["data"]
        ]
        for person in (ALICE, BOB, CAROL, MALLORY, OLIVE)
    }

    assert seen == {
        "Alice": [refund_id],
        "Bob": [refund_id],
        "Carol": [],
        "Mallory": [],
        "Olive": [refund_id],
    }
    waiting = shop.api(BOB).get("/api/refunds/", {"status": "requested"}).json()
    assert waiting["count"] == 1
    assert shop.api(BOB).get("/api/refunds/", {"status": "succeeded"}).json()["count"] == 0
    assert shop.api(BOB).get("/api/refunds/", {"status": "imagined"}).status_code == 400
    assert shop.api(BOB).get("/api/refunds/", {"refund_id": str(new_uuid())}).json()["count"] == 0


@pytest.mark.parametrize("person", [BOB, OLIVE], ids=["seller", "admin"])
def test_all_that_is_left_is_nothing_while_another_refund_holds_it(shop: Any, person: Any) -> None:
    payment = shop.paid()
    shop.alipay.fail_next("alipay.trade.refund")
    assert shop.refund(payment, "12.00").status_code == 202
    before = PaymentEvent.objects.count()

    answer = shop.refund(payment, None, person=person)

    assert answer.status_code == 422 and answer.json()["code"] == "6005"
    assert Refund.objects.count() == 1 and PaymentEvent.objects.count() == before
    assert fresh(payment).refund_pending_amount == Decimal("12.00")


def test_a_double_click_without_an_amount_is_one_wish(shop: Any) -> None:
    payment = shipped(shop)

    first, second = shop.refund(payment, None), shop.refund(payment, None)

    assert second.json()["data"]["refund_id"] == first.json()["data"]["refund_id"]
    assert Refund.objects.get().amount == fresh(payment).refund_pending_amount == Decimal("12.00")
