"""Risk control and payments: the five outcomes, the reviewer's decision, and what holds when nobody can be
asked."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from common.clock import now, rfc3339
from common.errors import PeerTimeout
from common.ids import new_uuid
from common.testing.people import ALICE
from payment.models import Payment, PaymentOutbox, PaymentSaga

pytestmark = pytest.mark.django_db


def decided(payment: Payment, decision: Any = "release", **about: Any) -> dict[str, Any]:
    """The event risk.decided.v1 as NotificationService sends it."""
    data = {
        "assessment_uuid": str(new_uuid()),
        "payment_uuid": str(payment.payment_uuid),
        "order_uuid": str(payment.order_uuid),
        "user_uuid": str(payment.user_uuid),
        "decision": decision,
        "reason": "looked at it",
    }
    return {
        "event_id": str(new_uuid()),
        "type": "risk.decided.v1",
        "aggregate_id": str(new_uuid()),
        "version": 2,
        "occurred_at": rfc3339(now()),
        "data": data,
    } | about


def decide(shop: Any, event: dict[str, Any], caller: str = "NotificationService") -> Any:
    """NotificationService delivers."""
    return shop.service_api(caller).post("/event/inbox", event, key=event["event_id"])


def make_due() -> None:
    """Time passes for stored runs."""
    PaymentSaga.objects.update(next_at=now())


def held(shop: Any) -> Payment:
    """An attempt that waits for a reviewer."""
    shop.risk = {"outcome": "block_and_review"}
    answer = shop.create(shop.order())
    assert answer.status_code == 200, answer.content
    return Payment.objects.get()


def test_risk_control_is_told_what_it_needs_and_asked_once(shop: Any) -> None:
    order = shop.order()
    shop.api(ALICE, **{"X-Forwarded-For": "6.6.6.6, 203.0.113.7"}).post(
        "/api/payment/create/", {"order_uuid": str(order.uuid), "payment_method": "alipay"}
    )

    (call,) = shop.wire.calls_to("NotificationService", "POST", "/api/internal/risk/evaluate/")
    payment = Payment.objects.get()
    assert call.json == {
        "payment_uuid": str(payment.payment_uuid),
        "order_uuid": str(order.uuid),
        "user_uuid": str(ALICE.uuid),
        "amount": "12.00",
        "payment_method": "alipay",
        "client_ip": "203.0.113.7",
        "address_index": "ab" * 32,
    }
    assert UUID(call.headers["Idempotency-Key"]) and payment.risk_outcome == "approve"


def test_risk_control_sees_the_buyers_address_whoever_carries_the_wish(shop: Any) -> None:
    order = shop.order()
    body = {"order_uuid": str(order.uuid), "client_ip": "203.0.113.7", "order": order.snapshot()}

    assert shop.service_api("OrderService").post("/api/payment/create/", body).status_code == 200

    (call,) = shop.wire.calls_to("NotificationService", "POST", "/api/internal/risk/evaluate/")
    assert call.json["client_ip"] == "203.0.113.7"


def test_a_buyer_does_not_choose_the_address_risk_control_sees(shop: Any) -> None:
    order = shop.order()
    body = {"order_uuid": str(order.uuid), "client_ip": "192.0.2.1"}

    shop.api(ALICE, **{"X-Forwarded-For": "203.0.113.7"}).post("/api/payment/create/", body)

    (call,) = shop.wire.calls_to("NotificationService", "POST", "/api/internal/risk/evaluate/")
    assert call.json["client_ip"] == "203.0.113.7"


@pytest.mark.parametrize("outcome", ["approve", "review"])
def test_approve_and_review_go_on(shop: Any, outcome: str) -> None:
    shop.risk = {"outcome": outcome}

    data = shop.create(shop.order()).json()["data"]

    assert data["payment_data"] and data["under_review"] is False
    assert Payment.objects.get().risk_outcome == outcome


def test_block_and_review_holds_the_payment(shop: Any) -> None:
    shop.risk = {"outcome": "block_and_review"}

    answer = shop.create(shop.order())

    data = answer.json()["data"]
    assert answer.status_code == 200 and answer.json()["code"] == "200"
    assert data["payment_data"] is None and data["under_review"] is True and data["status"] == "pending"
    assert shop.alipay.calls == []


def test_a_second_create_of_a_held_payment_stays_held(shop: Any) -> None:
    payment = held(shop)
    shop.risk = {"outcome": "approve"}

    data = shop.create(shop.orders[payment.order_id]).json()["data"]

    assert data["under_review"] is True and data["payment_data"] is None and Payment.objects.count() == 1


def test_decline_is_6004_and_the_attempt_is_over(shop: Any) -> None:
    shop.risk = {"outcome": "decline"}
    order = shop.order()

    answer = shop.create(order)

    assert answer.status_code == 403 and answer.json()["code"] == "6004"
    payment = Payment.objects.get()
    assert payment.status == 2 and payment.living_key is None and shop.alipay.calls == []
    assert PaymentOutbox.objects.filter(type="payment.failed.v1").count() == 2
    shop.risk = {"outcome": "approve"}
    assert shop.create(order).status_code == 200


@pytest.mark.parametrize(("mode", "under_review"), [("open", False), ("closed", True)])
def test_silence_of_risk_control_follows_the_setting(
    shop: Any, set_live: Any, mode: str, under_review: bool
) -> None:
    set_live(risk_failure_mode=mode)
    shop.wire.fail("NotificationService", error=PeerTimeout)

    answer = shop.create(shop.order())

    assert answer.status_code == 200 and answer.json()["data"]["under_review"] is under_review
    assert Payment.objects.get().risk_outcome == "not_evaluated"


@pytest.mark.parametrize("milliseconds", ["900", "1900"])
def test_a_caller_in_a_hurry_does_not_get_past_risk_control(shop: Any, drain: Any, milliseconds: str) -> None:
    """Too little of the caller's time left to ask is no silence of risk control: the worker asks."""
    shop.risk = {"outcome": "decline"}
    order = shop.order()
    headers = {"X-Deadline-Ms": milliseconds}

    answer = shop.api(ALICE, **headers).post("/api/payment/create/", {"order_uuid": str(order.uuid)})

    assert answer.status_code == 202 and answer.json()["data"]["payment_data"] is None
    assert shop.wire.calls_to("NotificationService", "POST", "/api/internal/risk/evaluate/") == []
    drain()
    payment = Payment.objects.get()
    assert (payment.status, payment.risk_outcome, payment.pay_url) == (2, "decline", "")


@pytest.mark.parametrize("data", [None, {}, {"outcome": "certainly"}, {"outcome": None}, []])
def test_nonsense_from_risk_control_is_silence(shop: Any, data: Any) -> None:
    shop.wire.on("POST", "NotificationService", "/api/internal/risk/evaluate/", {"code": "200", "data": data})

    assert shop.create(shop.order()).status_code == 200
    assert Payment.objects.get().risk_outcome == "not_evaluated"


def test_a_release_lets_the_buyer_pay(shop: Any, drain: Any) -> None:
    payment = held(shop)

    answer = decide(shop, decided(payment))
    drain()

    assert answer.json()["data"] == {"outcome": "released"}
    data = shop.api(ALICE).get(f"/api/payment/{payment.order_uuid}/").json()["data"]
    assert data["under_review"] is False and data["payment_data"]["url"]
    shop.alipay.pay_url(data["payment_data"]["url"])
    assert shop.notify(shop.alipay.notices.pop()).content == b"success"


def test_a_stop_fails_the_payment(shop: Any, drain: Any) -> None:
    payment = held(shop)

    decide(shop, decided(payment, "stop"))
    drain()

    payment.refresh_from_db()
    assert payment.status == 2 and payment.failure_reason == "looked at it" and not payment.under_review
    assert shop.alipay.calls == []
    assert PaymentOutbox.objects.filter(path="/event/payment_failed_cm").count() == 1


@pytest.mark.parametrize("opened", [False, True], ids=["not opened", "at the cashier"])
def test_a_stop_closes_an_attempt_that_went_on_under_review(shop: Any, drain: Any, opened: bool) -> None:
    shop.risk = {"outcome": "review"}
    payment = shop.pending()
    if opened:
        shop.alipay.scan_url(payment.pay_url)
    shop.alipay.fail_next("alipay.trade.query")

    answer = decide(shop, decided(payment, "stop"))
    for _ in range(3):
        drain()
        make_due()

    payment.refresh_from_db()
    assert answer.json()["data"] == {"outcome": "stopping"}
    assert payment.status == 3 and payment.living_key is None
    if opened:
        assert shop.alipay.trades[payment.out_trade_no].status == "TRADE_CLOSED"


def test_a_stop_after_the_money_came_changes_nothing(shop: Any, drain: Any) -> None:
    shop.risk = {"outcome": "review"}
    payment = shop.pending()
    shop.alipay.pay_url(payment.pay_url)

    decide(shop, decided(payment, "stop"))
    drain()

    payment.refresh_from_db()
    assert (payment.status, payment.settles_order, payment.refund_pending_amount) == (1, True, 0)


def test_a_decision_delivered_eight_times_is_one_decision(shop: Any, drain: Any) -> None:
    event = decided(held(shop))

    outcomes = [decide(shop, event).json()["data"]["outcome"] for _ in range(8)]
    drain()

    assert outcomes == ["released"] + ["duplicate"] * 7
    assert len(shop.alipay.calls_of("alipay.trade.precreate")) == 1


@pytest.mark.parametrize(("first", "second", "status"), [("release", "stop", 0), ("stop", "release", 2)])
def test_the_first_decision_counts(shop: Any, drain: Any, first: str, second: str, status: int) -> None:
    payment = held(shop)
    decide(shop, decided(payment, first))

    answer = decide(shop, decided(payment, second, version=3))
    drain()

    payment.refresh_from_db()
    assert answer.json()["data"] == {"outcome": "too_late"} and payment.status == status


def test_a_stop_never_fails_what_is_paid(shop: Any) -> None:
    payment = shop.paid()

    decide(shop, decided(payment, "stop"))

    payment.refresh_from_db()
    assert payment.status == 1


def test_a_held_payment_ends_with_its_order(shop: Any, drain: Any, frozen_clock: Any) -> None:
    payment = held(shop)

    frozen_clock.move(minutes=31)
    drain()
    answer = decide(shop, decided(payment))
    drain()

    payment.refresh_from_db()
    assert payment.status == 3 and answer.json()["data"] == {"outcome": "too_late"}
    assert shop.alipay.calls == []


def test_cancelling_a_held_payment_asks_nobody(shop: Any) -> None:
    payment = held(shop)

    answer = shop.api(ALICE).post(f"/api/payment/{payment.payment_uuid}/cancel/", {})

    assert answer.status_code == 200 and answer.json()["data"]["status"] == "cancelled"
    assert shop.alipay.calls == []


@pytest.mark.parametrize("decision", [None, "", "maybe", 1, ["release"]])
def test_a_decision_is_release_or_stop(shop: Any, decision: Any) -> None:
    payment = held(shop)

    assert decide(shop, decided(payment, decision)).status_code == 400
    payment.refresh_from_db()
    assert payment.under_review


def test_other_events_are_taken_and_ignored(shop: Any) -> None:
    payment = held(shop)

    answer = decide(shop, decided(payment, type="risk.review_requested.v1"))

    assert answer.status_code == 200 and answer.json()["data"] == {"outcome": "ignored"}


@pytest.mark.parametrize("caller", ["OrderService", "PaymentService"])
def test_only_notificationservice_decides(shop: Any, caller: str) -> None:
    payment = held(shop)

    assert decide(shop, decided(payment), caller).status_code == 403
    payment.refresh_from_db()
    assert payment.under_review


def test_a_release_repeated_after_a_lost_answer_of_alipay_opens_one_trade(shop: Any, drain: Any) -> None:
    payment = held(shop)
    shop.alipay.fail_next("alipay.trade.precreate", after=True)

    decide(shop, decided(payment))
    drain()

    payment.refresh_from_db()
    assert payment.pay_url and payment.status == 0
